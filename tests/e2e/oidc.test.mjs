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
import { spawn } from 'node:child_process';
import { LURUS_BIN, configFor, freePort, startLurus, tempFolder } from './lib/lurus.mjs';
import { api, users } from './lib/people.mjs';

const cache = process.env.LURUS_NODE_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'lurus/node');
const modules = path.join(cache, 'oidc/node_modules');
const missing = !fs.existsSync(path.join(modules, 'oidc-provider')) && `no oidc-provider in ${modules}: bash tests/clients/install.sh oidc`;

const PEOPLE = {
  ada: { email: 'ada@example.com', email_verified: true, name: 'Ada', groups: ['gateway-admins', 'staff'] },
  bob: { email: 'bob@example.com', email_verified: true, name: 'Bob', groups: ['staff'] },
  eve: { email: 'eve@example.com', email_verified: true, name: 'Eve', groups: ['visitors'] },
  ent: { email: 'ent@example.com', name: 'Ent', groups: ['staff'] }, // as Entra: nothing is said of the address
  kim: { email: 'kim@example.com', email_verified: true, name: 'Kim', realm_access: { roles: ['gateway-admins'] } },
  zoe: { email: 'zoe@example.com', email_verified: true, name: 'Zoe', realm_access: { roles: Array.from({ length: 40 }, (_, i) => `visitors-${i}`) } },
  mallory: { email: 'owner@example.com', email_verified: false, name: 'Mallory', groups: ['staff'] },
};
const SECRET = 'client secret / with + signs';
let lurus, provider, issuer, pretender;
let who = 'ada'; // who is at the provider's login page

// The provider's pages are answered at once: whoever `who` is signs in and consents to everything.
async function startProvider(port, redirects) {
  const { default: Provider } = await import(pathToFileURL(path.join(modules, 'oidc-provider/lib/index.js')));
  issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const oidc = new Provider(issuer, {
    clients: [{ client_id: 'lurus', client_secret: SECRET, redirect_uris: redirects, grant_types: ['authorization_code'], response_types: ['code'] }],
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups', 'realm_access'] },
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

const begin = async (query = '', provider = 'corp') => {
  const answer = await api(lurus, 'GET', `oidc/${provider}/start${query}`);
  assert.equal(answer.status, 303, JSON.stringify(answer.body));
  return { location: answer.headers.location, cookie: answer.headers['set-cookie'][0].split(';')[0] };
};
const back = (location, cookie) => api(lurus, 'GET', new URL(location).pathname + new URL(location).search, { headers: cookie ? { cookie } : {} });
const signIn = async (name, query, at) => {
  who = name;
  const begun = await begin(query, at);
  return back(await throughProvider(begun.location), begun.cookie);
};

test.before(async () => {
  if (missing) return;
  const port = await freePort(), lurusPort = await freePort();
  const callback = (name) => `http://127.0.0.1:${lurusPort}/api/v1/auth/oidc/${name}/callback`;
  provider = await startProvider(port, ['corp', 'entra', 'keycloak'].map(callback));
  pretender = http.createServer((_, response) => response.end(JSON.stringify({ issuer: 'https://elsewhere.example/realm' })));
  pretender.listen(0, '127.0.0.1');
  await once(pretender, 'listening');
  const { user, env } = users([{ email: 'owner@example.com', role: 'owner' }]);
  const config = {
    ...configFor({ url: 'http://127.0.0.1:1' }, { server: { listen: `127.0.0.1:${lurusPort}` } }),
    user,
    auth: { oidc: [{ name: 'corp' }, { name: 'entra', trust_email: true }, { name: 'keycloak', groups_claim: 'realm_access.roles' }, { name: 'pretender', issuer: `http://127.0.0.1:${pretender.address().port}` }].map((more) => (
      { issuer, client_id: 'lurus', client_secret_env: 'LURUS_TEST_OIDC', scopes: ['openid', 'email', 'profile', 'groups'], roles: { 'gateway-admins': 'admin', staff: 'member' }, sign_up: true, ...more })) },
  };
  lurus = await startLurus({ config, env: { ...env, LURUS_TEST_OIDC: SECRET }, url: `http://127.0.0.1:${lurusPort}` });
});
test.after(async () => {
  await lurus?.close();
  pretender?.close();
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

const refusals = async (action = 'finishOidc') => {
  const token = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  const { body } = await api(lurus, 'GET', `/api/v1/audit?action=${action}&limit=1000`, { token });
  return body.data.filter(({ after }) => after.event === 'sign-in refused').map(({ after }) => after.detail);
};

test('an address that the provider says nothing of counts where it is trusted, and never against its word', { skip: missing }, async () => {
  assert.equal((await signIn('ent')).status, 403);
  const trusted = await signIn('ent', '?tokens=true', 'entra');
  assert.equal(trusted.status, 200, JSON.stringify(trusted.body));
  assert.equal(trusted.body.user.email, 'ent@example.com');
  const mallory = await signIn('mallory', '', 'entra');
  assert.equal(mallory.status, 403);
  assert.match(mallory.body.detail, /vouch/);
  assert.ok((await refusals()).some((text) => text.startsWith('oidc:entra: ') && text.includes('`owner@example.com`, not verified')));
});

test('groups inside other claims are found by their path', { skip: missing }, async () => {
  const kim = await signIn('kim', '?tokens=true', 'keycloak');
  assert.equal(kim.status, 200, JSON.stringify(kim.body));
  assert.equal((await api(lurus, 'GET', '/api/v1/me', { token: kim.body.access_token })).body.role, 'admin');
});

test('the audit says what came with a sign-in that was refused, and the answer does not', { skip: missing }, async () => {
  assert.equal((await signIn('eve')).status, 403);
  const zoe = await signIn('zoe', '', 'keycloak');
  assert.equal(zoe.status, 403);
  assert.ok(!zoe.body.detail.includes('visitors-1'), zoe.body.detail);
  assert.equal((await signIn('ada', '', 'keycloak')).status, 403);
  const told = await refusals();
  assert.ok(told.some((text) => /groups `visitors`; issuer http:\/\/127\.0\.0\.1:\d+$/.test(text)), told.join('\n'));
  assert.ok(told.some((text) => /`visitors-9` and 30 more; issuer/.test(text)), told.join('\n'));
  assert.ok(told.some((text) => /none: there is no claim `realm_access\.roles` among .*`groups`/.test(text)), told.join('\n'));
  assert.ok(!told.some((text) => /eyJ|lrt_/.test(text)));
  assert.equal((await api(lurus, 'GET', 'oidc/pretender/start')).status, 503);
  assert.match((await refusals('startOidc'))[0], /^oidc:pretender: .* names another issuer: `https:\/\/elsewhere\.example\/realm`$/);
  assert.equal((await back(`${lurus.url}/api/v1/auth/oidc/corp/callback?error=access_denied&state=made-up`)).status, 403);
  assert.match((await refusals())[0], /^oidc:corp: this sign-in was begun elsewhere/);
});

test('the command line signs in through a browser, wherever that is', { skip: missing }, async (t) => {
  const home = tempFolder('lurus-home-');
  t.after(() => fs.rmSync(home, { recursive: true, force: true }));
  const env = { PATH: process.env.PATH, HOME: home, NO_COLOR: '1' };
  const run = async (args, meanwhile = async () => '') => {
    const child = spawn(LURUS_BIN, args, { cwd: home, env });
    t.after(() => child.kill('SIGKILL'));
    const out = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => { out[name] += text; child.emit('said'); });
    const closed = once(child, 'close');
    child.stdin.on('error', () => {});
    child.stdin.end(await meanwhile(out, child, closed));
    const [code] = await closed;
    return { code, ...out };
  };
  const browser = async (out, child, closed) => {
    while (!/shows then: /.test(out.stderr)) await Promise.race([once(child, 'said'), closed.then(() => { throw new Error(out.stderr); })]);
    who = 'bob';
    const page = new URL(/http:\S+/.exec(out.stderr)[0]);
    const begun = await api(lurus, 'GET', page.pathname + page.search);
    const shown = await back(await throughProvider(begun.headers.location), begun.headers['set-cookie'][0].split(';')[0]);
    assert.equal(shown.status, 200);
    assert.match(shown.headers['content-type'], /^text\/html/);
    assert.ok(!shown.headers['set-cookie'].some((line) => line.includes('lss_')), 'the browser itself is not signed in');
    return `${/id="code">(lcd_\w+)</.exec(shown.body)[1]}\n`;
  };
  let code;
  const signed = await run(['login', lurus.url, '--provider', 'corp'], async (...all) => (code = await browser(...all)));
  assert.equal(signed.code, 0, signed.stderr);
  const me = JSON.parse((await run(['whoami', '--json'])).stdout);
  assert.deepEqual([me.name, me.method, me.by, me.role], ['bob@example.com', 'oidc:corp', 'login', 'member']);
  const redeem = (body) => api(lurus, 'POST', 'code', { body });
  assert.equal((await redeem({ code: code.trim(), verifier: 'any' })).status, 403, 'used');
  const foreign = await run(['login', lurus.url, '--provider', 'corp'], async (...all) => {
    const other = (await browser(...all)).trim();
    assert.equal((await redeem({ code: other, verifier: 'another' })).status, 403, 'brought by another');
    return `${other}\n`;
  });
  assert.equal(foreign.code, 1, 'and spoilt by that');
  const absent = await run(['login', lurus.url, '--provider', 'elsewhere']);
  assert.equal(absent.code, 3);
  assert.match(absent.stderr, /no provider is configured under this name/);
  assert.equal((await api(lurus, 'GET', 'oidc/corp/start?challenge=short')).status, 400);
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
