// What is served under /console/, and what the pages ask before they show a form, without a browser (`pages_live` has one).
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE, configFor, startLurus } from './lib/lurus.mjs';
import { PASSWORD, api, login, setupLink } from './lib/people.mjs';

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8' };
const PAGES = ['/console', '/console/', '/console/setup', '/console/setup/', '/console/invitation', '/console/verify', '/console/reset', '/console/forgot', '/console/sign-up'];

let lurus;
test.before(async () => {
  lurus = await startLurus({ config: {
    ...configFor({ url: 'http://127.0.0.1:1' }),
    auth: { oidc: [{ name: 'corp', issuer: 'http://127.0.0.1:1', client_id: 'lurus', client_secret_env: 'LURUS_TEST_OIDC' }] },
  }, env: { LURUS_TEST_OIDC: 'secret' } });
});
test.after(() => lurus?.close());

const check = (purpose, token) => api(lurus, 'POST', 'links/check', { body: { purpose, token } });

function assertPage({ status, headers, body }, wanted) {
  assert.equal(status, wanted);
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(headers['cache-control'], 'no-store');
  assert.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; /);
  assert.doesNotMatch(headers['content-security-policy'], /unsafe/);
  assert.doesNotMatch(body, /<script>|<style|\son\w+=|\sstyle=|\{\{/);
}

test('every page is one document that nobody keeps, with scripts and styles of its own only', async () => {
  for (const path of PAGES) {
    const page = await api(lurus, 'GET', path, { headers: BROWSER });
    assertPage(page, 200);
    assert.equal((await api(lurus, 'HEAD', path)).headers['content-length'], page.headers['content-length']);
  }
  const { body } = await api(lurus, 'GET', '/console/');
  const [, script] = /<script type="module" src="([^"]+)">/.exec(body);
  const [, style] = /<link rel="stylesheet" href="([^"]+)">/.exec(body);
  const entry = await api(lurus, 'GET', script);
  const parts = [...entry.body.matchAll(/from '\.\/([^']+)'/g)].map(([, name]) => `/console/${name}`);
  assert.ok(parts.length > 0);
  for (const path of [script, ...parts]) assert.match((await api(lurus, 'GET', path)).headers['content-type'], /^text\/javascript/);
  assert.match((await api(lurus, 'GET', style)).headers['content-type'], /^text\/css/);
});

test('what is not there is a page for a browser and JSON for the others, with the same status', async () => {
  for (const path of ['/console/nothing', '/console/account.cpp', '/console/refused.html', '/console/%3Cscript%3Ealert(1)%3C/script%3E', '/console//', '/console/../console/x']) {
    const page = await api(lurus, 'GET', path, { headers: BROWSER });
    if (page.status === 400) continue; // dot segments go nowhere
    assertPage(page, 404);
    assert.match(page.body, /<h1>Not found<\/h1>/);
    assert.match(page.body, /href="\/console\/"/);
    assert.doesNotMatch(page.body, /alert\(1\)/);
    for (const accept of [undefined, '*/*', 'application/json', 'application/json, text/html;q=0.1']) {
      const answer = await api(lurus, 'GET', path, { headers: accept ? { accept } : {} });
      assert.equal(answer.status, 404);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
    }
  }
  const written = await api(lurus, 'POST', '/console/setup', { body: {}, headers: BROWSER });
  assertPage(written, 405);
  assert.equal(written.headers.allow, 'GET, HEAD');
  assert.equal((await api(lurus, 'POST', '/console/setup', { body: {} })).headers['content-type'], 'application/problem+json');
});

test('a refusal on the way to and from an identity provider is a page for a browser', async () => {
  for (const [path, status, why] of [
    ['oidc/corp/start', 503, /./],
    ['oidc/elsewhere/start', 404, /no provider is configured/i],
    ['oidc/corp/callback', 403, /begin again/],
    ['oidc/corp/callback?error=%3Cscript%3Ealert(1)%3C%2Fscript%3E&state=x', 403, /begin again/],
    ['oidc/elsewhere/callback?state=x', 404, /no provider is configured/i],
  ]) {
    const page = await api(lurus, 'GET', path, { headers: BROWSER });
    assertPage(page, status);
    assert.match(page.body, /<h1>Signing in did not work<\/h1>/);
    assert.match(page.body, why);
    assert.match(page.headers.vary, /accept/);
    const answer = await api(lurus, 'GET', path);
    assert.equal(answer.status, status);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.match(answer.body.detail, why);
  }
  // The management API is for programs, whatever they take.
  assert.equal((await api(lurus, 'GET', '/api/v1/keys', { headers: BROWSER })).headers['content-type'], 'application/problem+json');
});

test('how one may sign in is public, and holds no secret and no address of what is behind it', async () => {
  const { status, body } = await api(lurus, 'GET', 'methods');
  assert.equal(status, 200);
  assert.deepEqual(body, { directory: false, providers: [{ name: 'corp', start: '/api/v1/auth/oidc/corp/start' }], open_signup: false, reset_by_mail: false, min_password_length: 12 });
});

test('a link says what it is for until it was used, and a check uses nothing up', async () => {
  const until = Date.now() + 5000 * PATIENCE; // the banner is printed after the server is ready
  while (!/own it: \S+\s/.test(lurus.output) && Date.now() < until) await sleep(20);
  const token = decodeURIComponent(setupLink(lurus).token);
  for (let i = 0; i < 2; ++i) assert.deepEqual((await check('setup', token)).body, { purpose: 'setup' });
  assert.equal((await check('setup', `${token}x`)).status, 403);
  assert.equal((await check('invitation', token)).status, 403);
  assert.equal((await api(lurus, 'POST', 'setup', { body: { token, email: 'owner@example.com', password: PASSWORD } })).status, 200);
  assert.equal((await check('setup', token)).status, 403);

  const run = async (...args) => JSON.parse((await lurus.cli([...args, '--json'])).stdout);
  await run('org', 'create', 'acme');
  const invited = await run('user', 'invite', 'ada@example.com', '--org', 'acme', '--role', 'viewer');
  const about = { purpose: 'invitation', email: 'ada@example.com', role: 'viewer', org: 'acme', account: false };
  for (let i = 0; i < 2; ++i) assert.deepEqual((await check('invitation', invited.token)).body, about);
  assert.equal((await check('reset', invited.token)).status, 403);
  assert.equal((await api(lurus, 'POST', 'invitations/accept', { body: { token: invited.token, password: PASSWORD } })).status, 200);
  assert.equal((await check('invitation', invited.token)).status, 403);
  const again = await run('user', 'invite', 'ada@example.com');
  assert.equal((await check('invitation', again.token)).body.account, true);

  const reset = await run('user', 'reset-password', 'ada@example.com');
  assert.deepEqual((await check('reset', reset.token)).body, { purpose: 'reset', email: 'ada@example.com' });
  assert.equal((await api(lurus, 'POST', 'password/reset/confirm', { body: { token: reset.token, new_password: `${PASSWORD}!` } })).status, 204);
  assert.equal((await check('reset', reset.token)).status, 403);
  assert.equal((await login(lurus, 'ada@example.com', `${PASSWORD}!`)).status, 200);

  for (const body of [{}, { purpose: 'setup' }, { purpose: 'oidc', token }, { purpose: 'invite', token }, { purpose: 'setup', token: 7 }])
    assert.equal((await api(lurus, 'POST', 'links/check', { body })).status, 400, JSON.stringify(body));
});
