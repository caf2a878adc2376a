// Sessions are PostgreSQL's alone; while it is away those that a node knows go on, and nothing is used up.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { PATIENCE } from './lib/lurus.mjs';
import { Installation, call, inMode } from './lib/installation.mjs';
import { PASSWORD, api, login } from './lib/people.mjs';

const here = new Installation();
let one, two;

before(async () => {
  await here.start();
  [one, two] = [await here.node(), await here.node()];
  const command = async (...args) => {
    const { code, stdout, stderr } = await one.cli([...args, '--json']);
    assert.equal(code, 0, stdout + stderr);
    return JSON.parse(stdout);
  };
  await command('user', 'add', 'owner@example.com', '--role', 'owner');
  const { token } = await command('user', 'reset-password', 'owner@example.com');
  const set = await api(one, 'POST', 'password/reset/confirm', { body: { token, new_password: PASSWORD } });
  assert.ok(set.status < 300, JSON.stringify(set.body));
});
after(() => here.close());

const me = (lurus, token, headers) => api(lurus, 'GET', '/api/v1/me', { token, headers });

test('who has signed in stays so while PostgreSQL is away; signing in and refreshing wait', { timeout: 60_000 * PATIENCE }, async () => {
  await inMode(one, 'online');
  const script = await login(one, 'owner@example.com');
  assert.equal(script.status, 200, JSON.stringify(script.body));
  const browser = await login(one, 'owner@example.com', PASSWORD, { session: true });
  const cookie = browser.headers['set-cookie'][0].split(';')[0];
  const known = async () => [(await me(one, script.body.access_token)).status, (await me(one, undefined, { cookie })).status];
  assert.deepEqual(await known(), [200, 200]);
  const refresh = () => api(one, 'POST', 'refresh', { body: { refresh_token: script.body.refresh_token } });
  here.proxy.cut();
  try {
    await inMode(one, 'offline');
    assert.deepEqual(await known(), [200, 200]);
    for (const answer of [await login(one, 'owner@example.com'), await refresh()]) {
      assert.equal(answer.status, 503, JSON.stringify(answer.body));
      assert.match(answer.body.detail, /PostgreSQL/);
    }
    // The node's own token is asked of nobody.
    assert.equal((await call(one, 'GET', 'keys')).status, 200);
  } finally {
    here.proxy.open();
  }
  await inMode(one, 'online');
  // Nothing was used up by asking.
  const fresh = await refresh();
  assert.equal(fresh.status, 200, JSON.stringify(fresh.body));
  assert.deepEqual(await known(), [200, 200]);
  assert.equal((await me(two, fresh.body.access_token)).status, 200);
});
