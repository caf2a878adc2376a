// WebSocket upgrades on /v1/responses and /v1/realtime: relayed frame by frame, usage read, recorded.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { OP, FrameReader, acceptFor, closeFrame, frame, headerOf, json, chat, responses, websocketReply } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { connectRaw, header } from './lib/raw.mjs';
import { KEY, UPSTREAM_KEY } from './lib/lurus.mjs';

const context = gateway({ routes: [{ model: 'ws-alias', to: ['oai/gpt-5-codex'] }] });
const WS_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

async function upgrade(target, { headers = '', key = KEY } = {}) {
  const client = await connectRaw(context.lurus);
  const frames = [];
  const reader = new FrameReader((one) => frames.push(one));
  await client.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${WS_KEY}\r\nAuthorization: Bearer ${key}\r\n${headers}\r\n`);
  await client.until(() => client.answers.length === 1 || client.ended, 'the answer to the upgrade');
  const answer = client.answers[0];
  answer.onData = (bytes) => reader.feed(bytes);
  for (const bytes of Array.isArray(answer.body) ? answer.body : [answer.body]) reader.feed(bytes);
  return { client, answer, frames };
}

const textOf = (one) => one.payload.toString();

test('/v1/responses: the handshake, frames both ways, and the row', async () => {
  const { up, lurus } = context;
  const completed = JSON.stringify({ type: 'response.completed', response: { ...JSON.parse(responses.json) } });
  up.next(websocketReply((one, send) => {
    if (one.opcode !== OP.text) return;
    send(frame(OP.text, JSON.stringify({ type: 'response.created', response: { id: 'resp_1' } })));
    send(frame(OP.text, completed));
  }));
  const { client, answer, frames } = await upgrade('/v1/responses', { headers: 'OpenAI-Beta: responses_websockets=2026-02-06\r\nsession_id: ws-session\r\nUser-Agent: codex_cli_rs/0.169.0\r\n' });
  assert.equal(answer.status, 101, client.text());
  assert.equal(header(answer, 'sec-websocket-accept'), acceptFor(WS_KEY));
  const seen = up.last;
  assert.equal(headerOf(seen.headers, 'authorization'), `Bearer ${UPSTREAM_KEY}`);
  assert.equal(headerOf(seen.headers, 'openai-beta'), 'responses_websockets=2026-02-06');
  const request = JSON.stringify({ type: 'response.create', model: 'gpt-5-mini', input: 'ß🌍' });
  await client.write(frame(OP.text, request, { mask: true }));
  await client.until(() => frames.length >= 2, 'two frames');
  assert.equal(textOf(frames[1]), completed);
  assert.equal(seen.frames[0] && textOf(seen.frames.find((one) => one.opcode === OP.text)), request);
  assert.ok(seen.frames.filter((one) => one.opcode >= 0).every((one) => one.masked), 'frames to a server are masked');
  await client.write(closeFrame(1000, 'bye', { mask: true }));
  await client.until(() => client.ended || frames.some((one) => one.opcode === OP.close), 'the close');
  client.close();
  const row = await lurus.row(header(answer, 'x-lurus-trace-id'), { patience: 3000 });
  assert.equal(row.status, 101);
  assert.equal(row.session, 'ws-session');
  for (const [name, value] of Object.entries(responses.usage)) assert.equal(row.usage[name], value, name);
});

test('/v1/realtime: any frames, binary, fragmented, large, ping and pong', async () => {
  const { up, lurus } = context;
  const done = JSON.stringify({ type: 'response.done', response: { id: 'r', status: 'completed', usage: { total_tokens: 30, input_tokens: 20, output_tokens: 10,
    input_token_details: { cached_tokens: 5, text_tokens: 15, audio_tokens: 5 }, output_token_details: { text_tokens: 4, audio_tokens: 6 } } } });
  up.next(websocketReply((one, send) => {
    if (one.opcode === OP.ping) send(frame(OP.pong, one.payload));
    if (one.opcode === OP.binary) send(frame(OP.binary, one.payload));
    if (one.opcode === OP.text && one.fin) {
      send(frame(OP.text, done.slice(0, 20), { fin: false }));
      send(frame(OP.ping, 'between'));
      send(frame(OP.continuation, done.slice(20)));
    }
  }));
  const { client, answer, frames } = await upgrade('/v1/realtime?model=gpt-realtime');
  assert.equal(answer.status, 101, client.text());
  assert.match(up.last.target, /^\/v1\/realtime\?.*model=gpt-realtime/);
  const blob = Buffer.alloc(200_000, 7);
  const whole = frame(OP.binary, blob, { mask: true });
  await client.write(whole.subarray(0, 3));
  await sleep(10);
  await client.write(whole.subarray(3));
  await client.until(() => frames.some((one) => one.opcode === OP.binary), 'the echo');
  assert.deepEqual(frames.find((one) => one.opcode === OP.binary).payload, blob);
  await client.write(frame(OP.ping, 'hello', { mask: true }));
  await client.until(() => frames.some((one) => one.opcode === OP.pong), 'the pong');
  await client.write(frame(OP.text, '{"type":"response.create"}', { mask: true }));
  await client.until(() => frames.some((one) => one.opcode === OP.continuation && one.fin), 'the fragments');
  const text = frames.filter((one) => one.opcode === OP.text || one.opcode === OP.continuation).map(textOf).join('');
  assert.equal(text, done);
  await client.write(closeFrame(1000, '', { mask: true }));
  await client.until(() => client.ended || frames.some((one) => one.opcode === OP.close), 'the close');
  client.close();
  const row = await lurus.row(header(answer, 'x-lurus-trace-id'), { patience: 3000 });
  assert.deepEqual([row.usage.input, row.usage.cache_read, row.usage.output], [15, 5, 10]);
});

test('each response on one connection has its own record', async () => {
  const { up, lurus } = context;
  const completed = JSON.stringify({ type: 'response.completed', response: JSON.parse(responses.json) });
  up.next(websocketReply((one, send) => one.opcode === OP.text && send(frame(OP.text, completed))));
  const { client, answer, frames } = await upgrade('/v1/responses');
  for (let n = 1; n <= 3; n++) {
    await client.write(frame(OP.text, JSON.stringify({ type: 'response.create', model: 'gpt-5-mini' }), { mask: true }));
    await client.until(() => frames.length >= n, `answer ${n}`);
  }
  await client.write(closeFrame(1000, '', { mask: true }));
  await client.until(() => client.ended || frames.some((one) => one.opcode === OP.close), 'the close');
  client.close();
  const trace = header(answer, 'x-lurus-trace-id');
  await lurus.row(trace, { patience: 3000 });
  const rows = (await lurus.logs(20)).filter((row) => row.trace_id === trace);
  assert.deepEqual(rows.map((row) => row.usage.output), Array(3).fill(responses.usage.output));
});

test('a refused upgrade passes: 426 makes Codex fall back to POST', async () => {
  const { up } = context;
  up.next(json(chat.error, { status: 426, reason: 'Upgrade Required' }));
  const { client, answer } = await upgrade('/v1/responses');
  assert.equal(answer.status, 426);
  assert.equal((await client.answer()).body.toString(), chat.error);
  client.close();
});

test('an upgrade with a wrong key is 401, on another path it is refused', async () => {
  const wrong = await upgrade('/v1/responses', { key: 'cr_wrong' });
  assertError(chat, await wrong.client.answer(), 401);
  wrong.client.close();
  const elsewhere = await upgrade('/v1/messages');
  assert.ok([400, 404, 405, 426].includes(elsewhere.answer.status));
  elsewhere.client.close();
  assert.equal(context.up.requests.length, 0);
});

test('either side going away ends the other', async () => {
  const { up, lurus } = context;
  up.always(websocketReply(() => {}));
  const one = await upgrade('/v1/realtime?model=gpt-realtime');
  one.client.reset();
  for (let i = 0; i < 100 && !up.last.gone; i++) await sleep(20);
  assert.ok(up.last.gone);
  await lurus.row(header(one.answer, 'x-lurus-trace-id'), { patience: 3000 });
  const two = await upgrade('/v1/realtime?model=gpt-realtime');
  up.dropConnections();
  await two.client.closed(3000);
});
