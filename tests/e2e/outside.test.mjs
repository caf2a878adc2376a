// Machines that are not ours and never answer: nothing else waits for them, and neither does the end of the server.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { KEY, PATIENCE, configFor, httpGet, startLurus } from './lib/lurus.mjs';
import { PASSWORD, api, login, users } from './lib/people.mjs';

const LONG = 60_000 * PATIENCE; // longer than anything here may take
const STARTTLS_DONE = Buffer.from([0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00]);

/// Accepts, and says nothing but `first` after it was spoken to; then one byte of `trickle` each 100 ms.
async function silence(first, trickle) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.once('data', () => {
      server.emit('asked');
      if (first) socket.write(first);
      if (!trickle) return;
      let at = 0;
      const timer = setInterval(() => socket.write(trickle.subarray(at % trickle.length, ++at % trickle.length || trickle.length)), 100);
      socket.on('close', () => clearInterval(timer));
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

// What a TLS server begins with, without an end: a record of a handshake that says it is 16 KiB long.
const TLS_BEGINS = Buffer.concat([Buffer.from([0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00, 0x3f, 0xfc, 0x03, 0x03]), Buffer.alloc(16_000)]);
const HTTP_BEGINS = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n${' '.repeat(90_000)}`);

const { user, env } = users([{ email: 'local@example.com', role: 'member' }]);
const serverWith = (auth, more = {}) => ({ ...configFor({ url: 'http://127.0.0.1:1' }), user, auth: { access_token: '15m' }, ...auth, ...more });
const directoryAt = (port, scheme, more) => ({ 'auth.ldap': { url: `${scheme}://127.0.0.1:${port}`, bind_dn: 'cn=service', bind_password_env: 'LURUS_TEST_LDAP', base: 'ou=people', ...more } });
const start = (config) => startLurus({ config, env: { ...env, LURUS_TEST_LDAP: 'secret', LURUS_TEST_OIDC: 'secret' } });

const directories = [
  ['that says nothing', 'ldap'],
  ['that says nothing over TLS', 'ldaps'],
  ['that says nothing after StartTLS', 'ldap', STARTTLS_DONE],
  ['that says a byte now and then over TLS', 'ldaps', undefined, TLS_BEGINS],
  ['that says a byte now and then after StartTLS', 'ldap', STARTTLS_DONE, TLS_BEGINS],
];
for (const [what, scheme, first, trickle] of directories) {
  test(`a directory ${what}: forty sign-ins wait, and nothing else does`, async () => {
    const directory = await silence(first, trickle);
    const lurus = await start(serverWith(directoryAt(directory.port, scheme, { timeout: '60s' })));
    try {
      const waiting = Array.from({ length: 40 }, (_, i) => timed(login(lurus, `somebody-${i}@example.com`)));
      await directory.asked(8);
      await answersBeside(lurus, waiting, `a directory ${what}`);
      const local = timed(login(lurus, 'local@example.com', PASSWORD));
      assert.equal((await local.answer).status, 200, 'who has a password here waits for no directory');
      const changed = timed(api(lurus, 'POST', 'password', { token: (await local.answer).body.access_token, body: { current_password: PASSWORD, new_password: 'nine bridges and a goose' } }));
      assert.equal((await changed.answer).status, 204, 'and neither does who is signed in');
      assert.equal((await api(lurus, 'GET', 'jwks.json')).status, 200);
      assert.ok(waiting.every((each) => !each.ended));
      assert.equal(directory.count(), 8, 'so many at a time, the others wait for them');
      const how = await lurus.stop();
      console.log(`SIGTERM with forty logins pending at a directory ${what}: ended in ${how.ms} ms`);
      assert.equal(how.code, 0);
      assert.ok(how.ms < 10_000 * PATIENCE, `it took ${how.ms} ms`);
      for (const each of waiting) await each.answer;
    } finally {
      await lurus.close();
      directory.close();
    }
  });

  test(`a directory ${what}: its time is for the whole sign-in, and its failure is everybody's for a moment`, async () => {
    const directory = await silence(first, trickle);
    const lurus = await start(serverWith(directoryAt(directory.port, scheme, { timeout: '300ms' })));
    const threads = () => fs.readdirSync(`/proc/${lurus.process.pid}/task`).length;
    try {
      const before = threads();
      const waiting = Array.from({ length: 30 }, (_, i) => timed(login(lurus, `somebody-${i}@example.com`)));
      for (const each of waiting) {
        const answer = await each.answer;
        assert.equal(answer.status, 503);
        assert.match(answer.body.detail, /^signing in with the directory is not possible now/);
      }
      console.log(`timeout 300 ms: refused after ${Math.min(...waiting.map((each) => each.ms))} to ${Math.max(...waiting.map((each) => each.ms))} ms`);
      assert.match(lurus.output, /nobody can sign in with the directory: \S+ it did not answer/);
      // The eight that ask may rest; what they asked by is gone.
      for (let i = 0; i < 500 * PATIENCE && threads() > before + 8; ++i) await sleep(20);
      assert.ok(threads() <= before + 8, `${threads()} threads, ${before} before`);
    } finally {
      await lurus.close();
      directory.close();
    }
  });
}

const providerAt = (url, more) => ({ auth: { access_token: '15m', oidc: [{ name: 'corp', issuer: url, client_id: 'lurus', client_secret_env: 'LURUS_TEST_OIDC', ...more }] } });
const providers = [
  ['that says nothing', 'http'],
  ['that says nothing over TLS', 'https'],
  ['that says a byte now and then over TLS', 'https', undefined, TLS_BEGINS],
  ['that says a byte of its answer now and then', 'http', HTTP_BEGINS.subarray(0, 70), HTTP_BEGINS.subarray(70)],
];
for (const [what, scheme, first, trickle] of providers) {
  test(`an identity provider ${what}: those who wait share one try, and the end waits for none`, async () => {
    const provider = await silence(first, trickle);
    const lurus = await start(serverWith(providerAt(`${scheme}://127.0.0.1:${provider.port}`, { timeout: '60s' })));
    try {
      const waiting = Array.from({ length: 40 }, () => timed(api(lurus, 'GET', 'oidc/corp/start')));
      await provider.asked(1);
      await answersBeside(lurus, waiting, 'an identity provider');
      assert.equal((await login(lurus, 'local@example.com', PASSWORD)).status, 200);
      assert.equal((await api(lurus, 'GET', 'jwks.json')).status, 200);
      const how = await lurus.stop();
      console.log(`SIGTERM with forty sign-ins pending at a provider ${what}: ended in ${how.ms} ms`);
      assert.equal(how.code, 0);
      assert.ok(how.ms < 5000 * PATIENCE, `it took ${how.ms} ms`);
      for (const each of waiting) await each.answer;
      assert.equal(provider.count(), 1);
    } finally {
      await lurus.close();
      provider.close();
    }
  });

  test(`an identity provider ${what}: who begins learns within its timeout that it is away, and nothing else of it`, async () => {
    const provider = await silence(first, trickle);
    const lurus = await start(serverWith(providerAt(`${scheme}://127.0.0.1:${provider.port}`, { timeout: '300ms' })));
    try {
      const waiting = Array.from({ length: 12 }, () => timed(api(lurus, 'GET', 'oidc/corp/start')));
      for (const each of waiting) {
        const answer = await each.answer;
        assert.equal(answer.status, 503);
        assert.equal(answer.body.detail, 'signing in with `corp` is not possible now; try again later, or tell whoever runs the gateway');
      }
      console.log(`timeout 300 ms: refused after ${Math.min(...waiting.map((each) => each.ms))} to ${Math.max(...waiting.map((each) => each.ms))} ms`);
      assert.match(lurus.output, new RegExp(`nobody can sign in with the provider corp: .*${provider.port}`));
      const doctor = await lurus.cli(['doctor', '--json']);
      const found = doctor.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((each) => each.check === 'sign-in corp');
      assert.equal(found?.level, 'broken', doctor.stdout + doctor.stderr);
      assert.match(found.fix, /auth\.oidc/);
    } finally {
      await lurus.close();
      provider.close();
    }
  });
}

test('a directory and three providers that hang leave a fourth, and the vendors, their threads', async () => {
  const hung = await Promise.all(Array.from({ length: 5 }, () => silence()));
  const oidc = hung.slice(1).map(({ url }, i) => ({ name: `hung-${i}`, issuer: url, client_id: 'lurus', client_secret_env: 'LURUS_TEST_OIDC', timeout: '60s' }));
  const away = { name: 'away', issuer: 'http://127.0.0.1:1', client_id: 'lurus', client_secret_env: 'LURUS_TEST_OIDC' };
  const config = serverWith({ ...directoryAt(hung[0].port, 'ldap', { timeout: '60s' }) }, { auth: { access_token: '15m', oidc: [...oidc, away] } });
  const lurus = await start(config);
  try {
    const waiting = Array.from({ length: 20 }, (_, i) => timed(login(lurus, `somebody-${i}@example.com`)));
    for (let i = 0; i < 80; ++i) waiting.push(timed(api(lurus, 'GET', `oidc/hung-${i % 4}/start`)));
    await hung[0].asked(8);
    for (const each of hung.slice(1)) await each.asked(1);
    assert.equal((await api(lurus, 'GET', 'oidc/away/start')).status, 503);
    assert.equal((await api(lurus, 'POST', '/api/v1/providers/ant/test', { token: tokenOf(lurus), body: {} })).status, 200);
    await answersBeside(lurus, waiting, 'everything that hangs');
    await lurus.stop();
    for (const each of waiting) await each.answer;
  } finally {
    await lurus.close();
    for (const each of hung) each.close();
  }
});

test('a token endpoint that says nothing: the sign-in ends in time, the browser is told no address', async () => {
  const hung = await silence();
  const answers = http.createServer((request, response) => {
    const { issuer } = answers;
    const body = request.url.endsWith('/jwks') ? { keys: [] } : { issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${hung.url}/token`, jwks_uri: `${issuer}/jwks` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(answers, 'listening');
  answers.issuer = `http://127.0.0.1:${answers.address().port}`;
  const lurus = await start(serverWith(providerAt(answers.issuer, { timeout: '300ms' })));
  try {
    const begun = await api(lurus, 'GET', 'oidc/corp/start');
    assert.equal(begun.status, 303, JSON.stringify(begun.body));
    const state = new URL(begun.headers.location).searchParams.get('state');
    const back = await api(lurus, 'GET', `oidc/corp/callback?code=c&state=${state}`, { headers: { cookie: begun.headers['set-cookie'][0].split(';')[0] } });
    assert.equal(back.status, 503);
    assert.ok(!JSON.stringify(back.body).includes('127.0.0.1'), JSON.stringify(back.body));
    assert.match(lurus.output, new RegExp(`a sign-in with the provider corp failed: .*127\\.0\\.0\\.1:${hung.port}`));
    assert.equal(hung.count(), 1);
  } finally {
    await lurus.close();
    hung.close();
    answers.close();
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
  const config = { ...configFor({ url: 'http://127.0.0.1:1' }), user, mail: { smtp: `smtp://127.0.0.1:${mails.address().port}`, from: 'lurus@example.com' } };
  const lurus = await start(config);
  try {
    const asked = await api(lurus, 'POST', 'password/reset', { body: { email: 'local@example.com' } });
    assert.equal(asked.status, 202, JSON.stringify(asked.body));
    const inviting = timed(api(lurus, 'POST', 'invitations', { token: tokenOf(lurus), body: { email: 'new@example.com' } }));
    const began = await Promise.race([connected, sleep(10_000 * PATIENCE, false, { ref: false })]);
    if (!began) assert.match(lurus.output, /libcurl/, 'neither a connection nor a word about libcurl');
    const how = await lurus.stop();
    console.log(`SIGTERM with mails on their way: ended in ${how.ms} ms`);
    assert.equal(how.code, 0);
    assert.ok(how.ms < 5000 * PATIENCE, `it took ${how.ms} ms`);
    await inviting.answer;
  } finally {
    await lurus.close();
    for (const socket of sockets) socket.destroy();
    mails.close();
  }
});
