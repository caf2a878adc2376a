// Each answer on a WebSocket is held against the rules, routes and limits, and has a record of its own.
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { OP, frame, startUpstream, websocketReply } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { KEY } from './lib/lurus.mjs';
import { got, rowsOf, upgrade as upgradeAt } from './lib/websocket.mjs';

const value = (name) => `cr_${name}_${'0'.repeat(24)}`;
const second = await startUpstream();
const context = gateway((up) => ({
  server: { threads: 2, max_body: '1MiB', heartbeat: '0s' },
  providers: [
    { name: 'a', kind: 'openai', base_url: `${up.url}/v1`, api_key: 'sk-a', models: ['a-*', 'gpt-*'] },
    { name: 'b', kind: 'openai', base_url: `${second.url}/v1`, api_key: 'sk-b', models: ['b-*'] },
  ],
  routes: [{ model: 'fast', to: ['b/b-fast-1'] }, { model: 'talk', to: ['a/gpt-realtime'] }],
  keys: [
    { name: 'e2e', value: KEY },
    { name: 'rules', value: value('rules'), deny_models: ['a-denied*', 'whisper-*'] },
    { name: 'five', value: value('five'), rpm: 5 },
    { name: 'two', value: value('two'), rpm: 2 },
    { name: 'money', value: value('money'), budget: '0.01 USD/total' },
  ],
  limits: { model: [{ model: 'a-rare', rpm: 1 }] },
}));
after(() => second.close());

const upgrade = (target = '/v1/responses', name, more = {}) => upgradeAt(context.lurus, target, { ...(name ? { key: value(name) } : {}), ...more });
const create = (model, more) => ({ type: 'response.create', model, input: 'hi', ...more });
const usage = (input, output) => ({ input_tokens: input, output_tokens: output, total_tokens: input + output });
let ids = 0;
const response = (type, id, output, more = {}) =>
  frame(OP.text, JSON.stringify({ type, response: { id, object: 'response', status: 'completed', usage: usage(10, output), ...more } }));
const isCreate = (one) => (one.opcode === OP.text || one.opcode === OP.binary) && JSON.parse(one.payload.toString()).type === 'response.create';

/// Answers every response.create at once: created, then completed with a usage of its own.
const answering = (output = () => 7) => websocketReply((one, send) => {
  if (!isCreate(one)) return;
  const id = `resp_${++ids}`;
  send(frame(OP.text, JSON.stringify({ type: 'response.created', response: { id } })));
  send(response('response.completed', id, output()));
});

test('a denied model does not reach the vendor, however the message is written', async () => {
  const { up, lurus } = context;
  up.always(answering());
  const denied = JSON.stringify(create('a-denied-1'));
  const ways = [
    [denied],
    [denied.replace('create', 'cr\\u0065ate')],
    [denied.replace('"model"', '"\\u006dodel"')],
    [denied.replace('a-denied', 'a\\u002ddenied')],
    [denied, { opcode: OP.binary }],
    [JSON.stringify({ type: 'response.create', response: { model: 'a-denied-1' } })],
    [JSON.stringify({ type: 'response.create', model: 'a-good', response: { model: 'a-denied-1' } })],
    [`\n ${denied} `],
  ];
  for (const [text, more] of ways) {
    const socket = await upgrade('/v1/responses', 'rules');
    await socket.send(text, more);
    await socket.until(() => socket.closed, 'the close');
    assert.equal(socket.events[0].type, 'error', text);
    assert.equal(socket.events[0].status, 403, text);
    assert.equal(socket.closeCode, 1008);
    const [row] = await rowsOf(lurus, socket, 1);
    assert.deepEqual([row.status, row.end, row.provider || null], [403, 'error', null], text);
    assert.match(row.error, /a-denied-1/, text);
    socket.client.close();
  }
  assert.equal(up.requests.length, 0, 'no vendor was asked for anything');
});

test('what cannot be read is refused, and the connection goes on', async () => {
  const { up } = context;
  up.always(answering());
  const socket = await upgrade('/v1/responses', 'rules');
  await socket.send(create('a-good'));
  await socket.count(2);
  const bad = [
    'hello', '', '[]', '{"type":"response.create"', '{"type":"response.create","model":"a-good","model":"a-denied-1"}',
    '{"type":"response.create","type":"response.steer"}', '{"type":"response.create","Model":"a-denied-1"}', '{"model":"a-good"}',
    '{"Type":"response.create","model":"a-denied-1"}', '{"type":"response.create"}',
  ];
  for (const [n, text] of bad.entries()) {
    await socket.send(text, n % 2 ? { opcode: OP.binary } : {});
    await socket.count(3 + n);
    assert.equal(socket.events.at(-1).type, 'error', text);
    assert.equal(socket.events.at(-1).status, 400, text);
  }
  await socket.send('{"type":"response.cr', { fin: false });
  await socket.send('eate","model":"a-good"}', { opcode: OP.continuation });
  await socket.count(2 + bad.length + 2);
  assert.equal(socket.events.at(-1).type, 'response.completed');
  assert.equal(got(up.last).filter((one) => one.type === 'response.create').length, 2, 'whole messages only');
  assert.equal(up.last.frames.filter((one) => one.payload.includes('denied')).length, 0);
  await socket.close();
});

test('a message that is too long to be read ends the connection', async () => {
  const { up, lurus } = context;
  up.always(answering());
  for (const fin of [true, false]) {
    const socket = await upgrade('/v1/responses', 'rules');
    socket.send(JSON.stringify(create('a-denied-1', { input: 'x'.repeat(1_200_000) })), { fin });
    await socket.until(() => socket.closed, 'the close');
    assert.equal(socket.events[0].error.code, 'message_too_big');
    assert.equal(socket.closeCode, 1009);
    socket.client.close();
    assert.equal((await rowsOf(lurus, socket, 1))[0].status, 413);
  }
  assert.equal(up.requests.length, 0);
});

test('an extension is not negotiated, and a vendor that brings one is none', async () => {
  const { up } = context;
  up.next(answering());
  const socket = await upgrade('/v1/realtime?model=gpt-realtime', null, { headers: 'Sec-WebSocket-Extensions: permessage-deflate\r\n' });
  assert.equal(socket.answer.status, 101);
  assert.ok(!up.last.headers.some(([name]) => /extensions/i.test(name)));
  await socket.close();
  up.next(websocketReply(() => {}, { headers: [['Sec-WebSocket-Extensions', 'permessage-deflate']] }));
  const refused = await upgrade('/v1/realtime?model=gpt-realtime', null, { headers: 'Sec-WebSocket-Extensions: permessage-deflate\r\n' });
  assert.equal(refused.answer.status, 502);
  refused.client.close();
});

test('twenty responses in flight: twenty admissions, records and usages', async () => {
  const { up, lurus } = context;
  up.always(websocketReply((one, send) => {
    if (!isCreate(one)) return;
    const n = JSON.parse(one.payload.toString()).metadata.n;
    setTimeout(() => send(response('response.completed', `r${n}`, 100 + n)), 20 * (20 - n));
    send(frame(OP.text, JSON.stringify({ type: 'response.created', response: { id: `r${n}` } })));
  }));
  const all = await upgrade();
  for (let n = 0; n < 20; n++) all.send(create('a-x', { metadata: { n } }));
  await all.until(() => all.messages.filter((text) => text.includes('response.completed')).length === 20, 'twenty answers');
  const rows = await rowsOf(lurus, all, 20);
  assert.equal(rows.length, 20);
  assert.deepEqual(rows.map((row) => row.usage.output).sort((x, y) => x - y), Array.from({ length: 20 }, (_, n) => 100 + n));
  assert.ok(rows.every((row) => row.end === 'complete' && row.model === 'a-x' && row.provider === 'a'));
  await all.close();

  const five = await upgrade('/v1/responses', 'five');
  for (let n = 0; n < 20; n++) five.send(create('a-x', { metadata: { n } }));
  await five.until(() => five.closed, 'the close');
  assert.equal(five.messages.filter((text) => text.includes('response.completed')).length, 5, 'those that were asked for before the limit end well');
  assert.equal(got(up.last).length, 5);
  assert.equal(five.events.find((one) => one.type === 'error').status, 429);
  assert.equal(five.closeCode, 1013);
  five.client.close();
  const limited = await rowsOf(lurus, five, 6);
  assert.deepEqual([limited.filter((row) => row.end === 'complete').length, limited.filter((row) => row.status === 429).length], [5, 1]);
});

test('twenty responses in flight do not overspend a budget by more than one', async () => {
  const { up, lurus } = context;
  up.always(websocketReply((one, send) => {
    if (!isCreate(one)) return;
    const id = `m_${++ids}`;
    send(frame(OP.text, JSON.stringify({ type: 'response.created', response: { id } })));
    setTimeout(() => send(response('response.completed', id, 1000)), 300);
  }));
  const socket = await upgrade('/v1/responses', 'money');
  for (let n = 0; n < 20; n++) socket.send(create('gpt-5-mini', { max_output_tokens: 1000 }));  // 0.002 USD each
  await socket.until(() => socket.closed, 'the close');
  socket.client.close();
  const rows = await rowsOf(lurus, socket, 5);
  const spent = rows.reduce((sum, row) => sum + (row.cost_nano_usd ?? 0), 0) / 1e9;
  assert.ok(rows.filter((row) => row.end === 'complete').length >= 4, JSON.stringify(rows.map((row) => [row.status, row.cost_nano_usd])));
  assert.ok(spent > 0 && spent <= 0.0125, `spent ${spent}`);
  assert.ok(rows.some((row) => row.status === 429));
  const again = await upgrade('/v1/responses', 'money');
  if (again.answer.status === 101) {
    await again.send(create('gpt-5-mini'));
    await again.until(() => again.closed, 'the close');
    assert.equal(again.events[0].status, 429);
  } else {
    assert.equal(again.answer.status, 429);
  }
  again.client.close();
});

test('answers that come without a word before they are whole are counted, too', async () => {
  const { up, lurus } = context;
  up.always(websocketReply((one, send) => isCreate(one) && send(response('response.completed', 'same', 3))));
  const socket = await upgrade();
  for (let n = 0; n < 10; n++) socket.send(create('a-x'));
  await socket.count(10);
  assert.equal((await rowsOf(lurus, socket, 10)).length, 10);
  await socket.close();
});

test('a new WebSocket for each turn does not walk around a limit of the model', async () => {
  const { up } = context;
  up.always(answering());
  const first = await upgrade();
  await first.send(create('a-rare'));
  await first.count(2);
  await first.close();
  const again = await upgrade();
  await again.send(create('a-rare'));
  await again.until(() => again.closed, 'the close');
  assert.equal(again.events[0].status, 429);
  assert.match(again.events[0].error.message, /a-rare/);
  again.client.close();
});

test('a realtime vendor that answers by itself: each answer has its record, and a limit holds', async () => {
  const { up, lurus } = context;
  let speak;
  up.always(websocketReply((one, send) => {
    if (one.open) {
      let n = 0;
      send(frame(OP.text, JSON.stringify({ type: 'session.created', session: { model: 'gpt-realtime' } })));
      speak = () => {
        n += 1;
        send(frame(OP.text, JSON.stringify({ type: 'input_audio_buffer.speech_started' })));
        send(frame(OP.text, JSON.stringify({ event_id: 'e', type: 'response.created', response: { id: `v${n}` } })));
        send(response('response.done', `v${n}`, 10 * n));
      };
    }
  }));
  const socket = await upgrade('/v1/realtime?model=talk', 'two');
  await socket.send({ type: 'input_audio_buffer.append', audio: 'AAAA' });
  await socket.count(1);
  speak();
  await socket.count(4);
  speak();
  await socket.count(7);
  speak();
  await socket.until(() => socket.closed, 'the close');
  assert.equal(socket.events.at(-1).type, 'error');
  assert.equal(socket.events.at(-1).status, 429);
  assert.equal(socket.closeCode, 1013);
  socket.client.close();
  const rows = await rowsOf(lurus, socket, 3);
  assert.deepEqual(rows.filter((row) => row.end === 'error').map((row) => [row.status, row.usage.output]), [[429, 30]], 'what it cost before it was cancelled');
  assert.deepEqual(rows.filter((row) => row.end === 'complete').map((row) => [row.model, row.upstream_model, row.usage.output]).sort(),
    [['talk', 'gpt-realtime', 10], ['talk', 'gpt-realtime', 20]]);
  assert.equal(rows.length, 3);
  await socket.until(() => got(up.last).some((one) => one.type === 'response.cancel' && one.response_id === 'v3'), 'the cancel');
});

test('a realtime session: its models are held against the rules, and named as the vendor knows them', async () => {
  const { up, lurus } = context;
  up.always(websocketReply(() => {}));
  const socket = await upgrade('/v1/realtime?model=talk', 'rules');
  assert.match(up.last.target, /model=gpt-realtime$/);
  await socket.send({ type: 'session.update', session: { model: 'talk', instructions: 'x' } });
  await socket.until(() => got(up.last).length === 1, 'the update');
  assert.deepEqual(got(up.last)[0], { type: 'session.update', session: { model: 'gpt-realtime', instructions: 'x' } });
  await socket.send({ type: 'session.update', event_id: 'mine', session: { model: 'b-elsewhere' } });
  await socket.count(1);
  assert.deepEqual([socket.events[0].status, socket.events[0].error.event_id], [400, 'mine']);
  assert.match(socket.events[0].error.message, /connected to the provider a/);
  await socket.send({ type: 'session.update', session: { audio: { input: { transcription: { model: 'whisper-1' } } } } });
  await socket.until(() => socket.closed, 'the close');
  assert.equal(socket.events[1].status, 403);
  socket.client.close();
  for (const event of [{ type: 'session.update', session: { model: 'a-denied-2' } }, { type: 'response.create', response: { model: 'a-denied-2' } },
    { type: 'transcription_session.update', session: { input_audio_transcription: { model: 'whisper-1' } } }]) {
    const one = await upgrade('/v1/realtime?model=talk', 'rules');
    await one.send(event);
    await one.until(() => one.closed, 'the close');
    assert.equal(one.events[0].status, 403, JSON.stringify(event));
    assert.equal(got(up.last).length, 0);
    one.client.close();
  }
  const named = await upgrade('/v1/realtime?call_id=rtc_1', 'rules');
  assert.equal(named.answer.status, 101);
  await sleep(20);
  up.last.frames.length = 0;
  named.client.close();
});

test('what is transcribed has a record and a price of its own', async () => {
  const { up, lurus } = context;
  up.always(websocketReply((one, send) => one.opcode === OP.text && send(frame(OP.text, JSON.stringify({
    type: 'conversation.item.input_audio_transcription.completed', item_id: 'i', transcript: 'hi',
    usage: { type: 'tokens', total_tokens: 30, input_tokens: 20, output_tokens: 10, input_token_details: { audio_tokens: 20, text_tokens: 0 } } })))));
  const socket = await upgrade('/v1/realtime?model=talk');
  await socket.send({ type: 'session.update', session: { audio: { input: { transcription: { model: 'gpt-4o-transcribe' } } } } });
  await socket.count(1);
  const [row] = await rowsOf(lurus, socket, 1);
  assert.deepEqual([row.operation, row.model, row.usage.input, row.usage.output, row.end], ['realtime.transcription', 'gpt-4o-transcribe', 20, 10, 'complete']);
  await socket.close();
});

test('the first message chooses the vendor, and a later one another', async () => {
  const { up, lurus } = context;
  up.always(answering());
  second.always(answering());
  const socket = await upgrade();
  await socket.send(create('fast'));
  await socket.count(2);
  assert.equal(up.requests.length, 0, 'the other vendor saw nothing');
  assert.equal(got(second.last)[0].model, 'b-fast-1');
  await socket.send(create('a-1', { input: 'ß🌍' }));
  await socket.count(4);
  assert.deepEqual(got(up.last), [create('a-1', { input: 'ß🌍' })]);
  await socket.send(create('a-2'));
  await socket.count(6);
  assert.deepEqual(got(up.last).map((one) => one.model), ['a-1', 'a-2'], 'over the same connection');
  await socket.send(create('nobody-has-it'));
  await socket.count(7);
  assert.deepEqual([socket.events[6].status, socket.events[6].error.code], [404, 'model_not_found']);
  const rows = await rowsOf(lurus, socket, 4);
  assert.deepEqual(rows.map((row) => [row.model, row.upstream_model, row.provider || null, row.route || null, row.end]), [
    ['fast', 'b-fast-1', 'b', 'fast', 'complete'],
    ['a-1', 'a-1', 'a', null, 'complete'],
    ['a-2', 'a-2', 'a', null, 'complete'],
    ['nobody-has-it', 'nobody-has-it', null, null, 'error'],
  ]);
  await socket.close();
});

test('another vendor is refused while an answer is under way', async () => {
  const { up } = context;
  let end;
  second.always(websocketReply((one, send) => { if (isCreate(one)) end = () => send(response('response.completed', 'r', 1)); }));
  up.always(answering());
  const socket = await upgrade();
  await socket.send(create('b-1'));
  await socket.until(() => end, 'the first message');
  await socket.send(create('a-1', { event_id: 'second' }));
  await socket.count(1);
  assert.deepEqual([socket.events[0].status, socket.events[0].error.event_id], [400, 'second']);
  assert.match(socket.events[0].error.message, /provider b.*have ended/);
  end();
  await socket.count(2);
  await socket.send(create('a-1'));
  await socket.count(4);
  assert.equal(socket.events[3].type, 'response.completed');
  await socket.close();
});

test('a vendor that cannot be reached is an error event, and the next message may find it', async () => {
  const { up, lurus } = context;
  up.next({ status: 500, body: 'broken' });
  up.always(answering());
  const socket = await upgrade();
  await socket.send(create('a-1'));
  await socket.count(1);
  assert.equal(socket.events[0].type, 'error');
  assert.ok(socket.events[0].status >= 500, socket.messages[0]);
  await socket.send(create('a-1'));
  await socket.count(3);
  const rows = await rowsOf(lurus, socket, 2);
  assert.deepEqual(rows.map((row) => [row.end, row.attempts.length]), [['error', 1], ['complete', 1]]);
  await socket.close();
});

test('errors end the turn that they are about, and what follows is no second answer', async () => {
  const { up, lurus } = context;
  up.always(websocketReply((one, send) => {
    if (!isCreate(one)) return;
    send(frame(OP.text, JSON.stringify({ type: 'response.created', response: { id: 'bad' } })));
    send(frame(OP.text, JSON.stringify({ type: 'error', error: { type: 'server_error', message: 'broken' } })));
    send(frame(OP.text, JSON.stringify({ type: 'response.failed', response: { id: 'bad', status: 'failed', error: { code: 'server_error', message: 'broken' } } })));
  }));
  const socket = await upgrade();
  await socket.send(create('a-1'));
  await socket.count(3);
  await socket.close();
  const rows = await rowsOf(lurus, socket, 1);
  assert.deepEqual(rows.map((row) => [row.end, row.error]), [['error', 'server_error']]);
});

test('a client that leaves before the usage: what it is thought to have cost is recorded', async () => {
  const { up, lurus } = context;
  up.always(websocketReply((one, send) => isCreate(one) && send(frame(OP.text, JSON.stringify({ type: 'response.created', response: { id: 'r' } })))));
  const socket = await upgrade();
  await socket.send(create('gpt-5-mini', { max_output_tokens: 500 }));
  await socket.count(1);
  socket.client.reset();
  const [row] = await rowsOf(lurus, socket, 1);
  assert.deepEqual([row.end, row.usage.output, row.usage.estimated], ['client_gone', 500, true]);
  assert.ok(row.usage.input > 0);
});

test('rules that change while a WebSocket is open hold for its next turn', async () => {
  const { up, lurus } = context;
  up.always(answering());
  const made = JSON.parse((await lurus.cli(['key', 'create', '--name', 'changing', '--json'])).stdout);
  const socket = await upgradeAt(lurus, '/v1/responses', { key: made.key });
  await socket.send(create('a-1'));
  await socket.count(2);
  assert.equal((await lurus.cli(['key', 'edit', 'changing', '--deny-model', 'a-1'])).code, 0);
  await sleep(300);
  await socket.send(create('a-1'));
  await socket.until(() => socket.closed, 'the close');
  assert.equal(socket.events.at(-1).status, 403);
  socket.client.close();
  const other = await upgradeAt(lurus, '/v1/responses', { key: made.key });
  assert.equal((await lurus.cli(['key', 'revoke', 'changing'])).code, 0);
  await sleep(300);
  await other.send(create('a-2'));
  await other.until(() => other.closed, 'the close');
  assert.equal(other.events.at(-1).status, 401);
  other.client.close();
});

test('an answer of many megabytes is counted', async () => {
  const { up, lurus } = context;
  const picture = 'A'.repeat(11 << 20);
  up.always(websocketReply((one, send) => {
    if (!isCreate(one)) return;
    send(frame(OP.text, JSON.stringify({ type: 'response.created', response: { id: 'big' } })));
    send(response('response.completed', 'big', 9, { output: [{ type: 'image_generation_call', id: 'no', result: picture }], usage: usage(5, 9) }));
  }));
  const socket = await upgrade();
  await socket.send(create('a-1'));
  await socket.until(() => socket.messages.length === 2, 'the picture', 60_000);
  assert.equal(socket.events[1].response.output[0].result.length, picture.length);
  await socket.close();
  const [row] = await rowsOf(lurus, socket, 1);
  assert.deepEqual([row.end, row.usage.output, row.usage.input], ['complete', 9, 5]);
});
