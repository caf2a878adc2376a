// WebSockets while little happens: pings keep both ends alive, and who does not answer them is gone. And while much
// happens: an end that is slow to take what it is sent holds nobody up for ever.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { OP, frame, websocketReply } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { configFor, startLurus } from './lib/lurus.mjs';
import { got, rowsOf, upgrade as upgradeAt } from './lib/websocket.mjs';

const context = gateway({ server: { heartbeat: '200ms', threads: 2 }, provider: { idle_timeout: '3s', first_byte_timeout: '3s' } });
const upgrade = (target = '/v1/realtime?model=gpt-realtime', more = {}) => upgradeAt(context.lurus, target, more);
const pong = (one, send) => one.opcode === OP.ping && send(frame(OP.pong, one.payload));
const pingsOf = (frames) => frames.filter((one) => one.opcode === OP.ping).length;
const done = frame(OP.text, JSON.stringify({ type: 'response.done', response: { id: 'r', usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } } }));

test('both ends get pings, and a resting WebSocket stays open beyond idle_timeout', async () => {
  const { up, lurus } = context;
  up.always(websocketReply((one, send) => {
    pong(one, send);
    if (one.opcode === OP.text) send(done);
  }));
  const socket = await upgrade();
  await sleep(5000);
  assert.equal(socket.closed, undefined);
  assert.equal(socket.client.ended, null);
  assert.ok(pingsOf(socket.frames) >= 5, `pings to the client: ${pingsOf(socket.frames)}`);
  assert.ok(pingsOf(up.last.frames) >= 5, `pings to the vendor: ${pingsOf(up.last.frames)}`);
  assert.ok(up.last.frames.every((one) => one.opcode !== OP.pong), 'the answers to our pings end here');
  assert.ok(socket.frames.every((one) => one.opcode !== OP.pong), 'on both sides');
  await socket.send({ type: 'response.create' });
  await socket.count(1);
  await socket.close();
  assert.equal((await rowsOf(lurus, socket, 1))[0].end, 'complete');
});

test('also before anybody knows which vendor it is for', async () => {
  const socket = await upgrade('/v1/responses');
  await sleep(1500);
  assert.equal(socket.closed, undefined);
  assert.ok(pingsOf(socket.frames) >= 5);
  await socket.send('are you there', { opcode: OP.ping });
  await socket.until(() => socket.frames.some((one) => one.opcode === OP.pong && one.payload.toString() === 'are you there'), 'the pong');
  await socket.close(1001);
  assert.equal(socket.closeCode, 1000);
  assert.equal(context.up.requests.length, 0);
});

test('an end that does not answer pings is gone', async () => {
  const { up, lurus } = context;
  up.next(websocketReply(pong));
  const deaf = await upgrade(undefined, { pongs: false });
  await deaf.until(() => deaf.closed, 'the close');
  assert.match(deaf.closed.payload.subarray(2).toString(), /the client was silent/);
  deaf.client.close();
  up.next(websocketReply(() => {}));
  const socket = await upgrade();
  await socket.until(() => socket.closed, 'the close');
  assert.match(socket.closed.payload.subarray(2).toString(), /the upstream was silent/);
  assert.equal((await rowsOf(lurus, socket, 1))[0].end, 'error');
  socket.client.close();
});

test('a vendor that answers pings but not the client is not waited for without end', async () => {
  const { up, lurus } = context;
  up.next(websocketReply(pong));
  const socket = await upgrade();
  await socket.send({ type: 'response.create' });
  await socket.until(() => socket.closed, 'the close');
  const [row] = await rowsOf(lurus, socket, 1);
  assert.deepEqual([row.end, /was silent/.test(row.error)], ['upstream_cut', true]);
  socket.client.close();
});

test('a stop does not wait for a WebSocket at rest, and for an answer it does', async () => {
  const { up } = context;
  let end;
  up.always(websocketReply((one, send) => {
    pong(one, send);
    if (one.opcode === OP.text) end = () => send(done);
  }));
  const lurus = await startLurus({ config: configFor(up) });
  const resting = await upgradeAt(lurus, '/v1/realtime?model=gpt-realtime');
  const busy = await upgradeAt(lurus, '/v1/realtime?model=gpt-realtime');
  await busy.send({ type: 'response.create' });
  await busy.until(() => end, 'the request');
  const stopped = lurus.close();
  await resting.until(() => resting.closed, 'the close');
  assert.equal(resting.closeCode, 1001);
  assert.equal(busy.closed, undefined);
  end();
  await busy.until(() => busy.closed, 'the close');
  assert.equal(busy.events[0].type, 'response.done');
  await stopped;
});

test('pings do not come inside of the vendor’s frames, and its own pass', async () => {
  const { up } = context;
  const half = done.subarray(0, done.length / 2);
  let within = false;
  up.next(websocketReply(async (one, send) => {
    if (!within) pong(one, send);
    if (one.opcode !== OP.text) return;
    within = true;
    send(half.subarray(0, 1));
    await sleep(50);
    send(half.subarray(1));
    await sleep(600);
    send(done.subarray(half.length));
    const ours = frame(OP.ping, 'vendor');
    for (const byte of ours) { send(Buffer.from([byte])); await sleep(20); }
    within = false;
  }));
  const socket = await upgrade();
  await socket.send({ type: 'response.create' });
  await socket.count(1);
  assert.equal(socket.events[0].type, 'response.done');
  await socket.until(() => socket.frames.some((one) => one.opcode === OP.ping && one.payload.toString() === 'vendor'), 'the ping');
  await socket.until(() => up.last.frames.some((one) => one.opcode === OP.pong && one.payload.toString() === 'vendor'), 'its pong');
  await socket.close();
});

const megabytes = (n, event_id) => JSON.stringify({ type: 'input_audio_buffer.append', event_id, audio: 'A'.repeat(n << 20) });

test('messages of many megabytes to a vendor that is slow to take them', async () => {
  const { up } = context;
  up.next(websocketReply((one, send, wire) => {
    pong(one, send);
    if (!one.open) return;
    // Reads a little, then rests, over and over.
    let stopped = false;
    wire.over.then(() => { stopped = true; });
    (async () => {
      for (let n = 0; n < 12 && !stopped; n++) {
        wire.socket.pause();
        await sleep(60);
        wire.socket.resume();
        await sleep(15);
      }
    })();
  }));
  const socket = await upgrade();
  for (let n = 0; n < 5; n++) socket.send(megabytes(3, `m${n}`));
  socket.send({ type: 'input_audio_buffer.commit' });
  await socket.until(() => got(up.last).length === 6, 'all messages', 30_000);
  assert.deepEqual(got(up.last).map((one) => one.event_id ?? one.type), ['m0', 'm1', 'm2', 'm3', 'm4', 'input_audio_buffer.commit']);
  await socket.close();
});

test('large messages of many clients share the memory for bodies', async () => {
  const { up } = context;
  up.always(websocketReply(pong));
  const config = configFor(up, { server: { max_body: '8MiB', body_memory: '8MiB', body_wait: '500ms', heartbeat: '0s', threads: 2 } });
  const lurus = await startLurus({ config });
  try {
    const target = '/v1/realtime?model=gpt-realtime';
    const [first, second] = [await upgradeAt(lurus, target), await upgradeAt(lurus, target)];
    const large = frame(OP.text, megabytes(6, 'first'), { mask: true });
    await first.client.write(large.subarray(0, 1 << 20));  // all of the room is its
    await sleep(200);
    second.send(megabytes(6, 'second'));
    await second.until(() => second.closed, 'the close');
    assert.equal(second.closeCode, 1013);
    assert.match(second.closed.payload.subarray(2).toString(), /no memory/);
    second.client.close();
    const small = await upgradeAt(lurus, target);
    await small.send({ type: 'input_audio_buffer.commit' });
    await small.until(() => up.requests.some((one) => got(one).some((event) => event.type === 'input_audio_buffer.commit')), 'a small message');
    await first.client.write(large.subarray(1 << 20));
    await first.until(() => up.requests.some((one) => got(one).some((event) => event.event_id === 'first')), 'the first message');
    const third = await upgradeAt(lurus, target);
    await third.send(megabytes(6, 'third'));
    await third.until(() => up.requests.some((one) => got(one).some((event) => event.event_id === 'third')), 'the room was given back');
    for (const each of [first, small, third]) await each.close();
  } finally {
    await lurus.close();
  }
});

test('messages of many megabytes to a client that is slow to take them, while it sends as much', async () => {
  const { up, lurus } = context;
  const audio = frame(OP.text, JSON.stringify({ type: 'response.output_audio.delta', delta: 'A'.repeat(3 << 20) }));
  up.next(websocketReply((one, send) => {
    pong(one, send);
    if (one.opcode !== OP.text) return;
    const event = JSON.parse(one.payload.toString());
    if (event.type === 'input_audio_buffer.append') send(audio);
    if (event.type === 'response.create') send(done);
  }));
  const socket = await upgrade();
  socket.client.socket.pause();
  for (let n = 0; n < 5; n++) socket.send(megabytes(3, `m${n}`));
  socket.send({ type: 'response.create' });
  await socket.until(() => got(up.last).length === 6, 'all of the client’s messages though it reads nothing', 30_000);
  for (let n = 0; n < 10; n++) {
    socket.client.socket.resume();
    await sleep(15);
    socket.client.socket.pause();
    await sleep(40);
  }
  socket.client.socket.resume();
  await socket.until(() => socket.messages.length === 6, 'all of the vendor’s messages', 30_000);
  assert.equal(socket.events.at(-1).type, 'response.done');
  await socket.close();
  assert.equal((await rowsOf(lurus, socket, 1))[0].usage.output, 2);
});
