// Account groups: a key of some is served by accounts of those alone, on every way in.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS, anthropic, chat, gemini, headerOf, json } from '../upstream/index.mjs';
import { assertError, gateway, providerFor } from './lib/suite.mjs';
import { connectRaw, jsonOf, post } from './lib/raw.mjs';
import { KEY, httpGet } from './lib/lurus.mjs';
import { api } from './lib/people.mjs';

const value = (name) => `cr_${name}_${'0'.repeat(24)}`;
const context = gateway((up) => ({
  keys: [{ name: 'e2e', value: KEY }, { name: 'vip', value: value('vip'), groups: ['vip'] }, { name: 'both', value: value('both'), groups: ['team-a', 'vip'] }, { name: 'nobody', value: value('nobody'), groups: ['nobody'] }],
  providers: [
    providerFor(chat, 'plain', up.url, { models: ['gpt-5-mini', 'only-plain'] }),
    providerFor(chat, 'vip', up.url, { models: ['gpt-5-mini', 'only-vip'], groups: ['vip'] }),
    providerFor(chat, 'team', up.url, { models: ['gpt-5-mini', 'only-team'], groups: ['team-a'] }),
    { name: 'demo-a', kind: 'demo', models: ['demo-*'], groups: ['vip'] },
    { name: 'demo-b', kind: 'demo', models: ['demo-*', 'b-*'] },
  ],
  routes: [{ model: 'fast', to: ['plain/gpt-5-mini', 'team/gpt-5-mini', 'vip/gpt-5-mini'] }],
}));

const ask = (name, model, dialect = chat) =>
  post(context.lurus, dialect === gemini ? `/v1beta/models/${model}:generateContent` : dialect.target(false), dialect === gemini ? gemini.request() : dialect.request(false, { model }), { key: name ? value(name) : KEY, headers: dialect.headers ?? [] });
const served = async (answer) => (assert.equal(answer.status, 200, answer.body.toString()), (await context.lurus.row(answer.trace)).provider);

test('each key is served by accounts of its groups, a key without groups by all', async () => {
  const { up } = context;
  up.always(json(chat.json));
  assert.equal(await served(await ask('vip', 'gpt-5-mini')), 'vip');
  assert.equal(headerOf(up.last.headers, 'authorization'), 'Bearer sk-vip');
  assert.equal(await served(await ask(null, 'gpt-5-mini')), 'plain');
  assert.equal(await served(await ask('both', 'only-team')), 'team');
  assert.equal(await served(await ask('vip', 'fast')), 'vip');
  assert.equal(await served(await ask('both', 'fast')), 'team');
  assert.equal(await served(await ask('vip', 'vip/only-vip')), 'vip');
});

test('another account of the group takes over, never one outside of it', async () => {
  const { up, lurus } = context;
  up.next(json(JSON.stringify({ error: { message: 'down' } }), { status: 503 }), json(chat.json));
  const answer = await ask('both', 'fast');
  assert.equal(answer.status, 200, answer.body.toString());
  assert.deepEqual((await lurus.row(answer.trace)).attempts.map((a) => a.provider), ['team', 'vip']);
  const before = up.requests.length;
  up.always(json(JSON.stringify({ error: { message: 'down' } }), { status: 503 }));
  const failed = await ask('vip', 'fast');
  assert.ok(failed.status >= 500, `${failed.status}`);
  assert.deepEqual((await lurus.row(failed.trace)).attempts.map((a) => a.provider), ['vip']);
  assert.equal(up.requests.length, before + 1);
});

test('what only other accounts serve is 403 in the dialect of the client, and in the log', async () => {
  const { up, lurus } = context;
  const before = up.requests.length;
  for (const dialect of DIALECTS) {
    const model = dialect.dialect?.startsWith('openai') ? 'only-plain' : 'b-model';
    const denied = await ask('vip', model, dialect);
    assertError(dialect, denied, 403, /this key is for accounts of the groups vip/);
    const row = await lurus.row(denied.trace);
    assert.deepEqual([row.status, row.end, row.key, row.provider || null], [403, 'error', 'vip', null]);
  }
  assertError(chat, await ask('vip', 'plain/only-plain'), 403);
  assertError(chat, await ask('nobody', 'gpt-5-mini'), 403, /the groups nobody/);
  const unknown = assertError(chat, await ask('vip', 'nobody-has-it'), 404, /only-vip/);
  assert.ok(!unknown.includes('only-plain') && !unknown.includes('only-team'), unknown);
  assert.equal(up.requests.length, before, 'nothing went upstream');
});

test('the lists of models show what the key can reach', async () => {
  const { lurus } = context;
  const names = async (name) => jsonOf(await httpGet(`${lurus.url}/v1/models`, { headers: { authorization: `Bearer ${name ? value(name) : KEY}` } })).data.map((m) => m.id);
  const vip = await names('vip'), all = await names(null);
  for (const model of ['gpt-5-mini', 'only-vip', 'fast']) assert.ok(vip.includes(model), `${model}: ${vip}`);
  for (const model of ['only-plain', 'only-team']) {
    assert.ok(!vip.includes(model), `${model}: ${vip}`);
    assert.ok(all.includes(model), `${model}: ${all}`);
  }
  assert.deepEqual(await names('nobody'), []);
  const one = await httpGet(`${lurus.url}/v1/models/only-plain`, { headers: { authorization: `Bearer ${value('vip')}` } });
  assert.equal(one.status, 404);
});

test('a WebSocket goes to an account of the group too, or is refused', async () => {
  const { up, lurus } = context;
  const upgrade = async (name, target) => {
    const client = await connectRaw(lurus);
    await client.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${value(name)}\r\n\r\n`);
    await client.until(() => client.answers.length === 1 || client.ended, 'the answer to the upgrade');
    client.close();
    return client.answers[0].status;
  };
  assert.equal(await upgrade('nobody', '/v1/realtime?model=gpt-5-mini'), 403);
  assert.equal(await upgrade('nobody', '/v1/responses'), 403);
  up.next({ status: 426, body: 'no' });
  assert.equal(await upgrade('vip', '/v1/realtime?model=gpt-5-mini'), 426);
  assert.equal(headerOf(up.last.headers, 'authorization'), 'Bearer sk-vip');
});

test('stored accounts and keys take groups, and a change is in force within a second', async () => {
  const { lurus } = context;
  const token = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  const call = (method, target, body) => api(lurus, method, target, { token, body });
  const made = await call('POST', '/api/v1/keys', { name: 'stored', groups: ['late'] });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const use = () => post(lurus, '/v1/messages', anthropic.request(false, { model: 'demo-x' }), { key: made.body.key, headers: anthropic.headers ?? [] });
  assert.equal((await use()).status, 403);
  const account = await call('POST', '/api/v1/accounts', { Name: 'late', Provider: 'demo', Metadata: JSON.stringify({ models: ['demo-x'], groups: ['late'] }) });
  assert.equal(account.status, 200, JSON.stringify(account.body));
  assert.deepEqual(JSON.parse(account.body.Account.Metadata).groups, ['late']);
  const until = Date.now() + 1000;
  let answer = await use();
  while (answer.status !== 200 && Date.now() < until) (await sleep(20), (answer = await use()));
  assert.equal(await served(answer), 'late');
  const resolved = await call('GET', '/api/v1/resolve?model=demo-x&family=anthropic&group=vip');
  assert.deepEqual(resolved.body.data[0].candidates.map((c) => c.provider), ['demo-a']);
  assert.equal((await call('PATCH', '/api/v1/keys/stored', { groups: [] })).body.groups.length, 0);
});
