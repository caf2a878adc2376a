// Two servers over one lurus.db: what one changes is in force in the other, and of two changes at once one wins.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { PATIENCE, configFor, startLurus, tempFolder } from './lib/lurus.mjs';
import { PASSWORD, api, login, users } from './lib/people.mjs';
import { post } from './lib/raw.mjs';

const context = {};
const people = users([{ email: 'owner@example.com', role: 'owner' }, { email: 'ann@example.com', role: 'member' }]);

before(async () => {
  context.up = await startUpstream();
  context.up.always(json(anthropic.json));
  const config = () => configFor(context.up, { user: people.user });
  const env = { ...people.env, LURUS_MASTER_KEY: '5'.repeat(64) };
  context.one = await startLurus({ config: config(), env });
  // The other one has a folder, a log and a lock of its own, and the first one's lurus.db.
  context.folder = tempFolder();
  fs.mkdirSync(path.join(context.folder, 'data'), { mode: 0o700 });
  // SQLite follows a link to the database itself, and looks for the other two beside the link on Windows.
  for (const name of ['lurus.db', 'lurus.db-wal', 'lurus.db-shm']) fs.symlinkSync(path.join(context.one.dataDir, name), path.join(context.folder, 'data', name));
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

const kidOf = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[0], 'base64url').toString()).kid;
const accessAt = async (lurus, email) => {
  const { status, body } = await login(lurus, email);
  assert.equal(status, 200, JSON.stringify(body));
  return body.access_token;
};
const knows = async (lurus, access) => (await api(lurus, 'GET', '/api/v1/me', { token: access })).status;
const kidsOf = async (lurus) => (await api(lurus, 'GET', 'jwks.json')).body.keys.map(({ kid }) => kid);

test('a token of one is good in the other, also of a signing key that the other has not seen', async () => {
  const { one, two } = context;
  const [before, there] = [await accessAt(one, 'owner@example.com'), await accessAt(two, 'owner@example.com')];
  assert.equal(kidOf(before), kidOf(there));
  for (const [here, other] of [[one, two], [two, one]]) {
    assert.equal((await call(here, 'POST', 'auth/keys/rotate')).status, 204);
    const access = await accessAt(here, 'owner@example.com');
    assert.notEqual(kidOf(access), kidOf(before));
    // At once: nobody waits for the next look.
    assert.equal(await knows(other, access), 200);
    const kids = await kidsOf(other);
    assert.equal(kids[0], kidOf(access));
    assert.deepEqual(kids, await kidsOf(here));
    for (const lurus of [here, other]) assert.equal(await knows(lurus, before), 200);
  }
  // Nobody brings the new key here: it signs all the same.
  assert.equal((await call(one, 'POST', 'auth/keys/rotate')).status, 204);
  const now = kidOf(await accessAt(one, 'owner@example.com'));
  await soon(async () => kidOf(await accessAt(two, 'owner@example.com')), now);
});

test('a password that is changed in one ends the sessions in the other, and of two changes at once one wins', async () => {
  const { one, two } = context;
  const access = await accessAt(one, 'ann@example.com');
  const cookie = (await login(two, 'ann@example.com', PASSWORD, { session: true })).headers['set-cookie'][0].split(';')[0];
  const withCookie = () => api(one, 'GET', '/api/v1/me', { headers: { cookie } });
  assert.equal((await withCookie()).status, 200);
  const change = (lurus, text) =>
    api(lurus, 'POST', 'password', { token: access, body: { current_password: PASSWORD, new_password: text } });
  const wanted = ['green ships in a bottle', 'yellow kites over a bay'];
  const answers = await Promise.all([change(one, wanted[0]), change(two, wanted[1])]);
  const won = answers.findIndex(({ status }) => status === 204);
  assert.notEqual(won, -1, JSON.stringify(answers.map(({ body }) => body)));
  // The other one came at once (409), or later, when its session and its password were no more.
  assert.ok([401, 403, 409].includes(answers[1 - won].status), JSON.stringify(answers[1 - won].body));
  for (const lurus of [one, two]) {
    assert.equal(await knows(lurus, access), 401);
    assert.equal((await login(lurus, 'ann@example.com')).status, 401);
    assert.equal((await login(lurus, 'ann@example.com', wanted[1 - won])).status, 401);
    assert.equal((await login(lurus, 'ann@example.com', wanted[won])).status, 200);
  }
  assert.equal((await withCookie()).status, 401);
});

test('of two prices of one model at once one is made, and the other is told', async () => {
  const { one, two } = context;
  const put = (lurus, body, etag) =>
    call(lurus, 'PUT', 'prices/shared-model', { body: { rates: { standard: { input: '1' } }, ...body }, headers: etag ? { 'if-match': etag } : {} });
  const etagOf = async (lurus) => (await call(lurus, 'GET', 'prices/shared-model')).headers.etag;
  const first = await put(one, { vendor: 'acme' });
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.match(first.headers.etag, /^"\d{1,10}"$/);
  for (let round = 0; round < 10; round += 1) {
    let etag;
    await soon(async () => {
      etag = await etagOf(one);
      return etag === await etagOf(two);
    }, true);
    // Prices of other vendors are other rows, and what If-Match names is all that the model has.
    const answers = await Promise.all([one, two].map((lurus, i) => put(lurus, { vendor: `vendor-${round}-${i}` }, etag)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412], JSON.stringify(answers.map(({ body }) => body)));
    const { etag: now } = answers.find(({ status }) => status === 200).headers;
    assert.notEqual(now, etag);
    await soon(() => etagOf(one), now);
    await soon(() => etagOf(two), now);
  }
});

test('of two that set a flag which nobody had set, at once, one wins', async () => {
  const { one, two } = context;
  const { etag } = (await call(one, 'GET', 'flags/log.bodies')).headers;
  const answers = await Promise.all([one, two].map((lurus, i) =>
    call(lurus, 'PATCH', 'flags/log.bodies', { body: { value: ['all', 'errors'][i] }, headers: { 'if-match': etag } })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412], JSON.stringify(answers.map(({ body }) => body)));
  const { value } = answers.find(({ status }) => status === 200).body;
  for (const lurus of [one, two]) await soon(async () => (await call(lurus, 'GET', 'flags/log.bodies')).body.value, value);
  assert.equal((await call(two, 'PATCH', 'flags/log.bodies', { body: { value: null } })).status, 200);
});

test('both write one audit, whose chain holds', async () => {
  const { one, two } = context;
  await Promise.all(Array.from({ length: 20 }, (_, i) =>
    call([one, two][i % 2], 'POST', 'keys', { body: { name: `audited ${i}` } }).then(({ status }) => assert.equal(status, 201))));
  const verified = await one.cli(['audit', 'verify']);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});
