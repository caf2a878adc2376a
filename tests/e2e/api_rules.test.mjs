// What holds for the whole management API: versions and If-Match, Idempotency-Key, the rate limit, other sites' pages.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { configFor, startLurus } from './lib/lurus.mjs';
import { api, login, users } from './lib/people.mjs';

const OWNER = 'owner@example.com', VIEWER = 'viewer@example.com', MEMBER = 'member@example.com';
const LIMIT = 300; // a minute
let lurus, admin, owner, member;

before(async () => {
  const people = users([{ email: OWNER, role: 'owner' }, { email: VIEWER, role: 'viewer' }, { email: MEMBER, role: 'member' }]);
  const config = { ...configFor({ url: 'http://127.0.0.1:9' }, { server: { api_rpm: LIMIT } }), user: people.user };
  lurus = await startLurus({ config, env: people.env });
  admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  owner = (await login(lurus, OWNER)).body.access_token;
  member = (await login(lurus, MEMBER)).body.access_token;
});
after(() => lurus?.close());

const call = (method, target, more = {}) => api(lurus, method, target, { token: admin, ...more });
const keyOnce = (key, body, more = {}) => call('POST', '/api/v1/keys', { body, headers: { 'idempotency-key': key }, ...more });

test('a version that was changed meanwhile is 412, and nothing is done; without If-Match the last one wins', async () => {
  await call('POST', '/api/v1/keys', { body: { name: 'versioned' } });
  const first = await call('GET', '/api/v1/keys/versioned');
  assert.equal(first.headers.etag, '"1"'); // the row's version
  const changed = await call('PATCH', '/api/v1/keys/versioned', { body: { note: 'one' }, headers: { 'if-match': first.headers.etag } });
  assert.equal(changed.status, 200, JSON.stringify(changed.body));
  assert.notEqual(changed.headers.etag, first.headers.etag);
  assert.equal((await call('GET', '/api/v1/keys/versioned')).headers.etag, changed.headers.etag);
  for (const [method, body] of [['PATCH', { note: 'two' }], ['DELETE', undefined]]) {
    const late = await call(method, '/api/v1/keys/versioned', { body, headers: { 'if-match': first.headers.etag } });
    assert.equal(late.status, 412, method);
    assert.equal(late.headers['content-type'], 'application/problem+json');
  }
  assert.equal((await call('GET', '/api/v1/keys/versioned')).body.note, 'one');
  for (const wanted of ['*', `"x", ${changed.headers.etag}`]) {
    assert.equal((await call('PATCH', '/api/v1/keys/versioned', { body: { disabled: false }, headers: { 'if-match': wanted } })).status, 200, wanted);
  }
  assert.equal((await call('PATCH', '/api/v1/keys/versioned', { body: { note: 'x' }, headers: { 'if-match': `W/${changed.headers.etag}` } })).status, 412);
  assert.equal((await call('PATCH', '/api/v1/keys/nobody', { body: { note: 'x' }, headers: { 'if-match': '*' } })).status, 412);
  assert.equal((await call('PATCH', '/api/v1/keys/versioned', { body: { note: 'last' } })).status, 200);
});

test('the ETag of a price is the version of its model\'s rows, not of what is shown', async () => {
  const target = '/api/v1/prices/priced-model';
  const put = (body, etag) => call('PUT', target, { body: { vendor: 'acme', from: '2026-01-01', rates: { standard: { input: '1' } }, ...body }, headers: etag ? { 'if-match': etag } : {} });
  assert.equal((await put({}, '"1"')).status, 412); // nothing is there yet
  const first = await put({});
  assert.equal(first.headers.etag, '"1"');
  const changed = await put({ rates: { standard: { input: '2' } } }, '"1"');
  assert.equal(changed.status, 200, JSON.stringify(changed.body));
  assert.equal(changed.headers.etag, '"2"');
  assert.equal((await call('GET', target)).headers.etag, '"2"');
  assert.equal((await call('GET', target, { headers: { 'if-none-match': '"2"' } })).status, 304);
  assert.equal((await put({ rates: { standard: { input: '3' } } }, '"1"')).status, 412);
  assert.equal((await call('DELETE', `${target}?vendor=acme`, { headers: { 'if-match': '"1"' } })).status, 412);
  // The same price as before is another version.
  assert.equal((await put({}, '"2"')).headers.etag, '"3"');
  assert.equal((await call('DELETE', `${target}?vendor=acme`, { headers: { 'if-match': '"3"' } })).status, 204);
  assert.equal((await put({})).headers.etag, '"5"');
  // A built-in price has no row: its ETag is of what is shown, and counts until there is one.
  const builtin = await call('GET', '/api/v1/prices/gpt-4o');
  assert.match(builtin.headers.etag, /^"[0-9a-f]{32}"$/);
  const own = { vendor: 'openai', rates: { standard: { input: '9' } } };
  const wins = await call('PUT', '/api/v1/prices/gpt-4o', { body: own, headers: { 'if-match': builtin.headers.etag } });
  assert.equal(wins.headers.etag, '"1"');
  assert.equal((await call('PUT', '/api/v1/prices/gpt-4o', { body: own, headers: { 'if-match': builtin.headers.etag } })).status, 412);
  assert.equal((await call('DELETE', '/api/v1/prices/gpt-4o?vendor=openai')).status, 204);
});

test('of many changes of one version one is made', async () => {
  await call('POST', '/api/v1/keys', { body: { name: 'raced' } });
  const { etag } = (await call('GET', '/api/v1/keys/raced')).headers;
  const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => call('PATCH', '/api/v1/keys/raced', { body: { note: `by ${i}` }, headers: { 'if-match': etag } })));
  assert.deepEqual(answers.map((a) => a.status).sort(), [200, ...Array(15).fill(412)]);
});

test('If-None-Match is 304 while nothing changed', async () => {
  const { headers } = await call('GET', '/api/v1/providers/ant');
  const same = await call('GET', '/api/v1/providers/ant', { headers: { 'if-none-match': headers.etag } });
  assert.equal(same.status, 304);
  assert.equal(same.body, '');
  assert.equal((await call('GET', '/api/v1/providers/ant', { headers: { 'if-none-match': '"other"' } })).status, 200);
});

test('a POST with an Idempotency-Key is done once, also when sent at once and after a restart', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => keyOnce('once', { name: 'once' })));
  assert.deepEqual(new Set(answers.map((a) => a.status)), new Set([201]));
  assert.equal(new Set(answers.map((a) => a.body.key)).size, 1, 'one key, shown to each');
  assert.equal(answers.filter((a) => a.headers['idempotency-replayed']).length, 7);
  const refused = await keyOnce('refused', { name: 'once' });
  assert.equal(refused.status, 409);

  await lurus.stop();
  await lurus.start();
  const later = await keyOnce('once', { name: 'once' });
  assert.equal(later.status, 201);
  assert.equal(later.body.key, answers[0].body.key);
  assert.equal((await keyOnce('refused', { name: 'once' })).headers['idempotency-replayed'], 'true');
  const names = (await call('GET', '/api/v1/keys')).body.data.filter((key) => key.name === 'once');
  assert.equal(names.length, 1);
});

test('an Idempotency-Key belongs to one request of one caller', async () => {
  assert.equal((await keyOnce('mine', { name: 'mine' })).status, 201);
  const other = await keyOnce('mine', { name: 'other' });
  assert.equal(other.status, 422);
  assert.equal(other.headers['content-type'], 'application/problem+json');
  const theirs = await keyOnce('mine', { name: 'theirs' }, { token: owner });
  assert.equal(theirs.status, 201, JSON.stringify(theirs.body));
  assert.equal((await keyOnce('x'.repeat(256), { name: 'long' })).status, 400);
  // Who may not do it is told so, not what was answered to somebody else.
  const viewer = (await login(lurus, VIEWER)).body.access_token;
  assert.equal((await keyOnce('mine', { name: 'mine' }, { token: viewer })).status, 403);
});

test('answers that are kept hold no secret in clear', async () => {
  const made = await keyOnce('sealed', { name: 'sealed' });
  for (const name of fs.readdirSync(lurus.dataDir)) {
    let bytes;
    try {
      bytes = fs.readFileSync(path.join(lurus.dataDir, name));
    } catch (error) {
      if (error.code === 'ENOENT') continue; // of a snapshot that was being taken
      throw error;
    }
    assert.ok(!bytes.includes(made.body.key), name);
  }
});

test('each change of a key is kept with who made it, and can be taken back', async () => {
  await call('POST', '/api/v1/keys', { body: { name: 'kept', note: 'first', models: ['claude-*'] } });
  await call('PATCH', '/api/v1/keys/kept', { body: { note: 'second', models: [] } });
  await api(lurus, 'PATCH', '/api/v1/keys/kept', { token: owner, body: { note: 'third', disabled: true } });
  const { data, next } = (await call('GET', '/api/v1/keys/kept/versions')).body;
  assert.equal(next, null);
  assert.deepEqual(data.map((v) => [v.actor_kind, v.action, v.before.note, v.after.note]), [['user', 'changeKey', 'second', 'third'], ['admin_token', 'changeKey', 'first', 'second']]);
  assert.equal(data[0].actor_name, OWNER);

  const undone = await call('POST', '/api/v1/keys/kept/undo', { body: {} });
  assert.equal(undone.status, 200, JSON.stringify(undone.body));
  assert.deepEqual([undone.body.note, undone.body.disabled], ['second', false]);
  const back = await call('POST', '/api/v1/keys/kept/undo', { body: { number: data[1].number } });
  assert.deepEqual([back.body.note, back.body.models], ['first', ['claude-*']]);
  assert.equal((await call('GET', '/api/v1/keys/kept/versions?limit=1')).body.data[0].action, 'undoKey');
  for (const [body, status] of [[{ number: data[1].number }, 409], [{ number: 1 }, 404], [{ number: 'x' }, 400], [{ other: 1 }, 400]]) {
    assert.equal((await call('POST', '/api/v1/keys/kept/undo', { body })).status, status, JSON.stringify(body));
  }
  assert.equal((await call('GET', '/api/v1/keys/nobody/versions')).status, 404);
});

test('another site cannot make a browser change anything; the own pages can', async () => {
  const signedIn = await api(lurus, 'POST', 'login', { body: { email: OWNER, password: 'blue tractor on a hill', session: true } });
  assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body));
  const cookie = (signedIn.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
  assert.ok(cookie, JSON.stringify(signedIn.body));
  const host = new URL(lurus.url).host;
  const from = (headers, i) => api(lurus, 'POST', '/api/v1/keys', { body: { name: `csrf-${i}` }, headers: { cookie, ...headers } });
  const foreign = [{ origin: 'http://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site', origin: lurus.url }, {}, { origin: `http://${host}.evil.example` }];
  for (const [i, headers] of foreign.entries()) {
    const answer = await from(headers, i);
    assert.equal(answer.status, 403, `${JSON.stringify(headers)}: ${JSON.stringify(answer.body)}`);
  }
  assert.equal((await from({ origin: lurus.url, 'sec-fetch-site': 'same-origin' }, 'own')).status, 201);
  const stranger = await api(lurus, 'POST', 'login', { body: { email: OWNER, password: 'x' }, headers: { origin: 'https://evil.example' } });
  assert.equal(stranger.status, 403);
});

test('one account over the rate is 429 with retry-after; others and the admin token go on', async () => {
  const statuses = [];
  for (let i = 0; i < LIMIT + 40; i += 20) {
    statuses.push(...(await Promise.all(Array.from({ length: 20 }, () => api(lurus, 'GET', '/api/v1/keys', { token: member })))));
  }
  const passed = statuses.filter((a) => a.status === 200).length, refused = statuses.filter((a) => a.status === 429);
  assert.equal(passed + refused.length, statuses.length);
  assert.ok(passed >= LIMIT && refused.length > 0, `${passed} passed, ${refused.length} refused`);
  assert.match(refused[0].headers['retry-after'], /^[1-9]\d*$/);
  assert.equal(refused[0].headers['content-type'], 'application/problem+json');
  assert.equal((await api(lurus, 'GET', '/api/v1/keys', { token: owner })).status, 200);
  assert.equal((await call('GET', '/api/v1/keys')).status, 200);
});

test('guessing tokens is limited by address', async () => {
  const guesses = [];
  for (let i = 0; i < LIMIT + 40; i += 20) {
    guesses.push(...(await Promise.all(Array.from({ length: 20 }, (_, j) => api(lurus, 'GET', '/api/v1/keys', { token: `guess-${i + j}` })))));
  }
  assert.ok(guesses.some((a) => a.status === 429));
  assert.ok(guesses.every((a) => a.status === 401 || a.status === 429));
  assert.equal((await call('GET', '/api/v1/keys')).status, 200, 'who has the token is not held up');
});
