// Nobody changes whom is above them: invitations, tokens of services, and groups of an identity provider.
import test from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { once } from 'node:events';
import { configFor, startLurus } from './lib/lurus.mjs';
import { PASSWORD, api, login, users } from './lib/people.mjs';

const claims = { sub: 'boss', email: 'boss@example.com', email_verified: true, groups: [] };
let lurus, provider;

/// A provider that vouches for `claims`, whoever comes; its codes are the nonces that they answer.
async function startProvider() {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const now = Math.floor(Date.now() / 1000);
    const answers = {
      '/.well-known/openid-configuration': () => ({ issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` }),
      '/jwks': () => ({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }] }),
      '/token': () => {
        const signed = `${encoded({ alg: 'RS256', kid: 'one' })}.${encoded({ iss: issuer, aud: 'lurus', iat: now, exp: now + 60, nonce: new URLSearchParams(body).get('code'), ...claims })}`;
        return { access_token: 'a', token_type: 'Bearer', id_token: `${signed}.${crypto.sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}` };
      },
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answers[request.url]()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function throughProvider(groups) {
  claims.groups = groups;
  const begun = await api(lurus, 'GET', 'oidc/corp/start?tokens=true');
  assert.equal(begun.status, 303, JSON.stringify(begun.body));
  const sent = new URL(begun.headers.location).searchParams;
  const cookie = begun.headers['set-cookie'][0].split(';')[0];
  return api(lurus, 'GET', `oidc/corp/callback?code=${sent.get('nonce')}&state=${sent.get('state')}`, { headers: { cookie } });
}
const admin = () => fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
const tokenOf = async (email) => (await login(lurus, email)).body.access_token;
const roleOf = async (email) => (await api(lurus, 'GET', `/api/v1/members/${email}`, { token: admin() })).body.role;

/// Somebody with a password, not of the file.
async function settled(email, role) {
  assert.equal((await api(lurus, 'POST', '/api/v1/members', { token: admin(), body: { email, role } })).status, 201);
  const made = await api(lurus, 'POST', 'password/reset-link', { token: admin(), body: { email } });
  assert.equal((await api(lurus, 'POST', 'password/reset/confirm', { body: { token: made.body.token, new_password: PASSWORD } })).status, 204);
  return tokenOf(email);
}

test.before(async () => {
  provider = await startProvider();
  const { user, env } = users([{ email: 'helper@example.com', role: 'admin' }]);
  const config = {
    ...configFor({ url: 'http://127.0.0.1:1' }),
    user,
    auth: { oidc: [{ name: 'corp', issuer: `http://127.0.0.1:${provider.address().port}`, client_id: 'lurus', roles: { owners: 'owner', staff: 'member' } }] },
  };
  lurus = await startLurus({ config, env });
});
test.after(async () => {
  await lurus?.close();
  provider?.closeAllConnections();
  provider?.close();
});

test('groups of a provider never demote the last owner nor lock her out; that is in the audit', async () => {
  await settled('boss@example.com', 'owner');
  for (const [groups, said] of [[['staff'], '`member`'], [[], 'no role'], [['others'], 'no role']]) {
    const signedIn = await throughProvider(groups);
    assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body));
    assert.equal((await api(lurus, 'GET', '/api/v1/me', { token: signedIn.body.access_token })).body.role, 'owner');
    const { body } = await api(lurus, 'GET', '/api/v1/audit?actor=boss@example.com&limit=10', { token: admin() });
    const told = body.data.find((entry) => entry.after?.event === 'role kept');
    assert.ok(told?.after.detail.includes(said), JSON.stringify(body.data));
  }
  assert.match(lurus.output, /role kept: boss@example\.com from 127\.0\.0\.1, the last owner stays owner/);

  // With another owner the groups decide, as for everybody; an owner who was only invited is none yet.
  await api(lurus, 'POST', '/api/v1/members', { token: admin(), body: { email: 'invited@example.com', role: 'owner' } });
  assert.equal((await throughProvider(['staff'])).status, 200);
  assert.equal(await roleOf('boss@example.com'), 'owner');
  await settled('second@example.com', 'owner');
  assert.equal((await throughProvider([])).status, 403);
  assert.equal(await roleOf('boss@example.com'), 'owner');
  assert.equal((await throughProvider(['staff'])).status, 200);
  assert.equal(await roleOf('boss@example.com'), 'member');
  assert.equal((await throughProvider(['owners'])).status, 200);
  assert.equal(await roleOf('boss@example.com'), 'owner');
});

test('an owner stays one when somebody invites the address again', async () => {
  const second = await tokenOf('second@example.com'), helper = await tokenOf('helper@example.com');
  const invite = (token, email, role) => api(lurus, 'POST', 'invitations', { token, body: { email, role } });
  assert.equal((await invite(helper, 'boss@example.com', 'viewer')).status, 403);
  assert.equal((await invite(second, 'boss@example.com', 'viewer')).status, 409);
  await settled('low@example.com', 'viewer');
  const early = await invite(second, 'low@example.com', 'member');
  assert.equal(early.status, 201, JSON.stringify(early.body));
  assert.equal((await api(lurus, 'PATCH', '/api/v1/members/low@example.com', { token: admin(), body: { role: 'owner' } })).status, 200);
  assert.equal((await api(lurus, 'POST', 'invitations/accept', { body: { token: early.body.token } })).status, 204);
  assert.equal(await roleOf('low@example.com'), 'owner');
});

test('a token of a service makes none that may do more, or lives longer', async () => {
  const account = (await api(lurus, 'POST', '/api/v1/service-accounts', { token: admin(), body: { name: 'provisioning', role: 'owner' } })).body;
  const mint = (token, scope, seconds) => api(lurus, 'POST', 'service-token', { token, body: { service_account: account.id, scope, expires_in: seconds } });
  const narrow = (await mint(admin(), ['change_people'], 60)).body.access_token;
  const wider = await mint(narrow, ['change_people', 'operate'], 60);
  assert.equal(wider.status, 403);
  assert.match(wider.body.detail, /`operate`/);
  const longer = await mint(narrow, ['change_people'], 3600);
  assert.equal(longer.status, 200);
  const ends = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).exp;
  assert.ok(ends(longer.body.access_token) <= ends(narrow));
  assert.ok(longer.body.expires_in <= 60);
  const made = await api(lurus, 'POST', 'invitations', { token: narrow, body: { email: 'mallory@example.com', role: 'admin' } });
  assert.equal(made.status, 403);
  assert.match(made.body.detail, /scope is narrower/);
});
