// Two servers over one lurus.db: what one changes is in force in the other, and of two changes at once one wins.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { PATIENCE, configFor, startLurus, tempFolder } from './lib/lurus.mjs';
import { PASSWORD, api, users } from './lib/people.mjs';
import { post } from './lib/raw.mjs';

const context = {};
const people = users([{ email: 'owner@example.com', role: 'owner' }]);

before(async () => {
  context.up = await startUpstream();
  context.up.always(json(anthropic.json));
  const config = () => configFor(context.up, { user: people.user });
  const env = { ...people.env, LURUS_MASTER_KEY: '5'.repeat(64) };
  context.one = await startLurus({ config: config(), env });
  // The other one has a folder, a log and a lock of its own, and the first one's lurus.db.
  context.folder = tempFolder();
  fs.mkdirSync(path.join(context.folder, 'data'), { mode: 0o700 });
  fs.symlinkSync(path.join(context.one.dataDir, 'lurus.db'), path.join(context.folder, 'data', 'lurus.db'));
  context.two = await startLurus({ config: config(), env, dataDir: context.folder });
});

after(async () => {
  try {
    await context.two?.close();
    await context.one?.close();
  } finally {
    if (context.folder) fs.rmSync(context.folder, { recursive: true, force: true });
    await context.up?.close();
  }
});

const token = (lurus) => fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
const call = (lurus, method, target, more = {}) => api(lurus, method, `/api/v1/${target}`, { token: token(lurus), ...more });
const use = async (lurus, key) => (await post(lurus, anthropic.target(false), anthropic.request(false), { key })).status;

/// Asks until it is so: the other process looks four times a second.
async function soon(what, wanted) {
  let last;
  for (const until = Date.now() + 2000 * PATIENCE; Date.now() < until; await sleep(20)) {
    last = await what();
    if (last === wanted) return;
  }
  assert.equal(last, wanted);
}

test('a key that one makes is taken by the other, and refused by both when the other revoked it', async () => {
  const { one, two } = context;
  const made = await call(one, 'POST', 'keys', { body: { name: 'shared' } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { key, id } = made.body;
  assert.equal(await use(one, key), 200);
  await soon(() => use(two, key), 200);
  assert.equal((await call(two, 'DELETE', `keys/${id}`)).status, 204);
  assert.equal(await use(two, key), 401);
  await soon(() => use(one, key), 401);
  assert.equal((await call(one, 'GET', `keys/${id}`)).status, 404);
  // The name is free again, in both at once.
  const names = await Promise.all([one, two].map((lurus) => call(lurus, 'POST', 'keys', { body: { name: 'shared' } })));
  assert.deepEqual(names.map(({ status }) => status).sort(), [201, 409]);
});

test('of two changes of one version at once, one wins and the other is told', async () => {
  const { one, two } = context;
  const made = await call(one, 'POST', 'keys', { body: { name: 'raced' } });
  await soon(async () => (await call(two, 'GET', `keys/${made.body.id}`)).status, 200);
  for (let round = 0; round < 10; round += 1) {
    let etags;
    await soon(async () => {
      etags = await Promise.all([one, two].map(async (lurus) => (await call(lurus, 'GET', `keys/${made.body.id}`)).headers.etag));
      return etags[0] === etags[1];
    }, true);
    const answers = await Promise.all([one, two].map((lurus, i) =>
      call(lurus, 'PATCH', `keys/${made.body.id}`, { body: { note: `${round} by ${i}` }, headers: { 'if-match': etags[i] } })));
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [200, 412], JSON.stringify(answers.map(({ body }) => body)));
    const { note } = answers.find(({ status }) => status === 200).body;
    await soon(async () => (await call(one, 'GET', `keys/${made.body.id}`)).body.note, note);
    await soon(async () => (await call(two, 'GET', `keys/${made.body.id}`)).body.note, note);
  }
});

test('changes of other members of one key at once are both kept', async () => {
  const { one, two } = context;
  const made = await call(one, 'POST', 'keys', { body: { name: 'merged' } });
  await soon(async () => (await call(two, 'GET', `keys/${made.body.id}`)).status, 200);
  const answers = await Promise.all([
    call(one, 'PATCH', `keys/${made.body.id}`, { body: { note: 'by one' } }),
    call(two, 'PATCH', `keys/${made.body.id}`, { body: { tags: ['by-two'] } }),
  ]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
  for (const lurus of [one, two]) {
    await soon(async () => {
      const { note, tags } = (await call(lurus, 'GET', `keys/${made.body.id}`)).body;
      return `${note} ${tags}`;
    }, 'by one by-two');
  }
});

test('who is disabled in one can use no key in the other, and a session that ended there is over here', async () => {
  const { one, two } = context;
  const service = await call(one, 'POST', 'service-accounts', { body: { name: 'robot' } });
  const made = await call(one, 'POST', 'keys', { body: { name: 'robot key', user: service.body.id } });
  await soon(() => use(two, made.body.key), 200);
  assert.equal((await call(one, 'PATCH', `service-accounts/${service.body.id}`, { body: { disabled: true } })).status, 200);
  await soon(() => use(two, made.body.key), 401);

  const signedIn = await api(one, 'POST', 'login', { body: { email: 'owner@example.com', password: PASSWORD } });
  assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body));
  const access = signedIn.body.access_token;
  const me = (lurus) => api(lurus, 'GET', '/api/v1/me', { token: access });
  assert.equal((await me(two)).status, 200);
  assert.equal((await api(one, 'POST', 'logout', { body: {}, token: access })).status < 300, true);
  assert.equal((await me(two)).status, 401);
  assert.equal((await me(one)).status, 401);
});

test('both write one audit, whose chain holds', async () => {
  const { one, two } = context;
  await Promise.all(Array.from({ length: 20 }, (_, i) =>
    call([one, two][i % 2], 'POST', 'keys', { body: { name: `audited ${i}` } }).then(({ status }) => assert.equal(status, 201))));
  const verified = await one.cli(['audit', 'verify']);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});
