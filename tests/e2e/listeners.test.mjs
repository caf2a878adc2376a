// TLS, a Unix socket, several listeners, --listen, and what happens when one cannot be bound.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, json, sse, startUpstream, streamOf } from '../upstream/index.mjs';
import { connectRaw, post, requestBytes } from './lib/raw.mjs';
import { Lurus, WINDOWS, configFor, freePort, startLurus, tempFolder } from './lib/lurus.mjs';

let up, folder, certificate, key;

before(async () => {
  up = await startUpstream();
  folder = tempFolder('lurus-e2e-tls-');
  certificate = path.join(folder, 'cert.pem');
  key = path.join(folder, 'key.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', certificate, '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
});

after(async () => {
  await up?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const whole = async (lurus, options) => {
  up.clear().next(sse(streamOf(anthropic), { split: 100 }), json(anthropic.json));
  const client = await connectRaw(lurus, options);
  await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
  assert.equal((await client.answer(1)).body.toString(), streamOf(anthropic));
  await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(false) }));
  assert.equal((await client.answer(2)).body.toString(), anthropic.json);
  client.close();
};

test('without a descriptor left, clients wait until there is one', async (t) => {
  const lurus = await startLurus({ through: ['sh', '-c', 'ulimit -n 90 && exec "$0" "$@"'], config: configFor(up, { server: { threads: 1 } }) });
  try {
    if (!lurus.output.includes('allows 90 open files')) return t.skip('this system lets a process raise its limit');
    const idle = await Promise.all(Array.from({ length: 90 }, () => connectRaw(lurus)));
    const late = await connectRaw(lurus);
    up.clear().next(json(anthropic.json));
    await late.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(false) }));
    await sleep(400);
    assert.equal(late.answers.length, 0);
    assert.match(lurus.output, /warning accept on 127\.0\.0\.1:\d+: Too many open files/);
    assert.ok(lurus.output.split('Too many open files').length < 12, 'it spins');
    for (const client of idle) client.close();
    assert.equal((await late.answer(1)).body.toString(), anthropic.json);
    late.close();
  } finally {
    await lurus.close();
  }
});

test('above server.max_connections clients are turned away, which is said, until others leave', async () => {
  const lurus = await startLurus({ config: configFor(up, { server: { threads: 1, max_connections: 3 } }) });
  try {
    up.clear().always(() => json(anthropic.json));
    const request = requestBytes('POST', '/v1/messages', { body: anthropic.request(false) });
    const open = []; // three, or two beside the connection that asked whether it is ready
    const served = async () => {
      const client = await connectRaw(lurus);
      await client.write(request);
      if (await client.answer(1).catch(() => null)) open.push(client);
      return client.answers.length === 1;
    };
    while (await served());
    assert.ok(open.length >= 2, `${open.length} were served`);
    for (let i = 0; i < 20; i++) await (await connectRaw(lurus)).closed(5000);
    assert.match(lurus.output, /a client is turned away, 3 connections are open \(server.max_connections\)/);
    assert.ok(lurus.output.split('is turned away').length - 1 < 6, 'it says so each time');
    await open[0].write(request);
    assert.equal((await open[0].answer(2)).body.toString(), anthropic.json);
    open.pop().close();
    while (!(await served())) await sleep(20);
  } finally {
    await lurus.close();
  }
});

test('TLS, several listeners and, where there are any, a Unix socket at once', async () => {
  const [plain, secure] = [await freePort(), await freePort()];
  const socket = WINDOWS ? null : path.join(folder, 'lurus.sock');
  const lurus = await startLurus({ url: `http://127.0.0.1:${plain}`, config: configFor(up, { server: {
    listen: [`127.0.0.1:${plain}`, ...(socket ? [`unix:${socket}`] : [])],
    listener: [{ address: `127.0.0.1:${secure}`, tls: { certificate, private_key: key } }],
  } }) });
  try {
    lurus.port = plain;
    await whole(lurus);
    if (socket) await whole(lurus, { path: socket });
    lurus.port = secure;
    const ca = fs.readFileSync(certificate);
    await whole(lurus, { tls: { ca, servername: 'localhost' } });
    for (const version of ['TLSv1.2', 'TLSv1.3']) await whole(lurus, { tls: { ca, servername: 'localhost', minVersion: version, maxVersion: version } });
    await assert.rejects(connectRaw(lurus, { tls: { ca, servername: 'localhost', maxVersion: 'TLSv1.1', minVersion: 'TLSv1' } }));
    const wrong = await connectRaw(lurus);
    await wrong.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
    await wrong.closed(5000);
    if (socket) assert.equal(fs.statSync(socket).isSocket(), true);
  } finally {
    await lurus.close();
  }
  if (socket) assert.equal(fs.existsSync(socket), false, 'the socket file is left behind');
});

test('a Unix socket left by a dead process is taken over', { skip: WINDOWS && 'on Windows lurus listens on TCP alone' }, async () => {
  const socket = path.join(folder, 'again.sock');
  const config = () => configFor(up, { server: { listen: [`unix:${socket}`, `127.0.0.1:${port}`] } });
  const port = await freePort();
  const first = await startLurus({ url: `http://127.0.0.1:${port}`, config: config() });
  await first.kill9();
  await first.close();
  assert.equal(fs.existsSync(socket), true);
  const second = await startLurus({ url: `http://127.0.0.1:${port}`, config: config() });
  second.port = port;
  try {
    await whole(second, { path: socket });
  } finally {
    await second.close();
  }
});

test('--listen overrides the file', async () => {
  const port = await freePort();
  const lurus = await startLurus({ url: `http://127.0.0.1:${port}`, listen: `127.0.0.1:${port}`, config: configFor(up, { server: { listen: `127.0.0.1:${await freePort()}` } }) });
  lurus.port = port;
  try {
    await whole(lurus);
  } finally {
    await lurus.close();
  }
});

test('a taken port is an error that names it, soon', async () => {
  const lurus = new Lurus({ config: configFor(up, { server: { listen: `127.0.0.1:${up.port}` } }) });
  await lurus.start({ waitReady: false });
  const how = await lurus.exited;
  assert.notEqual(how.code, 0);
  assert.match(lurus.output, new RegExp(String(up.port)));
  lurus.process = null;
  await lurus.close();
});

test('a vendor behind TLS is verified, and reached with its CA', async () => {
  const secured = await startUpstream({ tls: { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) } });
  const provider = (name, more) => ({ name, kind: 'anthropic', base_url: secured.url, api_key: 'k', models: [`${name}-*`], ...more });
  const lurus = await startLurus({ config: configFor(secured, { providers: [provider('trusted', { ca_file: certificate }), provider('untrusted'), provider('unverified', { tls_verify: false })] }) });
  try {
    for (const name of ['trusted', 'unverified']) {
      secured.clear().next(json(anthropic.json));
      const answer = await post(lurus, '/v1/messages', anthropic.request(false, { model: `${name}-1` }));
      assert.equal(answer.body.toString(), anthropic.json);
    }
    const refused = await post(lurus, '/v1/messages', anthropic.request(false, { model: 'untrusted-1' }));
    assert.equal(refused.status, 502);
    assert.match(refused.body.toString(), /certificate|TLS/i);
  } finally {
    await lurus.close();
    await secured.close();
  }
});
