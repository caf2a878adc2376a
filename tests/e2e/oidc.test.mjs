// Signing in at a real OpenID Connect provider: npm's oidc-provider, started here.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import crypto from 'node:crypto';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { configFor, freePort, startLurus } from './lib/lurus.mjs';
import { api, users } from './lib/people.mjs';

const cache = process.env.LURUS_NODE_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'lurus/node');
const modules = path.join(cache, 'oidc/node_modules');
const missing = !fs.existsSync(path.join(modules, 'oidc-provider')) && `no oidc-provider in ${modules}: bash tests/clients/install.sh oidc`;

const PEOPLE = {
  ada: { email: 'ada@example.com', email_verified: true, name: 'Ada', groups: ['gateway-admins', 'staff'] },
  bob: { email: 'bob@example.com', email_verified: true, name: 'Bob', groups: ['staff'] },
  eve: { email: 'eve@example.com', email_verified: true, name: 'Eve', groups: ['visitors'] },
  mallory: { email: 'owner@example.com', email_verified: false, name: 'Mallory', groups: ['staff'] },
};
const SECRET = 'client secret / with + signs';
let lurus, provider, issuer;
let who = 'ada'; // who is at the provider's login page

// The provider's pages are answered at once: whoever `who` is signs in and consents to everything.
async function startProvider(port, redirect) {
  const { default: Provider } = await import(pathToFileURL(path.join(modules, 'oidc-provider/lib/index.js')));
  issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const oidc = new Provider(issuer, {
    clients: [{ client_id: 'lurus', client_secret: SECRET, redirect_uris: [redirect], grant_types: ['authorization_code'], response_types: ['code'] }],
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'rsa-1', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['0123456789abcdef'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  const handle = oidc.callback();
  const server = http.createServer(async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return handle(request, response);
    const { prompt, params } = await oidc.interactionDetails(request, response);
    if (prompt.name === 'login') return oidc.interactionFinished(request, response, { login: { accountId: who } });
    const grant = new oidc.Grant({ accountId: who, clientId: params.client_id });
    grant.addOIDCScope('openid email profile groups');
    return oidc.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/// Follows the provider's redirects like a browser, up to the one that leads back.
async function throughProvider(location) {
  const jar = new Map();
  for (let hop = 0; hop < 12; ++hop) {
    if (!location.startsWith(issuer)) return location;
    const request = http.get(location, { headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } });
    const [response] = await once(request, 'response');
    response.resume();
    for (const cookie of response.headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      jar.set(name, value);
    }
    assert.ok(response.headers.location, `the provider answered ${response.statusCode}`);
    location = new URL(response.headers.location, location).href;
  }
  throw new Error('the provider redirects for ever');
}

const begin = async (query = '') => {
  const answer = await api(lurus, 'GET', `oidc/corp/start${query}`);
  assert.equal(answer.status, 303, JSON.stringify(answer.body));
  return { location: answer.headers.location, cookie: answer.headers['set-cookie'][0].split(';')[0] };
};
const back = (location, cookie) => api(lurus, 'GET', new URL(location).pathname + new URL(location).search, { headers: cookie ? { cookie } : {} });
const signIn = async (name, query) => {
  who = name;
  const begun = await begin(query);
  return back(await throughProvider(begun.location), begun.cookie);
};

test.before(async () => {
  if (missing) return;
  const port = await freePort(), lurusPort = await freePort();
  provider = await startProvider(port, `http://127.0.0.1:${lurusPort}/api/v1/auth/oidc/corp/callback`);
  const { user, env } = users([{ email: 'owner@example.com', role: 'owner' }]);
  const config = {
    ...configFor({ url: 'http://127.0.0.1:1' }, { server: { listen: `127.0.0.1:${lurusPort}` } }),
    user,
    auth: { oidc: [{ name: 'corp', issuer, client_id: 'lurus', client_secret_env: 'LURUS_TEST_OIDC', scopes: ['openid', 'email', 'profile', 'groups'], roles: { 'gateway-admins': 'admin', staff: 'member' }, sign_up: true }] },
  };
  lurus = await startLurus({ config, env: { ...env, LURUS_TEST_OIDC: SECRET }, url: `http://127.0.0.1:${lurusPort}` });
});
test.after(async () => {
  await lurus?.close();
  provider?.closeAllConnections();
  provider?.close();
});

test('the browser is sent with PKCE, state and nonce, and comes back to a session with the role of its groups', { skip: missing }, async () => {
  who = 'ada';
  const begun = await begin();
  const sent = new URL(begun.location).searchParams;
  assert.equal(sent.get('code_challenge_method'), 'S256');
  for (const name of ['state', 'nonce', 'code_challenge']) assert.equal(sent.get(name).length, 43, name);
  const answer = await back(await throughProvider(begun.location), begun.cookie);
  assert.equal(answer.status, 303, JSON.stringify(answer.body));
  assert.equal(answer.headers.location, '/console/');
  const cookie = answer.headers['set-cookie'].find((line) => /session=lss_/.test(line)).split(';')[0];
  const { body } = await api(lurus, 'GET', 'sessions', { headers: { cookie } });
  assert.equal(body.data[0].method, 'oidc:corp');
  const invited = await api(lurus, 'POST', 'invitations', { headers: { cookie, origin: lurus.url }, body: { email: 'new@example.com' } });
  assert.equal(invited.status, 201, 'an admin by group');
});

test('a script gets tokens; a member by group is no admin; coming back is the same user', { skip: missing }, async () => {
  const first = await signIn('bob', '?tokens=true');
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.equal(first.body.user.email, 'bob@example.com');
  assert.equal((await api(lurus, 'POST', 'invitations', { token: first.body.access_token, body: { email: 'x@example.com' } })).status, 403);
  const again = await signIn('bob', '?tokens=true');
  assert.equal(again.body.user.id, first.body.user.id);
});

test('a group that went takes the role along', { skip: missing }, async () => {
  const groups = PEOPLE.ada.groups;
  PEOPLE.ada.groups = ['staff'];
  const { body } = await signIn('ada', '?tokens=true');
  PEOPLE.ada.groups = groups;
  assert.equal((await api(lurus, 'POST', 'invitations', { token: body.access_token, body: { email: 'y@example.com' } })).status, 403);
});

test('who has no group with a role, or an address that nobody verified, stays out', { skip: missing }, async () => {
  const eve = await signIn('eve');
  assert.equal(eve.status, 403);
  assert.match(eve.body.detail, /groups/);
  const mallory = await signIn('mallory'); // claims the owner's address
  assert.equal(mallory.status, 403);
  assert.match(mallory.body.detail, /vouch/);
});

test('a way back from another browser, twice, or made up, is refused', { skip: missing }, async () => {
  who = 'bob';
  const begun = await begin();
  const other = await begin();
  const location = await throughProvider(begun.location);
  assert.equal((await back(location)).status, 403);
  assert.equal((await back(location, other.cookie)).status, 403);
  assert.equal((await back(location, begun.cookie)).status, 303);
  assert.equal((await back(location, begun.cookie)).status, 403);
  const third = await begin();
  const state = new URL(third.location).searchParams.get('state');
  const forged = `${lurus.url}/api/v1/auth/oidc/corp/callback?code=made-up&state=${state}`;
  assert.equal((await back(forged, third.cookie)).status, 401);
  // A code that was given for another request: its nonce and its verifier are not ours.
  const stolen = await throughProvider((await begin()).location);
  const fourth = await begin();
  const mixed = new URL(stolen);
  mixed.searchParams.set('state', new URL(fourth.location).searchParams.get('state'));
  assert.equal((await back(mixed.href, fourth.cookie)).status, 401);
  assert.equal((await api(lurus, 'GET', 'oidc/elsewhere/start')).status, 404);
});

test('a provider that is away is 503, and no secret was logged', { skip: missing }, async () => {
  provider.closeAllConnections();
  await new Promise((resolve) => provider.close(resolve));
  await lurus.stop();
  await lurus.start();
  assert.equal((await api(lurus, 'GET', 'oidc/corp/start')).status, 503);
  assert.ok(!lurus.output.includes(SECRET));
});
