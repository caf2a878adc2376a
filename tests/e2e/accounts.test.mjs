// What QuotaLane's clients call: /api/v1/accounts[/{id}] manages upstream accounts, /api/v1/messages relays.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { anthropic, headerOf, json, sse, startUpstream, streamOf } from '../upstream/index.mjs';
import { configFor, startLurus } from './lib/lurus.mjs';
import { api } from './lib/people.mjs';
import { post } from './lib/raw.mjs';

let up, lurus, admin;
const SECRET = 'sk-ant-account-0123456789';
const call = (method, target, body) => api(lurus, method, target, { token: admin, body });

before(async () => {
  up = await startUpstream();
  lurus = await startLurus({ config: configFor(up, { providers: [{ name: 'other', kind: 'openai', base_url: `${up.url}/v1`, api_key: 'sk-o', models: ['gpt-*'] }] }) });
  admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
});
after(async () => {
  await lurus?.close();
  await up?.close();
});

test('an account is created, read, listed, changed, used and deleted', async () => {
  const created = await call('POST', '/api/v1/accounts', { Name: 'claude-1', Provider: 'CLAUDE_CONSOLE', ApiKey: SECRET, RpmLimit: 0, Metadata: JSON.stringify({ base_url: up.url, models: ['claude-*'] }) });
  assert.equal(created.status, 200, JSON.stringify(created.body));
  const account = created.body.Account;
  assert.match(account.Id, /^\d+$/);
  assert.deepEqual([account.Name, account.Provider, account.Status], ['claude-1', 'CLAUDE_CONSOLE', 'ACCOUNT_ACTIVE']);
  assert.ok(!JSON.stringify(created.body).includes(SECRET.slice(8)), 'the credential does not come back');
  assert.deepEqual((await call('GET', `/api/v1/accounts/${account.Id}`)).body, created.body);

  const list = (await call('GET', '/api/v1/accounts?PageSize=1&Page=2')).body;
  assert.deepEqual([list.Accounts.length, list.Total, list.Page, list.PageSize], [1, 2, 2, 1]);
  const claude = (await call('GET', '/api/v1/accounts?Provider=CLAUDE_CONSOLE&Status=ACCOUNT_ACTIVE')).body;
  assert.deepEqual(claude.Accounts.map((a) => a.Name), ['claude-1']);

  up.next(json(anthropic.json));
  assert.equal((await post(lurus, '/v1/messages', anthropic.request(false))).status, 200);
  assert.equal(headerOf(up.requests.at(-1).headers, 'x-api-key'), SECRET);

  const off = await call('PUT', `/api/v1/accounts/${account.Id}`, { Status: 'ACCOUNT_INACTIVE' });
  assert.equal(off.body.Account.Status, 'ACCOUNT_INACTIVE', JSON.stringify(off.body));
  assert.notEqual((await post(lurus, '/v1/messages', anthropic.request(false))).status, 200);
  const on = await call('PUT', `/api/v1/accounts/${account.Id}`, { Id: account.Id, Status: 'ACCOUNT_ACTIVE', ApiKey: `${SECRET}-new` });
  assert.equal(on.body.Account.Status, 'ACCOUNT_ACTIVE');
  up.next(json(anthropic.json));
  assert.equal((await post(lurus, '/v1/messages', anthropic.request(false))).status, 200);
  assert.equal(headerOf(up.requests.at(-1).headers, 'x-api-key'), `${SECRET}-new`);

  const removed = await call('DELETE', `/api/v1/accounts/${account.Id}`);
  assert.deepEqual([removed.status, removed.body.Success], [200, true]);
  assert.equal((await call('GET', `/api/v1/accounts/${account.Id}`)).status, 404);
});

test('what an account cannot have here is refused, not ignored', async () => {
  const base = { Name: 'x', Provider: 'CLAUDE_CONSOLE', ApiKey: 'sk' };
  for (const body of [{ ...base, RpmLimit: 5 }, { ...base, OAuthData: '{}' }, { ...base, Provider: 'DROID' }, { ...base, Colour: 'red' }, { ...base, Metadata: '{"proxy":"socks5://x"}' }, { ...base, Metadata: 'x' }, { Provider: 'GEMINI' }, { Name: 'x' }, []]) {
    const answer = await call('POST', '/api/v1/accounts', body);
    assert.equal(answer.status, 400, JSON.stringify([body, answer.body]));
    assert.equal(answer.headers['content-type'], 'application/problem+json');
  }
  assert.equal((await call('PUT', '/api/v1/accounts/other', { Status: 'ACCOUNT_INACTIVE' })).status, 409, 'the configuration file owns it');
  assert.equal((await api(lurus, 'GET', '/api/v1/accounts')).status, 401);
});

test('/api/v1/messages is the Messages API, streamed or not, with a key', async () => {
  await call('POST', '/api/v1/accounts', { Name: 'claude-2', Provider: 'anthropic', ApiKey: SECRET, Metadata: JSON.stringify({ base_url: up.url, models: ['claude-*'] }) });
  up.next(json(anthropic.json), sse(streamOf(anthropic)));
  const whole = await post(lurus, '/api/v1/messages?beta=true', anthropic.request(false));
  assert.equal(whole.status, 200, whole.body.toString());
  assert.equal(up.requests.at(-1).target, '/v1/messages?beta=true');
  const streamed = await post(lurus, '/api/v1/messages', anthropic.request(true));
  assert.equal(streamed.status, 200);
  assert.match(streamed.body.toString(), /event: message_stop/);
  const stranger = await post(lurus, '/api/v1/messages', anthropic.request(false), { key: 'cr_nobody' });
  assert.equal(stranger.status, 401);
  assert.equal(JSON.parse(stranger.body).type, 'error', "the dialect's own error");
  assert.equal((await call('GET', '/api/v1/messages/x')).status, 404);
});
