// How much of limits and budgets is used: over the API, on the command line, in the answers' fields; and usage by days of a
// time zone and as CSV.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chat, json } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { header, post } from './lib/raw.mjs';
import { PASSWORD, api } from './lib/people.mjs';
import { KEY } from './lib/lurus.mjs';

const context = gateway({
  keys: [{ name: 'e2e', value: KEY }],
  limits: { model: [{ model: 'gpt-rare*', rpm: 3 }] },
});
let admin;
const call = async (method, target, body, token = admin) => {
  const answer = await api(context.lurus, method, target, { token, body });
  assert.ok(answer.status < 300, `${method} ${target}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const cli = async (...args) => {
  const done = await context.lurus.cli(args);
  assert.equal(done.code, 0, done.stderr);
  return done.stdout;
};
const lines = (text) => text.trim().split('\n').map((line) => JSON.parse(line));
const send = (key) => post(context.lurus, chat.target(false), chat.request(false), { key });
const limits = async (query = '', token = admin) => (await call('GET', `/api/v1/limits${query}`, undefined, token)).data;
const one = (rows, limit) => rows.find((row) => row.limit === limit);

async function fill() {
  const { up, lurus } = context;
  admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  up.always(json(chat.json));
  await call('POST', '/api/v1/teams', { name: 'search' });
  await call('PATCH', '/api/v1/teams/search', { budget: '5 USD/month' });
  const { key } = await call('POST', '/api/v1/keys', { name: 'ci', team: 'search', rpm: 10, concurrency: 4, budget: '0.01 USD/day' });
  const answers = [];
  for (let i = 0; i < 3; i += 1) answers.push(await send(key));
  return { key, answers };
}
let filled;
const ready = () => (filled ??= fill());

test('each limit says what is used, what is left and when it is free again', async () => {
  await ready();
  const rows = await limits('?subject=key&name=ci');
  assert.deepEqual(rows.map((row) => row.limit), ['rpm', 'concurrency', 'budget']);
  const rpm = one(rows, 'rpm'), budget = one(rows, 'budget');
  assert.deepEqual([rpm.allowed, rpm.used, rpm.remaining, rpm.unit, rpm.period], [10, 3, 7, 'requests', 'minute']);
  assert.deepEqual([one(rows, 'concurrency').used, one(rows, 'concurrency').period], [0, null]);
  const spent = (await call('GET', '/api/v1/usage?by=key')).data.find((row) => row.name === 'ci').cost_nano_usd;
  assert.ok(spent > 0);
  assert.deepEqual([budget.allowed, budget.used, budget.remaining, budget.unit, budget.period], [10_000_000, spent, 10_000_000 - spent, 'nano_usd', 'day']);
  const midnight = new Date();
  midnight.setUTCHours(24, 0, 0, 0);
  assert.equal(Date.parse(budget.resets_at), midnight.getTime());
  const team = await limits('?name=search');
  assert.deepEqual(team.map((row) => [row.subject, row.limit, row.used]), [['team', 'budget', spent]]);
  assert.deepEqual((await limits('?subject=model')).map((row) => [row.name, row.limit, row.used]), [['gpt-rare*', 'rpm', 0]]);
});

test('the command line shows it where keys are listed, and for all of them', async () => {
  await ready();
  const listed = await cli('key', 'list');
  assert.match(listed, /LIMITS/);
  assert.match(listed, /[$]0\.\d+ of 0\.01 USD\/day, 0 of 4 concurrency, \d of 10 rpm/);
  const key = lines(await cli('key', 'list', '--json')).find((row) => row.name === 'ci');
  assert.deepEqual(key.limits.map((row) => row.limit), ['budget', 'concurrency', 'rpm']);
  const all = await cli('limits');
  assert.match(all, /team +search +5 USD\/month/);
  assert.match(all, /key +ci +0\.01 USD\/day/);
  assert.deepEqual(lines(await cli('limits', 'search', '--json')).map((row) => row.subject), ['team']);
});

test('an answer says what is left of the tightest budget', async () => {
  const { answers } = await ready();
  const left = answers.map((answer) => Number(header(answer, 'x-lurus-budget-remaining').split(' ')[0]));
  assert.equal(header(answers[0], 'x-lurus-budget-limit'), '0.01 USD/day');
  assert.ok(left[0] < 0.01 && left[1] < left[0], left.join(' '));
  assert.match(header(answers[0], 'x-lurus-budget-reset'), /^\d{4}-\d\d-\d\dT00:00:00Z$/);
});

test('a member sees the limits of the own keys, and nobody those of another organisation', async () => {
  await ready();
  await call('POST', '/api/v1/orgs', { name: 'acme' });
  const tokens = {};
  for (const [email, role, org] of [['member@x.example', 'member', 'default'], ['boss@acme.example', 'owner', 'acme']]) {
    await cli('user', 'add', email, '--role', role, '--org', org);
    const { token } = JSON.parse(await cli('user', 'reset-password', email, '--json'));
    await api(context.lurus, 'POST', 'password/reset/confirm', { body: { token, new_password: PASSWORD } });
    tokens[org] = (await api(context.lurus, 'POST', 'login', { body: { email, password: PASSWORD } })).body.access_token;
  }
  assert.deepEqual(await limits('', tokens.default), []);
  assert.deepEqual(await limits('', tokens.acme), []);
  const mine = await call('POST', '/api/v1/keys', { name: 'mine' }, tokens.default);
  await call('PATCH', `/api/v1/keys/${mine.id}`, { rpm: 5 });
  assert.deepEqual((await limits('', tokens.default)).map((row) => [row.subject, row.name, row.limit]), [['key', 'mine', 'rpm']]);
  assert.equal((await api(context.lurus, 'GET', '/api/v1/limits?subject=everybody', { token: admin })).status, 400);
});

test('days and hours of a time zone', async () => {
  await ready();
  const berlin = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Berlin', year: 'numeric', month: '2-digit', day: '2-digit' });
  const before = berlin.format(new Date());
  const usage = await call('GET', '/api/v1/usage?by=day&since=7d&tz=Europe/Berlin');
  const after = berlin.format(new Date());
  assert.equal(usage.tz, 'Europe/Berlin');
  assert.ok(usage.data.every((row) => row.group <= after) && usage.data.some((row) => row.group >= before), JSON.stringify(usage.data));
  assert.equal(usage.data.reduce((sum, row) => sum + row.requests, 0), usage.total.requests);
  const hours = await call('GET', '/api/v1/statistics?bucket=hour&by=key&from=today&tz=Asia/Kolkata');
  for (const row of hours.data) assert.match(row.time, /T\d\d:00:00\+05:30$/);
  const wrong = await api(context.lurus, 'GET', '/api/v1/usage?tz=Mars/Olympus', { token: admin });
  assert.equal(wrong.status, 400);
  assert.match(JSON.stringify(wrong.body), /Mars\/Olympus.*Europe\/Berlin/);
  const refused = await context.lurus.cli(['usage', '--tz', 'Mars/Olympus']);
  assert.equal(refused.code, 2);
});

test('usage as CSV has names in it, and nothing a spreadsheet runs', async () => {
  const { key } = await ready();
  await post(context.lurus, chat.target(false), chat.request(false, { model: '=HYPERLINK("x"),1' }), { key });
  const rows = (await cli('usage', '--by', 'model', '--csv')).split(/\r?\n/);
  assert.match(rows[0], /^time,group,id,name,requests,.*,cost_nano_usd,avg_duration_us$/);
  assert.ok(rows.some((row) => row.startsWith(`,"'=HYPERLINK(""x""),1",`)), rows.join('\n'));
  assert.match(await cli('usage', '--by', 'team', '--csv'), /,search,\d+,/);
});
