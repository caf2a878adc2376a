// The pages that links lead to, their script run over a few elements that stand for the browser's.
import test from 'node:test';
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { setTimeout as sleep } from 'node:timers/promises';
import { gateway } from './lib/suite.mjs';
import { PASSWORD, api, setupLink } from './lib/people.mjs';
import { PATIENCE } from './lib/lurus.mjs';

const context = gateway({ server: { threads: 2 } });

/// A tab: `open(address)` runs the page's script there; cookies stay.
class Tab {
  cookie = '';
  async open(address) {
    const url = new URL(address, context.lurus.url);
    const page = await api(context.lurus, 'GET', url.pathname);
    assert.equal(page.status, 200);
    assert.match(page.headers['content-security-policy'], /default-src 'none'; script-src 'self'/);
    const source = /<script src="([^"]+)">/.exec(page.body)[1];
    const script = await api(context.lurus, 'GET', source);
    assert.match(script.headers['content-type'], /^text\/javascript/);
    const byId = {};
    for (const [, id] of page.body.matchAll(/id="([^"]+)"/g)) byId[id] = { hidden: false, textContent: '' };
    const inputs = {};
    for (const [, name] of page.body.matchAll(/name="(email|name|password|totp)"/g)) inputs[name] = { value: '', required: false };
    this.button = { textContent: '' };
    Object.assign(byId.form, { elements: inputs, querySelector: () => this.button });
    Object.assign(this, { byId, inputs });
    this.waiting = [];
    const location = { pathname: url.pathname, hash: url.hash };
    vm.runInNewContext(script.body, {
      document: { getElementById: (id) => byId[id] },
      location,
      history: { replaceState: (_, __, path) => { this.address = path; } },
      FormData: class { constructor() { return Object.entries(inputs).map(([name, input]) => [name, input.value]); } },
      URLSearchParams,
      fetch: (...all) => {
        const done = this.fetch(...all);
        this.waiting.push(done);
        return done;
      },
    });
    await this.settled();
  }
  async fetch(target, { method = 'GET', headers = {}, body } = {}) {
    const answer = await api(context.lurus, method, target, {
      body: body && JSON.parse(body),
      headers: { ...headers, origin: context.lurus.url.replace(/\/$/, ''), 'sec-fetch-site': 'same-origin', ...(this.cookie ? { cookie: this.cookie } : {}) },
    });
    for (const set of answer.headers['set-cookie'] ?? []) this.cookie = /Max-Age=0/.test(set) ? '' : set.split(';')[0];
    return { status: answer.status, text: async () => (answer.body === '' ? '' : JSON.stringify(answer.body)) };
  }
  async settled() {
    while (this.waiting.length) {
      await Promise.all(this.waiting.splice(0));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  async submit(values = {}) {
    for (const [name, input] of Object.entries(this.inputs)) input.value = values[name] ?? '';
    await this.byId.form.onsubmit({ preventDefault() {} });
    await this.settled();
  }
  get lead() { return this.byId.lead.textContent; }
  get problem() { return this.byId.problem.textContent; }
}

test('the first link makes the owner, who invites; both sign out and in', async () => {
  const until = Date.now() + 5000 * PATIENCE; // the banner is printed after the server is ready
  while (!/own it: /.test(context.lurus.output) && Date.now() < until) await sleep(20);
  const { link } = setupLink(context.lurus);
  const tab = new Tab();
  await tab.open(link);
  assert.match(tab.lead, /owns this installation/);
  assert.equal(tab.address, '/console/setup'); // the token is out of the address bar
  await tab.submit({ email: 'first@example.com', name: 'First', password: 'short' });
  assert.match(tab.problem, /12/);
  await tab.submit({ email: 'first@example.com', name: 'First', password: PASSWORD });
  assert.equal(tab.lead, 'Signed in as first@example.com.');
  await tab.submit();
  assert.equal(tab.lead, 'Sign in.');
  await tab.submit({ email: 'first@example.com', password: 'wrong password!' });
  assert.match(tab.problem, /wrong/);
  await tab.submit({ email: 'first@example.com', password: PASSWORD });
  assert.equal(tab.lead, 'Signed in as first@example.com.');

  const invited = JSON.parse((await context.lurus.cli(['user', 'invite', 'second@example.com', '--json'])).stdout);
  const other = new Tab();
  await other.open(invited.link);
  assert.match(other.lead, /invited/);
  await other.submit({ name: 'Second', password: PASSWORD });
  assert.equal(other.lead, 'Signed in as second@example.com.');

  const reset = JSON.parse((await context.lurus.cli(['user', 'reset-password', 'second@example.com', '--json'])).stdout);
  await other.open(`/console/reset#token=${reset.token}`);
  await other.submit({ password: `${PASSWORD} again` });
  assert.match(other.lead, /sign in with it/);
  await other.submit({ email: 'second@example.com', password: `${PASSWORD} again` });
  assert.equal(other.lead, 'Signed in as second@example.com.');
});

test('a link without its token, other paths and other methods', async () => {
  const tab = new Tab();
  await tab.open('/console/invitation');
  assert.match(tab.lead, /not whole/);
  await tab.open('/console/');
  assert.equal(tab.lead, 'Sign in.');
  assert.equal((await api(context.lurus, 'GET', '/console/nothing')).status, 404);
  assert.equal((await api(context.lurus, 'GET', '/console/account.cpp')).status, 404);
  assert.equal((await api(context.lurus, 'POST', '/console/setup', { body: {} })).status, 405);
});
