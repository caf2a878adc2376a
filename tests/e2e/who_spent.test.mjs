// Budgets, usage and statistics go by ids: a key that was revoked, moved or renamed, or another one of its name, changes no past.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { anthropic, json } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { jsonOf, post } from './lib/raw.mjs';
import { api } from './lib/people.mjs';

const context = gateway({ limits: { team: { rpm: 1000 } } });
const COST = 18_000_000; // nano-USD of one answer: 1000 tokens in, 1000 out, at Sonnet's price

async function command(...args) {
  const done = await context.lurus.cli([...args, '--json']);
  assert.equal(done.code, 0, `lurus ${args.join(' ')}: ${done.stderr}`);
  return done.stdout ? JSON.parse(done.stdout) : null;
}
const makeKey = (name, ...more) => command('key', 'create', '--name', name, ...more);
const team = (name, budget) => command('team', 'create', name).then((made) => command('team', 'edit', name, '--budget', budget).then(() => made));
const admin = () => fs.readFileSync(path.join(context.lurus.dataDir, 'admin.token'), 'utf8').trim();
async function ask(target) {
  const answer = await api(context.lurus, 'GET', `/api/v1/${target}`, { token: admin() });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}
const use = (key) => {
  context.up.always(json(JSON.stringify({ ...JSON.parse(anthropic.json), usage: { input_tokens: 1000, output_tokens: 1000 } })));
  return post(context.lurus, anthropic.target(false), anthropic.request(false), { headers: anthropic.headers, key: key.key });
};
async function spend(key, times) {
  for (let i = 0; i < times; i += 1) assert.equal((await use(key)).status, 200);
}
async function restart() {
  assert.equal((await context.lurus.stop()).code, 0);
  await context.lurus.start();
}
const pick = (rows, by) => Object.fromEntries(rows.map((row) => [row[by], row.cost_nano_usd]));

test("a team's budget remembers the keys that were revoked", async () => {
  const red = await team('red', '0.05 USD/total');
  const first = await makeKey('red-1', '--team', 'red');
  await spend(first, 3);
  await command('key', 'revoke', 'red-1');
  const second = await makeKey('red-2', '--team', 'red');
  const check = async () => assertError(anthropic, await use(second), 429, /budget of 0\.05 USD\/total of team/);
  await restart();
  await check();
  const sums = await ask('statistics?by=team&group=red');
  assert.deepEqual(sums.data.map(({ id, group, name, cost_nano_usd }) => ({ id, group, name, cost_nano_usd })),
    [{ id: red.id, group: red.id, name: 'red', cost_nano_usd: 3 * COST }]);
});

test("another team's key of the same name takes over nothing; nor does another key of that name", async () => {
  await team('green', '10 USD/total');
  const blue = await team('blue', '0.05 USD/total');
  const old = await makeKey('ci', '--team', 'green');
  await spend(old, 3);
  await command('key', 'revoke', 'ci');
  const next = await makeKey('ci', '--team', 'blue', '--budget', '0.05 USD/total');
  await restart();
  await spend(next, 1);
  assert.equal(pick((await ask('usage?by=team')).data, 'id')[blue.id], COST);

  const keys = (await ask('usage?by=key')).data.filter((row) => row.name === 'ci');
  assert.deepEqual(pick(keys, 'id'), { [old.id]: 3 * COST, [next.id]: COST });
  assert.ok(keys.every((row) => row.group === 'ci'));
  assert.deepEqual(pick((await ask('statistics?by=key&group=ci&bucket=day')).data, 'id'), { [old.id]: 3 * COST, [next.id]: COST });
  assert.deepEqual(pick((await ask(`statistics?by=key&group=${next.id}`)).data, 'group'), { ci: COST });
  const paged = await ask('statistics?by=key&group=ci&sort=group&limit=1');
  const rest = await ask(`statistics?by=key&group=ci&sort=group&limit=1&cursor=${paged.next}`);
  assert.deepEqual(new Set([paged.data[0].id, rest.data[0].id]), new Set([old.id, next.id]));

  const shown = await context.lurus.cli(['usage', '--by', 'key']);
  for (const id of [old.id, next.id]) assert.match(shown.stdout, new RegExp(`^ci \\(${id.slice(-8)}\\) `, 'm'));
  assert.match((await context.lurus.cli(['usage', '--by', 'team'])).stdout, /^blue +1 /m);
  assert.match((await context.lurus.cli(['usage', '--by', 'org'])).stdout, /^default +\d/m);
});

test('a key that moves to another team leaves its past where it was', async () => {
  const from = await team('from', '0.05 USD/total');
  const to = await team('to', '0.05 USD/total');
  const moving = await makeKey('moving', '--team', 'from');
  const staying = await makeKey('staying', '--team', 'from');
  await spend(moving, 3);
  await command('key', 'edit', 'moving', '--team', 'to');
  await restart();
  await spend(moving, 1);
  assertError(anthropic, await use(staying), 429, /budget of 0\.05 USD\/total of team/);
  const teams = pick((await ask('usage?by=team')).data, 'id');
  assert.equal(teams[from.id], 3 * COST);
  assert.equal(teams[to.id], COST);
  assert.equal(pick((await ask('usage?by=key')).data, 'id')[moving.id], 4 * COST);
});

test("a record has ids: its own, the node's, and of whom it was; also when callers bring one trace id twice", async () => {
  const { lurus } = context;
  const owner = await command('user', 'add', 'ann@example.com');
  const made = await makeKey('owned', '--team', 'to', '--user', 'ann@example.com');
  await command('team', 'edit', 'to', '--budget', 'none');
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  context.up.always(json(anthropic.json));
  for (let i = 0; i < 2; i += 1) {
    const answer = await post(lurus, anthropic.target(false), anthropic.request(false), { key: made.key, headers: [...anthropic.headers, ['traceparent', `00-${trace}-00f067aa0ba902b7-01`]] });
    assert.equal(answer.status, 200);
  }
  const records = (await ask(`traces/${trace}`)).data;
  assert.equal(records.length, 2);
  assert.notEqual(records[0].record_id, records[1].record_id);
  for (const record of records) {
    assert.match(record.record_id, /^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
    assert.equal(parseInt(record.record_id.slice(0, 12), 16), Math.floor(Date.parse(record.time)));
    assert.equal(record.key_id, made.id);
    assert.equal(record.team_id, (await ask('teams')).data.find((one) => one.name === 'to').id);
    assert.equal(record.org_id, '00000000000000000000000000000001');
    assert.equal(record.member_id, owner.id);
    assert.equal(record.user, owner.id);
    assert.deepEqual(record.attempts.map((attempt) => attempt.id), [`${record.record_id}-1`]);
    const { request_body, response_body, ...alone } = await ask(`records/${record.record_id}`);
    assert.deepEqual(alone, (await ask('logs?limit=10')).data.find((one) => one.record_id === record.record_id));
  }
  assert.equal((await ask('usage?by=user')).data.find((row) => row.id === owner.id).name, 'ann@example.com');
  await restart();
  const [again] = (await ask(`traces/${trace}`)).data;
  assert.equal(again.node_id, records[0].node_id);
  assert.equal(again.record_id, records[0].record_id);
  assert.equal((await api(lurus, 'GET', `/api/v1/records/${trace}`, { token: admin() })).status, 404);
});
