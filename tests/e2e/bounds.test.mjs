// What an administrator set of a key is the administrator's; models of people, teams and organisations.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { anthropic, chat, json } from '../upstream/index.mjs';
import { assertError, gateway, providerFor } from './lib/suite.mjs';
import { ask as get, jsonOf, post } from './lib/raw.mjs';
import { PASSWORD, api } from './lib/people.mjs';

const context = gateway((up) => ({
  providers: [providerFor(anthropic, 'a', up.url, { models: ['claude-opus-4-5', 'claude-haiku-4-5', 'claude-sonnet-4-5'] }), providerFor(chat, 'oai', up.url, { models: ['gpt-4o', 'o3'] })],
  routes: [{ model: 'hidden', to: ['a/claude-opus-4-5'] }],
}));

async function command(...args) {
  const done = await context.lurus.cli([...args, '--json']);
  assert.equal(done.code, 0, `lurus ${args.join(' ')}: ${done.stderr}`);
  return done.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}
const text = async (...args) => (await context.lurus.cli(args)).stdout;
async function signedIn(email, role) {
  await command('user', 'add', email, '--role', role);
  const [{ token }] = await command('user', 'reset-password', email);
  assert.equal((await api(context.lurus, 'POST', 'password/reset/confirm', { body: { token, new_password: PASSWORD } })).status, 204);
  return (await api(context.lurus, 'POST', 'login', { body: { email, password: PASSWORD } })).body.access_token;
}
const keys = (token, method, rest, body) => api(context.lurus, method, `/api/v1/keys${rest}`, { token, body });
const use = (dialect, key, model) => post(context.lurus, dialect.target(false), JSON.stringify(dialect.request(false, { model })), { key, headers: dialect.headers ?? [] });
const listed = async (key) => jsonOf(await get(context.lurus, 'GET', '/v1/models', { headers: [['anthropic-version', '2023-06-01']], key })).data.map(({ id }) => id).sort();

test('a member lifts nothing of what an administrator set: by PATCH, undo, rotation or a key of the same name', async () => {
  context.up.always(json(anthropic.json));
  const ann = await signedIn('ann@example.com', 'member');
  const admin = await signedIn('admin@example.com', 'admin');
  const made = (await keys(ann, 'POST', '', { name: 'hers' })).body;
  assert.equal((await use(anthropic, made.key, 'claude-opus-4-5')).status, 200);
  const set = { models: ['claude-*'], deny_models: ['*opus*'], ips: ['127.0.0.0/8'], expires: '2099-01-01', disabled: true };
  const bound = await keys(admin, 'PATCH', '/hers', set);
  assert.equal(bound.status, 200, JSON.stringify(bound.body));
  const lifts = [{ disabled: false }, { models: [] }, { models: ['*'] }, { deny_models: [] }, { ips: [] }, { expires: null }, { expires: '2099-01-02' }, { expires_after: '1d' }];
  for (const body of lifts) {
    const answer = await keys(ann, 'PATCH', '/hers', body);
    assert.equal(answer.status, 403, JSON.stringify(body));
    assert.match(answer.body.detail, /an administrator set `\w+` of this key/);
  }
  assert.equal((await keys(ann, 'POST', '/hers/undo', {})).status, 403);
  const rotated = (await keys(ann, 'POST', '/hers/rotate', {})).body;
  assert.equal((await use(anthropic, rotated.key, 'claude-haiku-4-5')).status, 401);
  assert.equal((await keys(admin, 'PATCH', '/hers', { disabled: false })).status, 200);
  assertError(anthropic, await use(anthropic, rotated.key, 'claude-opus-4-5'), 403, /may not use the model/);
  assert.equal((await use(anthropic, rotated.key, 'claude-haiku-4-5')).status, 200);
  assert.equal((await keys(ann, 'PATCH', '/hers', { models: ['claude-haiku-*'], deny_models: ['*opus*', '*sonnet*'] })).status, 200);
  // Her own narrowing is hers to take back, as far as the administrator's.
  assert.equal((await keys(ann, 'POST', '/hers/undo', {})).status, 200);

  const [shown] = (await command('key', 'list')).filter(({ name }) => name === 'hers');
  assert.deepEqual(shown.set_by_admin, { expires: '2099-01-01T00:00:00.000000Z', models: ['claude-*'], deny_models: ['*opus*'], ips: ['127.0.0.0/8'] });
  assert.deepEqual((await command('key', 'show', 'hers'))[0].set_by_admin, shown.set_by_admin);
  assert.match(await text('key', 'show', 'hers'), /set_by_admin\.models: claude-\*/);

  assert.equal((await keys(ann, 'DELETE', '/hers')).status, 204);
  const again = await keys(ann, 'POST', '', { name: 'hers' });
  assert.equal(again.status, 201, JSON.stringify(again.body));
  assertError(anthropic, await use(anthropic, again.body.key, 'claude-opus-4-5'), 403, /may not use the model/);
  assert.equal((await keys(ann, 'PATCH', '/hers', { models: [] })).status, 403);
  await context.lurus.stop();
  await context.lurus.start();
  assert.equal((await keys(ann, 'PATCH', '/hers', { deny_models: [] })).status, 403);
  assert.equal((await keys(admin, 'PATCH', '/hers', { models: [], deny_models: [], ips: [], expires: null })).status, 200);
  assert.equal((await use(anthropic, again.body.key, 'claude-opus-4-5')).status, 200);
});

test('models of a user, a service, a team and the organisation hold for their keys, and in the lists', async () => {
  const { up } = context;
  up.always(json(anthropic.json));
  await signedIn('bob@example.com', 'member');
  await command('team', 'create', 'red');
  await command('service', 'add', 'robot');
  const [of_bob] = await command('key', 'create', '--name', 'bobs', '--user', 'bob@example.com', '--team', 'red');
  const [of_robot] = await command('key', 'create', '--name', 'robots', '--user', 'robot');
  const [nobodys] = await command('key', 'create', '--name', 'nobodys');
  const claude = ['claude-haiku-4-5', 'claude-opus-4-5', 'claude-sonnet-4-5'];
  const all = await listed(nobodys.key);
  for (const model of [...claude, 'hidden']) assert.ok(all.includes(model), `${model} of ${all}`);

  assert.match(await text('user', 'edit', 'bob@example.com', '--deny-model', '*opus*'), /models: never \*opus\*/);
  assert.match(await text('user', 'list'), /bob@example\.com +member +active +never \*opus\*/);
  for (const model of ['claude-opus-4-5', 'hidden', 'a/claude-opus-4-5', 'CLAUDE-OPUS-4-5'])
    assertError(anthropic, await use(anthropic, of_bob.key, model), 403, /may not use the model/);
  assert.equal((await use(anthropic, of_bob.key, 'claude-haiku-4-5')).status, 200);
  const without = await listed(of_bob.key);
  assert.ok(!without.includes('hidden') && !without.includes('claude-opus-4-5') && without.includes('claude-haiku-4-5'), `${without}`);
  assert.equal((await use(anthropic, of_robot.key, 'claude-opus-4-5')).status, 200);

  await command('service', 'edit', 'robot', '--model', 'gpt-*');
  assertError(anthropic, await use(anthropic, of_robot.key, 'claude-haiku-4-5'), 403, /may not use the model/);
  await command('team', 'edit', 'red', '--model', 'claude-*', '--model', 'a/claude-*');
  assertError(chat, await use(chat, of_bob.key, 'gpt-4o'), 403, /may not use the model/);
  await command('key', 'edit', 'bobs', '--model', 'a/claude-haiku-4-5', '--model', 'claude-sonnet-4-5');
  assert.equal((await use(anthropic, of_bob.key, 'a/claude-haiku-4-5')).status, 200);
  assertError(anthropic, await use(anthropic, of_bob.key, 'claude-haiku-4-5'), 403, /may not use the model/);
  assert.deepEqual((await command('key', 'edit', 'bobs', '--model', 'none'))[0].models, []);

  const [org] = await command('org', 'edit', 'default', '--deny-model', 'claude-sonnet-*');
  assert.deepEqual([org.models, org.deny_models], [[], ['claude-sonnet-*']]);
  for (const key of [of_bob.key, nobodys.key])
    assertError(anthropic, await use(anthropic, key, 'claude-sonnet-4-5'), 403, /may not use the model/);
  assert.deepEqual(await listed(of_robot.key), []);
  assert.ok(!(await listed(nobodys.key)).includes('claude-sonnet-4-5'));
  await command('org', 'edit', 'default', '--deny-model', 'none');
  assert.equal((await use(anthropic, nobodys.key, 'claude-sonnet-4-5')).status, 200);
  // Taken back as any change.
  const undo = (target) => api(context.lurus, 'POST', `${target}/undo`, { token: fs.readFileSync(path.join(context.lurus.dataDir, 'admin.token'), 'utf8').trim(), body: {} });
  const undone = await undo('/api/v1/orgs/default');
  assert.deepEqual([undone.status, undone.body.deny_models], [200, ['claude-sonnet-*']]);
  await command('org', 'edit', 'default', '--deny-model', 'none');
});
