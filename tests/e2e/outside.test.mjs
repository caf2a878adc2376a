// Machines that are not ours and never answer: nothing else waits for them, and neither does the end of the server.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { KEY, PATIENCE, configFor, httpGet, startLurus } from './lib/lurus.mjs';
import { PASSWORD, api, login, users } from './lib/people.mjs';

const LONG = 60_000 * PATIENCE; // longer than anything here may take
const STARTTLS_DONE = Buffer.from([0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00]);

/// Accepts, and says nothing but `first` after it was spoken to.
async function silence(first) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.once('data', () => {
      server.emit('asked');
      if (first) socket.write(first);
    });
  });
  let asked = 0;
  server.on('asked', () => asked++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    /// Until it was asked so often.
    asked: async (count) => {
      while (asked < count) await once(server, 'asked');
    },
    count: () => asked,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const tokenOf = (lurus) => fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();

/// The answer, and how long it took; `ended` once it is there.
function timed(promise) {
  const started = performance.now();
  const out = { ended: false };
  out.answer = promise.then(
    (answer) => {
      out.ended = true;
      out.ms = Math.round(performance.now() - started);
      return answer;
    },
    (error) => {
      out.ended = true;
      out.ms = Math.round(performance.now() - started);
      return { status: 0, error };
    },
  );
  return out;
}

/// The management API and the pages answer while all of `waiting` go on waiting.
async function answersBeside(lurus, waiting, what) {
  const status = timed(api(lurus, 'GET', '/api/v1/status', { token: tokenOf(lurus) }));
  assert.equal((await status.answer).status, 200);
  const page = timed(httpGet(`${lurus.url}/console/`, { timeout: LONG }));
  assert.ok((await page.answer).status < 500);
  console.log(`beside ${what}: status in ${status.ms} ms, page in ${page.ms} ms`);
  assert.deepEqual(waiting.map((each) => each.ended), waiting.map(() => false), 'they were waited for');
}

const providersAt = (ports, more = {}) => ports.map((port, i) => ({ name: `slow-${i}`, kind: 'openai', base_url: `http://127.0.0.1:${port}/v1`, api_key: 'sk', models: ['gpt-*'], ...more }));

test('six slow model lists: the management API answers, each vendor is asked once, what is known is listed', async () => {
  const vendors = await Promise.all(Array.from({ length: 6 }, () => silence()));
  const lurus = await startLurus({ config: configFor({ url: 'http://127.0.0.1:1' }, { providers: [...providersAt(vendors.map((v) => v.port)), { name: 'known', kind: 'openai', base_url: 'http://127.0.0.1:1/v1', api_key: 'sk', models: ['a-known-model'] }] }) });
  try {
    const lists = Array.from({ length: 6 }, () => timed(httpGet(`${lurus.url}/v1/models`, { headers: { authorization: `Bearer ${KEY}` }, timeout: LONG })));
    await Promise.all(vendors.map((vendor) => vendor.asked(1)));
    await answersBeside(lurus, lists, 'six model lists');
    for (const list of lists) {
      const answer = await list.answer;
      assert.equal(answer.status, 200);
      assert.deepEqual(JSON.parse(answer.body).data.map((model) => model.id), ['a-known-model']);
    }
    console.log(`the lists came after ${lists.map((list) => list.ms)} ms`);
    assert.deepEqual(vendors.map((vendor) => vendor.count()), [1, 1, 1, 1, 1, 1]);
  } finally {
    await lurus.close();
    for (const vendor of vendors) vendor.close();
  }
});

test('the end waits for no vendor', async () => {
  const vendor = await silence();
  const lurus = await startLurus({ config: configFor({ url: 'http://127.0.0.1:1' }, { providers: [...providersAt([vendor.port, vendor.port]), { name: 'tls', kind: 'openai', base_url: `https://127.0.0.1:${vendor.port}/v1`, api_key: 'sk', models: ['gpt-*'] }] }) });
  try {
    const token = tokenOf(lurus);
    const waiting = [
      timed(httpGet(`${lurus.url}/v1/models`, { headers: { authorization: `Bearer ${KEY}` }, timeout: LONG })),
      timed(api(lurus, 'POST', '/api/v1/providers/slow-0/test', { token, body: {} })),
      timed(api(lurus, 'POST', '/api/v1/providers/tls/test', { token, body: {} })),
      timed(api(lurus, 'POST', '/api/v1/providers/slow-1/models', { token })),
    ];
    await vendor.asked(6);
    const how = await lurus.stop();
    console.log(`SIGTERM with vendors pending: ended in ${how.ms} ms`);
    assert.equal(how.code, 0);
    assert.ok(how.ms < 5000 * PATIENCE, `it took ${how.ms} ms`);
    for (const each of waiting) await each.answer;
  } finally {
    await lurus.close();
    vendor.close();
  }
});

const directories = [
  ['that says nothing', undefined, 'ldap'],
  ['that says nothing over TLS', undefined, 'ldaps'],
  ['that says nothing after StartTLS', STARTTLS_DONE, 'ldap'],
];
for (const [what, first, scheme] of directories) {
  test(`a directory ${what}`, async () => {
    const directory = await silence(first);
    const { user, env } = users([{ email: 'local@example.com', role: 'member' }]);
    const ldap = { url: `${scheme}://127.0.0.1:${directory.port}`, bind_dn: 'cn=service', bind_password_env: 'LURUS_TEST_LDAP', base: 'ou=people', timeout: '60s' };
    const config = (more) => ({ ...configFor({ url: 'http://127.0.0.1:1' }), user, auth: { access_token: '15m' }, 'auth.ldap': { ...ldap, ...more } });
    const lurus = await startLurus({ config: config({}), env: { ...env, LURUS_TEST_LDAP: 'secret' } });
    try {
      const waiting = Array.from({ length: 6 }, (_, i) => timed(login(lurus, `somebody-${i}@example.com`)));
      await directory.asked(6);
      await answersBeside(lurus, waiting, `a directory ${what}`);
      const local = timed(login(lurus, 'local@example.com', PASSWORD));
      assert.equal((await local.answer).status, 200, 'who has a password here waits for no directory');
      assert.ok(waiting.every((each) => !each.ended));
      const how = await lurus.stop();
      console.log(`SIGTERM with logins pending at a directory ${what}: ended in ${how.ms} ms`);
      assert.equal(how.code, 0);
      assert.ok(how.ms < 10_000 * PATIENCE, `it took ${how.ms} ms`);
      for (const each of waiting) await each.answer;
      // The time it has is for the whole sign-in.
      lurus.writeConfig({ ...config({ timeout: '300ms' }), server: lurus.config.server });
      await lurus.start();
      const late = timed(login(lurus, 'somebody@example.com'));
      const answer = await late.answer;
      assert.equal(answer.status, 503, JSON.stringify(answer.body));
      console.log(`timeout 300 ms: refused after ${late.ms} ms`);
    } finally {
      await lurus.close();
      directory.close();
    }
  });
}

test('an identity provider that says nothing: those who wait share one try, and the end waits for none', async () => {
  const provider = await silence();
  const oidc = [{ name: 'corp', issuer: provider.url, client_id: 'lurus', client_secret_env: 'LURUS_TEST_OIDC' }];
  const lurus = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), auth: { access_token: '15m', oidc } }, env: { LURUS_TEST_OIDC: 'secret' } });
  try {
    const waiting = Array.from({ length: 6 }, () => timed(api(lurus, 'GET', 'oidc/corp/start')));
    await provider.asked(1);
    await answersBeside(lurus, waiting, 'an identity provider');
    const how = await lurus.stop();
    console.log(`SIGTERM with sign-ins pending at a provider: ended in ${how.ms} ms`);
    assert.equal(how.code, 0);
    assert.ok(how.ms < 5000 * PATIENCE, `it took ${how.ms} ms`);
    for (const each of waiting) await each.answer;
    assert.equal(provider.count(), 1);
  } finally {
    await lurus.close();
    provider.close();
  }
});

test('a mail server that says nothing does not keep the server from ending', async () => {
  const sockets = [];
  let reached;
  const connected = new Promise((resolve) => { reached = resolve; });
  const mails = net.createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    reached(true);
  }).listen(0, '127.0.0.1');
  await once(mails, 'listening');
  const config = { ...configFor({ url: 'http://127.0.0.1:1' }), mail: { smtp: `smtp://127.0.0.1:${mails.address().port}`, from: 'lurus@example.com' } };
  const lurus = await startLurus({ config });
  try {
    const invited = await api(lurus, 'POST', 'invitations', { token: tokenOf(lurus), body: { email: 'new@example.com' } });
    assert.equal(invited.status, 201, JSON.stringify(invited.body));
    const began = await Promise.race([connected, sleep(10_000 * PATIENCE, false, { ref: false })]);
    if (!began) assert.match(lurus.output, /libcurl/, 'neither a connection nor a word about libcurl');
    const how = await lurus.stop();
    console.log(`SIGTERM with a mail on its way: ended in ${how.ms} ms`);
    assert.equal(how.code, 0);
    assert.ok(how.ms < 5000 * PATIENCE, `it took ${how.ms} ms`);
  } finally {
    await lurus.close();
    for (const socket of sockets) socket.destroy();
    mails.close();
  }
});
