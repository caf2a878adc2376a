// Signing in over the wire: passwords, second factors, refresh tokens, lock-out, resets, cookies, open sign-up.
import test from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import path from 'node:path';
import { configFor, startLurus, tempFolder } from './lib/lurus.mjs';
import { PASSWORD, api, login, mailTo, tokenIn, users } from './lib/people.mjs';
import { totp } from './lib/totp.mjs';

const mail = path.join(tempFolder('lurus-mail-'), 'sink');
const { user, env } = users([
  { email: 'owner@example.com', role: 'owner' },
  { email: 'admin@example.com', role: 'admin' },
  { email: 'alice@example.com', role: 'member' },
  { email: 'second@example.com', role: 'member' },
  { email: 'locked@example.com', role: 'member' },
  { email: 'thief@example.com', role: 'member' },
]);
const config = () => ({
  ...configFor({ url: 'http://127.0.0.1:1' }),
  auth: { open_signup: true, public_url: '' },
  mail: { sink: mail, from: 'Lurus <lurus@example.com>' },
  user,
});
let lurus;
test.before(async () => {
  lurus = await startLurus({ config: config(), env });
});
test.after(() => lurus?.close());

const sessions = (token, headers) => api(lurus, 'GET', 'sessions', { token, headers });
const tokensOf = async (email, password) => {
  const answer = await login(lurus, email, password);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
};

test('only what says security: [] answers without a sign-in', async () => {
  const document = (await api(lurus, 'GET', '/api/v1/openapi.json')).body;
  let open = 0;
  for (const [route, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const target = route.replace(/\{[^}]*\}/g, 'x');
      const { status } = await api(lurus, method.toUpperCase(), target, { body: method === 'get' ? undefined : {} });
      if (operation.security?.length === 0) {
        open += 1;
        assert.notEqual(status, 401, `${method} ${route}`);
      } else {
        assert.equal(status, 401, `${method} ${route}`);
      }
    }
  }
  assert.ok(open >= 9, `${open} public operations`);
});

test('a password gives an access token, which the published key verifies, and the role behind it decides', async () => {
  const tokens = await tokensOf('alice@example.com');
  assert.equal(tokens.token_type, 'Bearer');
  assert.equal((await sessions(tokens.access_token)).status, 200);
  assert.equal((await api(lurus, 'GET', '/api/v1/config', { token: tokens.access_token })).status, 403);
  assert.equal((await api(lurus, 'GET', '/api/v1/config', { token: (await tokensOf('owner@example.com')).access_token })).status, 200);

  const [head, payload, signature] = tokens.access_token.split('.');
  const { kid, alg } = JSON.parse(Buffer.from(head, 'base64url'));
  assert.equal(alg, 'ES256');
  const { keys } = (await api(lurus, 'GET', 'jwks.json')).body;
  const key = crypto.createPublicKey({ key: keys.find((candidate) => candidate.kid === kid), format: 'jwk' });
  const good = crypto.verify('sha256', Buffer.from(`${head}.${payload}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  assert.ok(good);
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  assert.equal(claims.exp - claims.iat, 900);

  // The same claims under no signature, and under one of our own making.
  const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`;
  const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const forged = `${head}.${payload}.${crypto.sign('sha256', Buffer.from(`${head}.${payload}`), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  for (const token of [none, forged, `${tokens.access_token}x`, tokens.refresh_token]) assert.equal((await sessions(token)).status, 401);
});

test('a stolen refresh token is noticed and ends the session for everybody', async () => {
  const first = await tokensOf('thief@example.com');
  const refresh = (token) => api(lurus, 'POST', 'refresh', { body: { refresh_token: token } });
  const owner = await refresh(first.refresh_token);
  assert.equal(owner.status, 200);
  const thief = await refresh(first.refresh_token);
  assert.equal(thief.status, 401);
  assert.match(thief.body.detail, /used before/);
  assert.equal((await refresh(owner.body.refresh_token)).status, 401);
  assert.equal((await sessions(owner.body.access_token)).status, 401);
  assert.match(lurus.output, /refresh token reused/);
});

test('of 16 refreshes at once with one token exactly one succeeds', async () => {
  const { refresh_token } = await tokensOf('thief@example.com');
  const answers = await Promise.all(Array.from({ length: 16 }, () => api(lurus, 'POST', 'refresh', { body: { refresh_token } })));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  assert.equal(answers.filter(({ status }) => status === 401).length, 15);
});

test('password and second factor: wanted, right once, and a recovery code in its stead', async () => {
  const email = 'second@example.com';
  const { access_token: token } = await tokensOf(email);
  const { body: enrolled } = await api(lurus, 'POST', 'totp', { token, body: { password: PASSWORD } });
  assert.match(enrolled.uri, /^otpauth:\/\/totp\/Lurus:second%40example\.com\?secret=[A-Z2-7]{32}&/);
  const begun = Date.now();
  const code = totp(enrolled.secret, begun);
  const confirmed = await api(lurus, 'POST', 'totp/confirm', { token, body: { code } });
  assert.equal(confirmed.status, 200);
  const without = await login(lurus, email);
  assert.equal(without.status, 401);
  assert.equal(without.body.totp_required, true);
  assert.equal((await login(lurus, email, PASSWORD, { totp: code })).status, 401); // the step that confirmed
  const next = totp(enrolled.secret, begun + 30_000);
  assert.equal((await login(lurus, email, PASSWORD, { totp: next })).status, 200);
  assert.equal((await login(lurus, email, PASSWORD, { totp: next })).status, 401);
  const recovery_code = confirmed.body.recovery_codes[3];
  assert.equal((await login(lurus, email, PASSWORD, { recovery_code })).status, 200);
  assert.equal((await login(lurus, email, PASSWORD, { recovery_code })).status, 401);
});

test('guessing locks the account out, alike for one that does not exist', async () => {
  const statuses = async (email) => {
    const out = [];
    for (let i = 0; i < 6; ++i) {
      const answer = await login(lurus, email, `guess ${i}`);
      out.push(answer.status);
      if (answer.status === 429) assert.ok(Number(answer.headers['retry-after']) >= 1);
    }
    return out;
  };
  assert.deepEqual(await statuses('locked@example.com'), [401, 401, 401, 401, 401, 429]);
  assert.deepEqual(await statuses('ghost@example.com'), [401, 401, 401, 401, 401, 429]);
  assert.equal((await login(lurus, 'locked@example.com')).status, 429);
});

test('a reset goes by mail, works once, and ends every session', async () => {
  const email = 'alice@example.com';
  const before = await tokensOf(email);
  assert.equal((await api(lurus, 'POST', 'password/reset', { body: { email } })).status, 202);
  const token = tokenIn(await mailTo(mail, email));
  const confirm = (new_password) => api(lurus, 'POST', 'password/reset/confirm', { body: { token, new_password } });
  assert.equal((await confirm('password1234')).status, 400);
  assert.equal((await confirm('nine bridges and a goose')).status, 204);
  assert.equal((await confirm('nine bridges and a goose')).status, 403);
  assert.equal((await sessions(before.access_token)).status, 401);
  assert.equal((await api(lurus, 'POST', 'refresh', { body: { refresh_token: before.refresh_token } })).status, 401);
  assert.equal((await login(lurus, email, 'nine bridges and a goose')).status, 200);
});

test('a browser session: a cookie, its own origin only, and gone after signing out', async () => {
  const answer = await login(lurus, 'admin@example.com', PASSWORD, { session: true });
  assert.equal(answer.status, 200);
  assert.equal(answer.body.access_token, undefined);
  const [cookie] = answer.headers['set-cookie'];
  assert.match(cookie, /^lurus_session=lss_[A-Za-z0-9]+; Path=\/api\/v1; Max-Age=\d+; HttpOnly; SameSite=Lax$/); // loopback, no TLS
  const sent = { cookie: cookie.split(';')[0] };
  assert.equal((await sessions(undefined, sent)).status, 200);
  const origin = lurus.url;
  const out = (headers) => api(lurus, 'POST', 'logout', { body: {}, headers: { ...sent, ...headers } });
  assert.equal((await out({ origin: 'http://evil.example' })).status, 403);
  assert.equal((await out({ 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await sessions(undefined, sent)).status, 200);
  assert.equal((await out({ origin })).status, 204);
  assert.equal((await sessions(undefined, sent)).status, 401);
  const secure = await api(lurus, 'POST', 'login', { body: { email: 'admin@example.com', password: PASSWORD, session: true }, headers: { origin: `https://127.0.0.1:${lurus.port}` } });
  assert.match(secure.headers['set-cookie'][0], /^__Host-lurus_session=.*; Path=\/; .*; Secure$/);
});

test('an invitation by mail, and open sign-up with a verified address', async () => {
  const { access_token: token } = await tokensOf('admin@example.com');
  const invited = await api(lurus, 'POST', 'invitations', { token, body: { email: 'dora@example.com', role: 'viewer' } });
  assert.equal(invited.status, 201);
  assert.equal(invited.body.token, undefined);
  const accepted = await api(lurus, 'POST', 'invitations/accept', { body: { token: tokenIn(await mailTo(mail, 'dora@example.com')), password: PASSWORD } });
  assert.equal(accepted.status, 200);
  assert.equal((await api(lurus, 'POST', 'invitations', { token: accepted.body.access_token, body: { email: 'x@example.com' } })).status, 403);

  assert.equal((await api(lurus, 'POST', 'register', { body: { email: 'fred@example.com', password: PASSWORD } })).status, 202);
  const verify = tokenIn(await mailTo(mail, 'fred@example.com'));
  assert.equal((await login(lurus, 'fred@example.com')).status, 403);
  assert.equal((await api(lurus, 'POST', 'verify', { body: { token: verify } })).status, 204);
  assert.equal((await login(lurus, 'fred@example.com')).status, 200);
});

test('sessions and users outlive a restart; passwords and tokens are in no log', async () => {
  const { access_token: token, refresh_token } = await tokensOf('owner@example.com');
  await lurus.stop();
  await lurus.start();
  assert.equal((await sessions(token)).status, 200);
  const refreshed = await api(lurus, 'POST', 'refresh', { body: { refresh_token } });
  assert.equal(refreshed.status, 200);
  for (const secret of [PASSWORD, token, refresh_token, refreshed.body.refresh_token]) assert.ok(!lurus.output.includes(secret));
});
