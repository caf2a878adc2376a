// The scripted upstream itself: what it sends and what it keeps.
import test from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import http from 'node:http';
import { once } from 'node:events';
import { startUpstream, sse, json, headerOf, websocketReply, FrameReader, frame, OP } from './index.mjs';

const get = (url, options = {}) => new Promise((resolve, reject) => {
  const request = http.request(url, options, (answer) => {
    const parts = [];
    answer.on('data', (part) => parts.push(part));
    answer.on('error', reject);
    answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString() }));
  });
  request.on('error', reject);
  request.end(options.body);
});

test('keeps the exact bytes of a request and answers in order', async (t) => {
  const up = await startUpstream();
  t.after(() => up.close());
  up.next(json({ n: 1 }), json({ n: 2 }, { status: 429, headers: [['Retry-After', '3']] }));
  const socket = net.connect(up.port, '127.0.0.1');
  const bytes = 'POST /a?b HTTP/1.1\r\nhOsT: x\r\nX-Twice: 1\r\nx-twice:  2\r\nContent-Length: 3\r\n\r\nabcGET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  for (const byte of Buffer.from(bytes)) socket.write(Buffer.from([byte]));
  const parts = [];
  socket.on('data', (part) => parts.push(part));
  await once(socket, 'end');
  const text = Buffer.concat(parts).toString();
  assert.match(text, /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/json\r\nContent-Length: 7\r\n\r\n\{"n":1\}HTTP\/1\.1 429/);
  assert.match(text, /Retry-After: 3\r\n/);
  assert.equal(up.requests.length, 2);
  assert.equal(up.requests[0].headBytes.toString(), bytes.slice(0, bytes.indexOf('abc')));
  assert.deepEqual(up.requests[0].headers.slice(0, 3), [['hOsT', 'x'], ['X-Twice', '1'], ['x-twice', '2']]);
  assert.equal(up.requests[0].body.toString(), 'abc');
});

test('chunked bodies come apart as told, and can be cut', async (t) => {
  const up = await startUpstream();
  t.after(() => up.close());
  up.next(sse('data: 1\n\ndata: 2\n\n', { split: 5 }), sse('data: 1\n\n', { cutAt: 4, end: 'close' }), sse('data: 1\n\n', { cutAt: 4, end: 'reset' }));
  const whole = await get(up.url, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 'xyz' });
  assert.equal(whole.body, 'data: 1\n\ndata: 2\n\n');
  assert.equal(headerOf(up.last.headers, 'transfer-encoding'), 'chunked');
  assert.equal(up.last.body.toString(), 'xyz');
  await assert.rejects(get(up.url));
  await assert.rejects(get(up.url));
});

test('notes when a client leaves', async (t) => {
  const up = await startUpstream();
  t.after(() => up.close());
  up.always(sse('', { pieces: ['data: 1\n\n', 60_000], end: 'hang' }));
  const request = http.get(up.url, (answer) => answer.once('data', () => request.destroy()));
  request.on('error', () => {});
  await up.wait(1);
  for (let i = 0; i < 100 && !up.last.gone; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(up.last.gone);
});

test('speaks WebSocket', async (t) => {
  const up = await startUpstream();
  t.after(() => up.close());
  up.always(websocketReply((one, send) => one.opcode === OP.text && send(frame(OP.text, `echo ${one.payload}`))));
  const socket = net.connect(up.port, '127.0.0.1');
  socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n');
  const [head] = await once(socket, 'data');
  assert.match(head.toString(), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  const frames = [];
  const reader = new FrameReader((one) => frames.push(one.payload.toString()));
  socket.on('data', (bytes) => reader.feed(bytes));
  socket.write(frame(OP.text, 'a'.repeat(70_000), { mask: true }));
  while (!frames.length) await once(socket, 'data');
  assert.equal(frames[0], `echo ${'a'.repeat(70_000)}`);
  socket.destroy();
});
