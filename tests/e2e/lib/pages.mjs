// What the tests of the pages share: two servers, a provider that refuses everybody, a browser; and how a person comes along.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { once } from 'node:events';
import { Browser, missing } from './browser.mjs';
import { configFor, startLurus, tempFolder } from './lurus.mjs';
import { PASSWORD, api, login, users, setupLink } from './people.mjs';
import { totp } from './totp.mjs';

export const LONG_ADDRESS = `${'very-long-name-'.repeat(4)}x@${'long-subdomain.'.repeat(9)}example.com`;
export const PROVIDER = `corp-${'long-name-'.repeat(6)}x`;
const PEOPLE = [['owner@example.com', 'owner'], ['ada@example.com', 'member'], ['bob@example.com', 'member'], ['codes@example.com', 'member'], [LONG_ADDRESS, 'viewer']];

/// Says no to everybody whom it is sent.
async function startProvider() {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, `http://127.0.0.1:${server.address().port}`);
    if (url.pathname === '/authorize') {
      const back = new URL(url.searchParams.get('redirect_uri'));
      back.search = new URLSearchParams({ error: 'access_denied', state: url.searchParams.get('state') });
      response.writeHead(302, { location: back.href }).end();
      return;
    }
    const at = (name) => `${url.origin}/${name}`;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(url.pathname === '/jwks' ? { keys: [] } : { issuer: url.origin, authorization_endpoint: at('authorize'), token_endpoint: at('token'), jwks_uri: at('jwks') }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/// `lurus` has people and no mail; `mailing` has mail (into the folder `sink`), open sign-up and two identity providers.
export function pages() {
  const folder = tempFolder('lurus-pages-');
  const context = { sink: path.join(folder, 'sink') };
  let provider;
  test.before(async () => {
    if (missing) return;
    provider = await startProvider();
    const { user, env } = users(PEOPLE.map(([email, role]) => ({ email, role })));
    context.lurus = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), user }, env });
    const oidc = ['corp', PROVIDER].map((name) => ({ name, issuer: `http://127.0.0.1:${provider.address().port}`, client_id: 'lurus', client_secret_env: 'LURUS_TEST_OIDC' }));
    context.mailing = await startLurus({
      config: { ...configFor({ url: 'http://127.0.0.1:1' }), auth: { open_signup: true, oidc }, mail: { sink: context.sink, from: 'Lurus <lurus@example.com>' } },
      env: { LURUS_TEST_OIDC: 'secret' },
    });
    context.browser = await Browser.start();
  });
  test.after(async () => {
    await context.browser?.close();
    await context.lurus?.close();
    await context.mailing?.close();
    provider?.closeAllConnections();
    provider?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  /// A tab at the end of which nothing was thrown, and nothing broke the content policy.
  context.inTab = async (run) => {
    const tab = await context.browser.tab();
    await run(tab);
    assert.deepEqual(tab.said, []);
    await tab.close();
  };
  context.live = (name, run) => test(name, { skip: missing }, () => context.inTab(run));
  context.command = async (...args) => {
    const { code, stdout, stderr } = await context.lurus.cli([...args, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  context.invite = (email, ...more) => context.command('user', 'invite', email, ...more);
  return context;
}

export const at = (server, where) => `${server.url.replace(/\/$/, '')}${where}`;

/// What is shown of the form: the values of its visible fields.
export const fields = (tab) => tab.run(`Object.fromEntries([...document.querySelectorAll('#form .row input:not([type=checkbox])')].filter((e) => e.offsetHeight).map((e) => [e.id, e.value]))`);
export const typed = (tab) => tab.run(`[...document.querySelectorAll('input:not([type=checkbox])')].map((e) => e.value).join('')`);
export const heading = (tab, text) => tab.until(`document.querySelector('h1')?.innerText === ${JSON.stringify(text)}`, `the heading "${text}"`);
export const problem = (tab, text) => tab.until(`document.getElementById('problem')?.innerText.includes(${JSON.stringify(text)})`, `the problem "${text}"`);
export const inFocus = (tab, id) => tab.until(`document.activeElement.id === ${JSON.stringify(id)}`, `${id} in focus`);

export async function signIn(tab, server, email, password = PASSWORD) {
  await tab.open(at(server, '/console/'));
  await heading(tab, 'Sign in');
  await inFocus(tab, 'email');
  await tab.type(email);
  await tab.key('Tab');
  await tab.type(password);
  await tab.key('Enter');
}

export async function ownerLink(server) {
  for (;;) {
    // Not onto what is no terminal: into a file, of which the output tells.
    if (/own it: \S+\s/.test(server.output)) return setupLink(server).link;
    await new Promise((resolve) => server.process.stdout.once('data', resolve));
  }
}

/// A second factor for this person; its recovery codes.
export async function addFactor(server, email) {
  const { body: { access_token: token } } = await login(server, email);
  const { body: { secret } } = await api(server, 'POST', 'totp', { token, body: { password: PASSWORD } });
  return (await api(server, 'POST', 'totp/confirm', { token, body: { code: totp(secret) } })).body.recovery_codes;
}
