// /api/v1/statistics: each sees what is theirs, by team and account as well, and the command line shows it.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chat, json } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { post } from './lib/raw.mjs';
import { PASSWORD, api } from './lib/people.mjs';

const context = gateway();
const who = {};
let admin, team;
const ask = (token, query) => api(context.lurus, 'GET', `/api/v1/statistics?${new URLSearchParams(query)}`, { token });
const call = async (token, method, target, body) => {
  const answer = await api(context.lurus, method, target, { token, body });
  assert.ok(answer.status < 300, `${method} ${target}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};

async function signedIn(email, role, org) {
  for (const args of [['user', 'add', email, '--role', role, '--org', org]]) assert.equal((await context.lurus.cli(args)).code, 0);
  const { token } = JSON.parse((await context.lurus.cli(['user', 'reset-password', email, '--json'])).stdout);
  assert.equal((await api(context.lurus, 'POST', 'password/reset/confirm', { body: { token, new_password: PASSWORD } })).status, 204);
  return (await api(context.lurus, 'POST', 'login', { body: { email, password: PASSWORD } })).body.access_token;
}

async function fill() {
  const { up, lurus } = context;
  admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  await call(admin, 'POST', '/api/v1/orgs', { name: 'acme' });
  who.owner = await signedIn('owner@default.example', 'owner', 'default');
  who.member = await signedIn('member@default.example', 'member', 'default');
  who.foreign = await signedIn('owner@acme.example', 'owner', 'acme');
  team = (await call(who.owner, 'POST', '/api/v1/teams', { name: 'search' })).id;
  const keys = {
    owner: await call(who.owner, 'POST', '/api/v1/keys', { name: 'of-owner', team: 'search' }),
    member: await call(who.member, 'POST', '/api/v1/keys', { name: 'of-member' }),
    foreign: await call(who.foreign, 'POST', '/api/v1/keys', { name: 'of-owner' }),
  };
  up.always(json(chat.json));
  for (const [name, times] of [['owner', 3], ['member', 2], ['foreign', 4]]) {
    for (let i = 0; i < times; i += 1) assert.equal((await post(lurus, chat.target(false), chat.request(false), { key: keys[name].key })).status, 200);
  }
}
let filled;
const ready = () => (filled ??= fill());

const counts = (answer) => Object.fromEntries(answer.body.data.map((row) => [row.group, row.requests]));

test('members see their own, admins their organisation, and nobody another one', async () => {
  await ready();
  for (const [name, requests] of [['owner', 5], ['member', 2], ['foreign', 4]]) {
    for (const query of [{}, { by: 'model' }, { by: 'team' }, { by: 'user', bucket: 'hour' }, { bucket: 'day' }]) {
      const answer = await ask(who[name], query);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.equal(answer.body.total.requests, requests, `${name} ${JSON.stringify(query)}`);
    }
  }
  assert.deepEqual(counts(await ask(who.owner, { by: 'key' })), { 'of-owner': 3, 'of-member': 2 });
  assert.deepEqual(counts(await ask(who.foreign, { by: 'key' })), { 'of-owner': 4 });
  assert.equal((await ask(admin, {})).body.total.requests, 9);
  assert.equal((await ask('', {})).status, 401);
});

test('by team and by account; keys of the same name in two organisations are not taken for one another', async () => {
  await ready();
  assert.deepEqual(counts(await ask(who.owner, { by: 'team' })), { [team]: 3, null: 2 });
  assert.deepEqual(counts(await ask(admin, { by: 'team' })), { [team]: 3, null: 6 });
  assert.deepEqual(counts(await ask(who.foreign, { by: 'team' })), { null: 4 });
  assert.deepEqual(counts(await ask(who.owner, { by: 'account' })), { oai: 5 });
});

test('pages, and the command line', async () => {
  await ready();
  const first = (await ask(who.owner, { by: 'key', sort: '-requests', limit: 1 })).body;
  assert.deepEqual([first.data[0].group, first.data[0].requests, first.total.requests], ['of-owner', 3, 5]);
  assert.ok(first.data[0].avg_duration_us > 0 && first.data[0].input > 0);
  const second = (await ask(who.owner, { by: 'key', sort: '-requests', limit: 1, cursor: first.next })).body;
  assert.deepEqual([second.data[0].group, second.next], ['of-member', null]);
  const shown = await context.lurus.cli(['usage', '--by', 'account', '--bucket', 'day']);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /\d{4}-\d\d-\d\dT00:00Z oai +9/);
});
