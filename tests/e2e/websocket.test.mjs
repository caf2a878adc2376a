// WebSocket upgrades on /v1/responses and /v1/realtime: relayed frame by frame, usage read, recorded.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { OP, acceptFor, closeFrame, frame, headerOf, json, chat, responses, websocketReply } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { connectRaw, header } from './lib/raw.mjs';
import { KEY, UPSTREAM_KEY, configFor, startLurus } from './lib/lurus.mjs';
import { WS_KEY, rowsOf, upgrade as upgradeAt } from './lib/websocket.mjs';

const context = gateway({ routes: [{ model: 'ws-alias', to: ['oai/gpt-5-codex'] }] });
const upgrade = (target, options) => upgradeAt(context.lurus, target, options);

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
  assert.equal(up.requests.length, 0, 'nobody knows yet which vendor it is for');
  const request = JSON.stringify({ type: 'response.create', model: 'gpt-5-mini', input: 'ß🌍' });
  await client.write(frame(OP.text, request, { mask: true }));
  await client.until(() => frames.length >= 2, 'two frames');
  const seen = up.last;
  assert.equal(headerOf(seen.headers, 'authorization'), `Bearer ${UPSTREAM_KEY}`);
  assert.equal(headerOf(seen.headers, 'openai-beta'), 'responses_websockets=2026-02-06');
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
    if (one.opcode === OP.text && one.payload.includes('response.create')) {
      send(frame(OP.text, done.slice(0, 20), { fin: false }));
      send(frame(OP.ping, 'between'));
      send(frame(OP.continuation, done.slice(20)));
    }
  }));
  const { client, answer, frames } = await upgrade('/v1/realtime?model=gpt-realtime');
  assert.equal(answer.status, 101, client.text());
  assert.match(up.last.target, /^\/v1\/realtime\?.*model=gpt-realtime/);
  const blob = Buffer.from(JSON.stringify({ type: 'input_audio_buffer.append', audio: 'A'.repeat(200_000) }));
  const whole = frame(OP.binary, blob, { mask: true });
  await client.write(whole.subarray(0, 3));
  await sleep(10);
  await client.write(whole.subarray(3));
  await client.until(() => frames.some((one) => one.opcode === OP.binary), 'the echo');
  assert.deepEqual(frames.find((one) => one.opcode === OP.binary).payload, blob);
  await client.write(frame(OP.ping, 'hello', { mask: true }));
  await client.until(() => frames.some((one) => one.opcode === OP.pong), 'the pong');
  await client.write(frame(OP.text, '{"type":"resp', { mask: true, fin: false }));
  await client.write(frame(OP.ping, 'within', { mask: true }));
  await client.write(frame(OP.continuation, 'onse.create"}', { mask: true }));
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
  const rows = await rowsOf(lurus, { trace: header(answer, 'x-lurus-trace-id') }, 3);
  assert.deepEqual(rows.map((row) => row.usage.output), Array(3).fill(responses.usage.output));
});

test('a refused upgrade passes: 426 makes Codex fall back to POST', async () => {
  const { up } = context;
  const one = configFor(up, { providers: [{ name: 'oai', kind: 'openai', base_url: `${up.url}/v1`, api_key: UPSTREAM_KEY, models: ['*'] }] });
  const lurus = await startLurus({ config: one });
  try {
    up.next(json(chat.error, { status: 426, reason: 'Upgrade Required' }));
    const { client, answer } = await upgradeAt(lurus, '/v1/responses');
    assert.equal(answer.status, 426);
    assert.equal((await client.answer()).body.toString(), chat.error);
    client.close();
  } finally {
    await lurus.close();
  }
});

test('with several providers the first message finds out, and the next upgrade is told', async () => {
  const { up } = context;
  const config = configFor(up, { server: { threads: 1 } });
  const lurus = await startLurus({ config });
  try {
    up.always(json(chat.error, { status: 404 }));
    const first = await upgradeAt(lurus, '/v1/responses', { headers: 'User-Agent: codex_cli_rs/0.171.0\r\n' });
    assert.equal(first.answer.status, 101);
    await first.send({ type: 'response.create', model: 'gpt-5-mini' });
    await first.until(() => first.closed, 'the close');
    assert.equal(first.events[0].type, 'error');
    assert.equal(first.events[0].status, 426);
    assert.match(first.events[0].error.message, /oai.*404/);
    const [row] = await rowsOf(lurus, first, 1);
    assert.deepEqual([row.end, row.model, row.attempts[0].outcome], ['error', 'gpt-5-mini', 'status_404']);
    first.client.close();
    const second = await upgradeAt(lurus, '/v1/responses', { headers: 'User-Agent: codex_cli_rs/0.171.0\r\n' });
    assert.equal(second.answer.status, 426);
    second.client.close();
    const other = await upgradeAt(lurus, '/v1/responses', { headers: 'User-Agent: another/1\r\n' });
    assert.equal(other.answer.status, 101);
    other.client.close();
  } finally {
    await lurus.close();
  }
});

test('a handshake that is none is refused before anybody is asked', async () => {
  for (const [headers, status] of [['Sec-WebSocket-Version: 8\r\n', 426], ['Sec-WebSocket-Key: short\r\n', 400]]) {
    const raw = await connectRaw(context.lurus);
    const both = { version: 'Sec-WebSocket-Version: 13\r\n', key: `Sec-WebSocket-Key: ${WS_KEY}\r\n` };
    if (headers.includes('Version')) both.version = headers;
    else both.key = headers;
    await raw.write(`GET /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${both.version}${both.key}Authorization: Bearer ${KEY}\r\n\r\n`);
    assert.equal((await raw.answer()).status, status);
    raw.close();
  }
  assert.equal(context.up.requests.length, 0);
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
