// Versions and undo of what holds secrets: providers, and routes and accounts beside them.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chat, headerOf, json } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { post } from './lib/raw.mjs';
import { api } from './lib/people.mjs';

const context = gateway();
const call = (method, target, more = {}) => api(context.lurus, method, target, { token: fs.readFileSync(path.join(context.lurus.dataDir, 'admin.token'), 'utf8').trim(), ...more });

test('changes of a provider are taken back, and its secrets are neither lost nor written over', async () => {
  const first = 'sk-first-0123456789abcdef', second = 'sk-second-0123456789abcdef';
  const { up } = context;
  const used = async () => {
    up.next(json(chat.json));
    const answer = await post(context.lurus, chat.target(false), chat.request(false, { model: 'kept-model' }));
    assert.equal(answer.status, 200, answer.body.toString());
    return headerOf(up.last.headers, 'authorization');
  };
  const url = `${up.url}/v1`;
  const added = await call('POST', '/api/v1/providers', { body: { name: 'undone', kind: 'openai', base_url: url, api_key: first, models: ['kept-model'] } });
  assert.equal(added.status, 201, JSON.stringify(added.body));
  const change = (body, more) => call('PATCH', '/api/v1/providers/undone', { body, ...more });
  const undo = (body = {}) => call('POST', '/api/v1/providers/undone/undo', { body });
  const { etag } = (await call('GET', '/api/v1/providers/undone')).headers;
  assert.equal((await change({ models: ['kept-model', 'more'], disabled: true }, { headers: { 'if-match': etag } })).status, 200);
  assert.equal((await change({ models: [] }, { headers: { 'if-match': etag } })).status, 412);
  const back = await undo();
  assert.equal(back.status, 200, JSON.stringify(back.body));
  assert.deepEqual([back.body.models, back.body.disabled, back.body.secrets], [['kept-model'], false, ['api_key']]);
  assert.equal(await used(), `Bearer ${first}`);

  // Another credential and another address at once: going back would send it to where it was never given for.
  assert.equal((await change({ base_url: `${url}/`, api_key: second })).status, 200);
  const away = await undo();
  assert.equal(away.status, 400, JSON.stringify(away.body));
  assert.match(away.body.detail, /credential must be given again/);
  assert.equal((await change({ base_url: url, api_key: second })).status, 200);
  assert.equal(await used(), `Bearer ${second}`);

  // A new credential alone cannot be taken back, and one that was taken away does not come back as asterisks.
  assert.equal((await change({ api_key: first })).status, 200);
  assert.match((await undo()).body.detail, /secrets, which are not kept/);
  assert.equal(await used(), `Bearer ${first}`);
  assert.equal((await change({ api_key_env: 'LURUS_SURELY_UNSET' })).status, 200);
  const lost = await undo();
  assert.deepEqual([lost.status, /`api_key`/.test(lost.body.detail)], [409, true], JSON.stringify(lost.body));
  const versions = JSON.stringify((await call('GET', '/api/v1/providers/undone/versions')).body);
  for (const secret of [first, second]) assert.ok(!versions.includes(secret.slice(4)), 'no secret among the versions');
  assert.equal((await change({ api_key: second })).status, 200);
  const env = await undo();
  assert.deepEqual([env.status, env.body.api_key_env, env.body.secrets], [200, 'LURUS_SURELY_UNSET', []], JSON.stringify(env.body));
  assert.equal((await change({ api_key: second })).status, 200);
  assert.equal(await used(), `Bearer ${second}`);
});

test('changes of routes, accounts and prices are taken back or listed', async () => {
  await call('POST', '/api/v1/providers', { body: { name: 'led', kind: 'openai', api_key: 'sk-led', models: ['one', 'two'] } });
  assert.equal((await call('POST', '/api/v1/routes', { body: { model: 'org/alias', to: ['led/one'] } })).status, 201);
  assert.equal((await call('POST', '/api/v1/routes', { body: { family: 'gemini', to: ['led/one'] } })).status, 201);
  for (const id of ['org%2Falias', 'default%3Agemini']) {
    const at = `/api/v1/routes/${id}`;
    assert.deepEqual((await call('PATCH', at, { body: { to: ['led/two', 'led/one'] } })).body.to, ['led/two', 'led/one']);
    const seen = (await call('GET', `${at}/versions`)).body.data;
    assert.deepEqual([seen.length, seen[0].action, seen[0].before.to], [1, 'changeRoute', ['led/one']]);
    const undone = await call('POST', `${at}/undo`, { body: {} });
    assert.deepEqual([undone.status, undone.body.to], [200, ['led/one']], JSON.stringify(undone.body));
    assert.equal((await call('DELETE', at)).status, 204);
  }
  const account = (await call('GET', '/api/v1/accounts/led')).body.Account;
  assert.equal((await call('PUT', `/api/v1/accounts/${account.Id}`, { body: { Status: 'ACCOUNT_INACTIVE' } })).status, 200);
  assert.equal((await call('GET', '/api/v1/accounts/led/versions')).body.data[0].action, 'updateAccount');
  const rates = (input) => ({ vendor: 'openai', rates: { standard: { input, output: '2' } } });
  for (const input of ['1', '3']) assert.equal((await call('PUT', '/api/v1/prices/gpt-4o', { body: rates(input) })).status, 200);
  const prices = (await call('GET', '/api/v1/prices/gpt-4o/versions')).body.data;
  assert.deepEqual(prices.map((version) => version.action), ['putPrice', 'putPrice']);
});
