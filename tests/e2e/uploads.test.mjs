// Large files pass to the vendor as they come: bounded memory, backpressure both ways, early answers, cut clients.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { closedPort, headerOf } from '../upstream/index.mjs';
import { configFor, startLurus, PATIENCE } from './lib/lurus.mjs';
import { connectRaw, requestBytes } from './lib/raw.mjs';

const MiB = 1 << 20;
const FORM = ['Content-Type', 'multipart/form-data; boundary=b'];
const MADE = '{"id":"file-up1","object":"file"}';
const answerText = (status, body, more = '') =>
  `HTTP/1.1 ${status} Said\r\nContent-Type: application/json\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/// A vendor that counts what comes. `onBody(conn)` is called for each piece, `whole(conn)` says when all is here.
class Vendor {
  connections = [];
  onHead = () => {};
  onBody = () => {};
  onWhole = (conn) => conn.socket.write(answerText(200, MADE));

  async start() {
    this.server = net.createServer((socket) => {
      const conn = { socket, head: '', bytes: 0, hash: createHash('sha256'), tail: '', gone: null, answered: false };
      this.connections.push(conn);
      const took = (piece) => {
        conn.bytes += piece.length;
        conn.hash.update(piece);
        conn.tail = (conn.tail + piece.subarray(-8).toString('latin1')).slice(-8);
        this.onBody(conn);
        const length = /^content-length: (\d+)/im.exec(conn.head);
        const whole = length ? conn.bytes >= Number(length[1]) : conn.tail.endsWith('0\r\n\r\n');
        if (whole && !conn.answered) {
          conn.answered = true;
          this.onWhole(conn);
        }
      };
      socket.on('data', (piece) => {
        if (conn.headDone) return took(piece);
        conn.head += piece.toString('latin1');
        const end = conn.head.indexOf('\r\n\r\n');
        if (end < 0) return;
        const rest = Buffer.from(conn.head.slice(end + 4), 'latin1');
        conn.head = conn.head.slice(0, end + 2);
        conn.headDone = true;
        this.onHead(conn);
        if (rest.length > 0) took(rest);
      });
      socket.on('error', () => { conn.gone = 'reset'; });
      socket.on('close', () => { conn.gone ??= 'end'; });
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  reset(how = {}) {
    for (const conn of this.connections) conn.socket.destroy();
    this.connections = [];
    this.onHead = how.onHead ?? (() => {});
    this.onBody = how.onBody ?? (() => {});
    this.onWhole = how.onWhole ?? ((conn) => conn.socket.write(answerText(200, MADE)));
  }

  async close() {
    for (const conn of this.connections) conn.socket.destroy();
    this.server.close();
  }
}

let vendor, lurus;
before(async () => {
  vendor = await new Vendor().start();
  const server = { max_body: '1MiB', max_upload: '400MiB', body_timeout: '3s' };
  const dead = `http://127.0.0.1:${await closedPort()}`;
  const providers = [
    { name: 'dead', kind: 'openai', base_url: `${dead}/v1`, api_key: 'sk-dead', models: ['*'] },
    { name: 'oai', kind: 'openai', base_url: `${vendor.url}/v1`, api_key: 'sk-oai', models: ['*'], idle_timeout: '20s' },
    { name: 'ant', kind: 'anthropic', base_url: vendor.url, api_key: 'sk-ant', models: ['*'] },
    { name: 'gem', kind: 'gemini', base_url: vendor.url, api_key: 'sk-gem', models: ['*'] },
  ];
  lurus = await startLurus({ config: configFor(vendor, { server, providers }) });
});
after(async () => {
  try {
    await lurus?.close();
  } finally {
    await vendor?.close();
  }
});

const resident = () => Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${lurus.process.pid}/status`, 'utf8'))[1]) / 1024;
const head = (target, length, headers = [FORM]) =>
  requestBytes('POST', target, { headers: [...headers, length === 'chunked' ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(length)]] });
async function until(condition, what, ms = 10_000) {
  const end = Date.now() + ms * PATIENCE;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await sleep(20);
  }
}
const rowOf = (answer) => lurus.row(headerOf(answer.headers, 'x-lurus-trace-id'), { patience: 5000 });
/// Sends `total` bytes, and the hash of them.
async function sendBody(client, total, wrap = (piece) => piece) {
  const hash = createHash('sha256');
  for (let sent = 0; sent < total && !client.ended;) {
    const piece = Buffer.alloc(Math.min(MiB, total - sent), `piece ${sent} of the file; `);
    hash.update(piece);
    await client.write(wrap(piece));
    sent += piece.length;
  }
  return hash.digest('hex');
}

test('300 MiB pass whole and in bounded memory, past a candidate that refuses connections', async () => {
  let most = 0;
  vendor.reset({ onBody: () => { most = Math.max(most, resident()); } });
  const idle = resident();
  const client = await connectRaw(lurus);
  await client.write(head('/v1/files', 300 * MiB));
  const sent = await sendBody(client, 300 * MiB);
  const answer = await client.answer(1, 60_000);
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(answer.body.toString(), MADE);
  const conn = vendor.connections[0];
  assert.equal(conn.bytes, 300 * MiB);
  assert.equal(conn.hash.digest('hex'), sent);
  assert.match(conn.head, /^Content-Length: 314572800\r$/m);
  assert.match(conn.head, /sk-oai/);
  assert.ok(most - idle < 64, `${idle} MiB became ${most} MiB`);
  const row = await rowOf(answer);
  assert.equal(row.bytes_in, 300 * MiB);
  assert.equal(row.operation, 'files');
  assert.deepEqual(row.attempts.map((one) => one.outcome), ['refused', 'ok']);
  // The connection goes on, and what was made is known.
  vendor.reset({ onHead: (one) => one.socket.write(answerText(200, MADE)) });
  await client.write(requestBytes('GET', '/v1/files/file-up1'));
  assert.equal((await client.answer(2)).status, 200);
  client.close();
});

test('a chunked body, compressed or not, keeps its framing and bytes', async () => {
  for (const [target, headers] of [['/v1/files', [FORM, ['Content-Encoding', 'x-own']]], ['/upload/v1beta/files?upload_id=u1', [['x-goog-api-key', 'x'], ['Content-Type', 'application/json']]], ['/v1/skills', [FORM, ['anthropic-version', '2023-06-01']]]]) {
    vendor.reset();
    const client = await connectRaw(lurus);
    const named = headers.some(([name]) => name === 'x-goog-api-key') ? headers.slice(1) : headers;
    await client.write(head(target, 'chunked', named));
    const chunk = (piece) => Buffer.concat([Buffer.from(`${piece.length.toString(16)};ext=1\r\n`), piece, Buffer.from('\r\n')]);
    await sendBody(client, 5 * MiB, chunk);
    await client.write('0\r\nX-Trailer: 1\r\n\r\n');
    const answer = await client.answer(1);
    assert.equal(answer.status, 200, `${target}: ${answer.body}`);
    assert.match(vendor.connections[0].head, /^Transfer-Encoding: chunked\r$/m);
    assert.doesNotMatch(vendor.connections[0].head, /^content-length/im);
    if (target === '/v1/files') assert.match(vendor.connections[0].head, /^Content-Encoding: x-own\r$/m);
    assert.equal((await rowOf(answer)).bytes_in, 5 * MiB);
    client.close();
  }
});

test('a vendor that does not read holds the client back, and goes on where it left', async () => {
  vendor.reset({ onHead: (conn) => conn.socket.pause() });
  const idle = resident();
  const client = await connectRaw(lurus);
  await client.write(head('/v1/files', 60 * MiB));
  const sending = sendBody(client, 60 * MiB);
  await until(() => client.socket.writableLength > 0, 'backpressure');
  let before = -1;
  while (before !== client.socket.bytesWritten - client.socket.writableLength) {
    before = client.socket.bytesWritten - client.socket.writableLength;
    await sleep(300);
  }
  assert.ok(before < 40 * MiB, `${before} bytes were taken for a vendor that reads nothing`);
  assert.ok(resident() - idle < 32, `${idle} MiB became ${resident()} MiB`);
  vendor.connections[0].socket.resume();
  const sent = await sending;
  const answer = await client.answer(1, 30_000);
  assert.equal(answer.status, 200);
  assert.equal(vendor.connections[0].hash.digest('hex'), sent);
  client.close();
});

test('a slow client has its time from byte to byte; a silent one is 408', async () => {
  vendor.reset();
  const slow = await connectRaw(lurus);
  await slow.write(head('/v1/files', 100_000));
  for (let i = 0; i < 10; ++i) {
    await slow.write(Buffer.alloc(10_000, 'x'));
    await sleep(400);
  }
  assert.equal((await slow.answer(1)).status, 200);
  slow.close();
  vendor.reset();
  const silent = await connectRaw(lurus);
  await silent.write(head('/v1/files', 100_000));
  await silent.write(Buffer.alloc(70_000, 'x'));
  const answer = await silent.answer(1, 20_000);
  assert.equal(answer.status, 408, answer.body.toString());
  await until(() => vendor.connections[0]?.gone, 'the end of the connection to the vendor');
  assert.equal((await rowOf(answer)).bytes_in, 70_000);
  silent.close();
});

test("the vendor's early error reaches the client while its body is still coming, and is asked of nobody else", async () => {
  for (const status of [401, 413, 500]) {
    vendor.reset({ onBody: (conn) => { if (!conn.answered) conn.socket.write(answerText(status, '{"error":{"message":"no more of that"}}')); conn.answered = true; } });
    const client = await connectRaw(lurus);
    await client.write(head('/v1/files', 200 * MiB));
    await client.write(Buffer.alloc(100_000, 'x'));
    const answer = await client.answer(1);
    assert.equal(answer.status, status);
    assert.match(answer.body.toString(), /no more of that/);
    assert.equal(headerOf(answer.headers, 'connection'), 'close');
    const row = await rowOf(answer);
    assert.equal(row.status, status);
    assert.ok(row.bytes_in < 200 * MiB);
    assert.equal(vendor.connections.length, 1);
    await until(() => vendor.connections[0]?.gone, 'the end of the connection to the vendor');
    client.close();
  }
});

test('an early head that is no error waits until the body is sent', async () => {
  vendor.reset({ onHead: (conn) => conn.socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'), onWhole: (conn) => conn.socket.write(`Content-Length: ${MADE.length}\r\n\r\n${MADE}`) });
  const client = await connectRaw(lurus);
  await client.write(head('/v1/files', 8 * MiB));
  const sent = await sendBody(client, 8 * MiB);
  const answer = await client.answer(1);
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(vendor.connections[0].hash.digest('hex'), sent);
  client.close();
  vendor.reset({ onHead: (conn) => conn.socket.write(answerText(200, MADE)), onWhole: () => {} });
  const other = await connectRaw(lurus);
  await other.write(head('/v1/files', 8 * MiB));
  const all = await sendBody(other, 8 * MiB);
  assert.equal((await other.answer(1)).body.toString(), MADE);
  await until(() => vendor.connections[0].bytes === 8 * MiB, 'the bytes at the vendor');
  assert.equal(vendor.connections[0].hash.digest('hex'), all);
  other.close();
});

test('a client that leaves inside its body is recorded so, and the vendor sees the end', async () => {
  for (const how of ['close', 'reset']) {
    vendor.reset();
    const client = await connectRaw(lurus);
    const bytes = how === 'close' ? 111_111 : 222_222;
    await client.write(head('/v1/files', 9 * MiB));
    await client.write(Buffer.alloc(bytes, 'x'));
    await until(() => vendor.connections[0]?.bytes === bytes, 'the bytes at the vendor');
    client[how]();
    await until(() => vendor.connections[0]?.gone, 'the end of the connection to the vendor');
    let row;
    for (let tries = 0; tries < 50 && !row; ++tries) {
      row = (await lurus.logs(20)).find((one) => one.bytes_in === bytes);
      if (!row) await sleep(100);
    }
    assert.equal(row?.end, 'client_gone', JSON.stringify(row));
    assert.equal(row.attempts.at(-1).outcome, 'client_gone');
  }
});

test('a vendor that goes away inside the body is 502, and nobody else is asked', async () => {
  vendor.reset({ onBody: (conn) => { if (conn.bytes > 50_000) conn.socket.destroy(); } });
  const client = await connectRaw(lurus);
  await client.write(head('/v1/files', 20 * MiB));
  await client.write(Buffer.alloc(100_000, 'x'));
  const answer = await client.answer(1);
  assert.equal(answer.status, 502, answer.body.toString());
  assert.equal(vendor.connections.length, 1);
  assert.deepEqual((await rowOf(answer)).attempts.map((one) => one.outcome), ['refused', 'reset']);
  client.close();
});

test('100 Continue comes when the vendor is there, and not where nobody is', async () => {
  vendor.reset();
  const client = await connectRaw(lurus);
  await client.write(head('/v1/files', 2 * MiB, [FORM, ['Expect', '100-continue']]));
  await client.until(() => client.informational.length === 1, '100 Continue');
  await until(() => vendor.connections.length === 1, 'the connection to the vendor');
  await sendBody(client, 2 * MiB);
  assert.equal((await client.answer(1)).status, 200);
  assert.doesNotMatch(vendor.connections[0].head, /^expect/im);
  client.close();
  const dead = `http://127.0.0.1:${await closedPort()}`;
  const alone = await startLurus({ config: configFor({ url: dead }) });
  try {
    const other = await connectRaw(alone);
    await other.write(head('/v1/files', 2 * MiB, [FORM, ['Expect', '100-continue']]));
    const answer = await other.answer(1);
    assert.equal(answer.status, 502, answer.body.toString());
    assert.equal(other.informational.length, 0);
    assert.equal(headerOf(answer.headers, 'connection'), 'close');
    other.close();
  } finally {
    await alone.close();
  }
});

test('what is above max_upload is 413, by its length or when it shows; JSON is held as before', async () => {
  vendor.reset();
  const named = await connectRaw(lurus);
  await named.write(head('/v1/files', 401 * MiB, [FORM, ['Expect', '100-continue']]));
  const refused = await named.answer(1);
  assert.equal(refused.status, 413);
  assert.match(refused.body.toString(), /max_upload/);
  assert.equal(named.informational.length, 0);
  assert.equal(vendor.connections.length, 0);
  named.close();
  // A body that names things of the vendor's is read, whatever else it says of its type.
  for (const headers of [[['Content-Type', 'application/json']], [FORM, ['Content-Type', 'application/json']]]) {
    const json = await connectRaw(lurus);
    await json.write(head('/v1/vector_stores', 2 * MiB, headers));
    const held = await json.answer(1);
    assert.equal(held.status, 413);
    assert.match(held.body.toString(), /max_body/);
    json.close();
  }
  const small = await startLurus({ config: configFor(vendor, { server: { max_upload: '1MiB' } }) });
  try {
    const client = await connectRaw(small);
    await client.write(head('/v1/files', 'chunked'));
    const piece = Buffer.alloc(300_000, 'x');
    for (let i = 0; i < 5 && !client.ended; ++i) await client.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
    const answer = await client.answer(1);
    assert.equal(answer.status, 413, answer.body.toString());
    assert.match(JSON.parse(answer.body).error.message, /^the upload is larger than the 1048576 bytes that server.max_upload allows/);
    await until(() => vendor.connections[0]?.gone, 'the end of the connection to the vendor');
    assert.ok(vendor.connections[0].bytes < 1.1 * MiB);
    client.close();
    const bad = await connectRaw(small);
    await bad.write(Buffer.concat([head('/v1/files', 'chunked'), Buffer.from('5\r\nabcde\r\nzz\r\n')]));
    assert.equal((await bad.answer(1)).status, 400);
    bad.close();
  } finally {
    await small.close();
  }
});

test('a key is looked at before anything is read or sent', async () => {
  vendor.reset();
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', '/v1/files', { key: 'cr_wrong', headers: [FORM, ['Content-Length', String(9 * MiB)]] }));
  assert.equal((await client.answer(1)).status, 401);
  assert.equal(vendor.connections.length, 0);
  client.close();
});
