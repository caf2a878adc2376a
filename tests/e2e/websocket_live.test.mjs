// Gemini's Live API: the first message names the model, each answer is held against rules and limits and has a record of its own.
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { OP, frame, startUpstream, websocketReply } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { KEY } from './lib/lurus.mjs';
import { got, rowsOf, upgrade as upgradeAt } from './lib/websocket.mjs';

const value = (name) => `cr_${name}_${'0'.repeat(24)}`;
const second = await startUpstream();
const context = gateway((up) => ({
  server: { threads: 2, max_body: '1MiB', heartbeat: '0s' },
  providers: [
    { name: 'a', kind: 'gemini', base_url: `${up.url}/v1beta`, api_key: 'sk-a', models: ['a-*', 'gemini-*'] },
    { name: 'b', kind: 'gemini', base_url: second.url, api_key: 'sk-b', models: ['b-*'] },
  ],
  routes: [{ model: 'talk', to: ['b/b-live-1'] }],
  keys: [
    { name: 'e2e', value: KEY },
    { name: 'rules', value: value('rules'), deny_models: ['a-denied*', 'b-live*'] },
    { name: 'two', value: value('two'), rpm: 2 },
    { name: 'ways', value: value('ways') },
    { name: 'pair', value: value('pair'), rpm: 2 },
  ],
}));
after(() => second.close());

const path = (version = 'v1beta') => `/ws/google.ai.generativelanguage.${version}.GenerativeService.BidiGenerateContent`;
const upgrade = (name, target = path()) => upgradeAt(context.lurus, target, name ? { key: value(name) } : {});
const setup = (model, more) => ({ setup: { model: `models/${model}`, ...more } });
const ask = (text = 'hi') => ({ clientContent: { turns: [{ role: 'user', parts: [{ text }] }], turnComplete: true } });
const said = (message) => frame(OP.binary, JSON.stringify(message));
const usage = (input, output) => ({
  promptTokenCount: input, responseTokenCount: output, totalTokenCount: input + output,
  promptTokensDetails: [{ modality: 'TEXT', tokenCount: input }], responseTokensDetails: [{ modality: 'AUDIO', tokenCount: output }],
});
const audio = { serverContent: { modelTurn: { parts: [{ inlineData: { mimeType: 'audio/pcm', data: 'AAAA' } }] } } };
const end = (more) => ({ serverContent: { turnComplete: true }, ...more });

/// Answers in binary frames, as the vendor does; `spoken` chooses what follows audio that came in.
const live = (spoken = () => [audio, { serverContent: { generationComplete: true } }, end({ usageMetadata: usage(10, 7) })]) => websocketReply((one, send) => {
  if (one.opcode !== OP.text && one.opcode !== OP.binary) return;
  const message = JSON.parse(one.payload.toString());
  if (message.setup) send(said({ setupComplete: {} }));
  else if (message.clientContent || message.realtimeInput || message.toolResponse) for (const each of spoken(message)) send(said(each));
});

test('the setup chooses the provider, its model is rewritten, and each answer is recorded', async () => {
  const { up, lurus } = context;
  up.always(live());
  second.always(live());
  for (const version of ['v1beta', 'v1alpha', 'v1']) {
    const socket = await upgrade(null, path(version));
    assert.equal(socket.answer.status, 101);
    await socket.send(setup('talk', { generationConfig: { responseModalities: ['AUDIO'] } }), { opcode: OP.binary });
    await socket.count(1);
    await socket.send(ask());
    await socket.count(4);
    await socket.send({ realtimeInput: { audio: { data: 'AAAA', mimeType: 'audio/pcm' } } });
    await socket.count(7);
    assert.ok(socket.frames.every((one) => one.opcode === OP.binary), 'the frames are the vendor\'s');
    assert.equal(second.last.target.split('?')[0], path(version));
    assert.equal(second.last.headers.find(([name]) => name.toLowerCase() === 'x-goog-api-key')[1], 'sk-b');
    assert.deepEqual(got(second.last)[0], { setup: { model: 'models/b-live-1', generationConfig: { responseModalities: ['AUDIO'] } } });
    const rows = await rowsOf(lurus, socket, 2);
    assert.deepEqual(rows.map((row) => [row.operation, row.status, row.end, row.model, row.upstream_model, row.provider, row.usage.input, row.usage.output]),
      Array(2).fill(['bidiGenerateContent', 101, 'complete', 'talk', 'b-live-1', 'b', 10, 7]));
    assert.equal(rows[0].usage.audio_output, 7);
    await socket.close();
  }
  assert.equal(up.requests.length, 0);
});

test('a key in the query or in Google\'s header is taken and not passed on', async () => {
  const { up, lurus } = context;
  up.always(live());
  for (const [target, headers] of [[`${path()}?key=${value('ways')}`, ''], [path(), `x-goog-api-key: ${value('ways')}\r\n`]]) {
    const socket = await upgradeAt(lurus, target, { key: '', headers });
    assert.equal(socket.answer.status, 101);
    await socket.send(setup('gemini-live'));
    await socket.count(1);
    assert.ok(!JSON.stringify([up.last.target, up.last.headers]).includes(value('ways')));
    await socket.close();
  }
});

test('a denied model reaches nobody, however the setup is written', async () => {
  const { up, lurus } = context;
  up.always(live());
  const asked = second.requests.length;
  const denied = JSON.stringify(setup('a-denied-1'));
  for (const [text, more] of [[denied], [denied, { opcode: OP.binary }], [denied.replace('setup', 's\\u0065tup')], [denied.replace('a-denied', 'a\\u002ddenied')],
    [JSON.stringify({ setup: { model: 'a-denied-1' } })], [JSON.stringify(setup('talk'))]]) {
    const socket = await upgrade('rules');
    await socket.send(text, more);
    await socket.until(() => socket.closed, 'the close');
    assert.equal(socket.messages.length, 0, 'Live has no error event');
    assert.equal(socket.closeCode, 1008, text);
    assert.match(socket.closed.payload.subarray(2).toString(), /may not use/);
    const [row] = await rowsOf(lurus, socket, 1);
    assert.deepEqual([row.status, row.end, row.provider || null], [403, 'error', null], text);
    socket.client.close();
  }
  assert.equal(up.requests.length + second.requests.length - asked, 0);
});

test('what cannot be read, comes too early or a second time ends the session', async () => {
  const { up } = context;
  up.always(live());
  for (const text of ['hello', '[]', '{"Setup":{"model":"models/a-x"}}', '{"setup":{"model":"models/a-x","model":"models/a-denied-1"}}', '{"setup":{}}', JSON.stringify(ask())]) {
    const socket = await upgrade('rules');
    await socket.send(text);
    await socket.until(() => socket.closed, 'the close');
    assert.equal(socket.closeCode, 1007, text);
    socket.client.close();
  }
  assert.equal(up.requests.length, 0);
  const socket = await upgrade('rules');
  await socket.send(setup('a-x'));
  await socket.count(1);
  await socket.send(setup('a-y'));
  await socket.until(() => socket.closed, 'the close');
  assert.equal(socket.closeCode, 1007);
  assert.equal(got(up.last).length, 1);
  socket.client.close();
  const unknown = await upgrade();
  await unknown.send(setup('nobody-has-it'));
  await unknown.until(() => unknown.closed, 'the close');
  assert.equal(unknown.closeCode, 1008);
  unknown.client.close();
});

test('answers beyond a limit: asked for, they do not reach the vendor; begun by it, the session ends', async () => {
  const { up, lurus } = context;
  for (const [name, message, reached] of [['two', ask(), 0], ['pair', { realtimeInput: { audio: { data: 'AAAA' } } }, 1]]) {
    up.always(live());
    const socket = await upgrade(name);
    await socket.send(setup('gemini-live'));
    await socket.count(1);
    for (let n = 0; n < 3 && !socket.closed; n++) {
      await socket.send(message);
      await socket.until(() => socket.closed || socket.messages.filter((text) => text.includes('turnComplete')).length > n, 'an answer or the close');
    }
    assert.equal(socket.closeCode, 1013);
    const rows = await rowsOf(lurus, socket, 3);
    assert.deepEqual(rows.map((row) => row.status), [101, 101, 429]);
    assert.equal(rows[2].usage?.output ?? 0, reached * 7, 'what the vendor made is counted');
    assert.equal(got(up.last).length, 3 + reached);
    socket.client.close();
  }
});

test('tools, interruptions and late usage: every answer has its own usage', async () => {
  const { up, lurus } = context;
  up.always(live((message) => {
    if (message.toolResponse) return [audio, { serverContent: { interrupted: true } }, end(), { usageMetadata: usage(30, 3) }];
    return [{ toolCall: { functionCalls: [{ id: '1', name: 'f', args: {} }] }, usageMetadata: usage(20, 2) }];
  }));
  const socket = await upgrade();
  await socket.send(setup('gemini-live'));
  await socket.count(1);
  await socket.send(ask());
  await socket.count(2);
  await socket.send({ toolResponse: { functionResponses: [{ id: '1', name: 'f', response: {} }] } });
  await socket.count(6);
  const rows = await rowsOf(lurus, socket, 3);
  assert.deepEqual(rows.map((row) => row.usage?.output ?? null), [2, null, 3]);
  assert.deepEqual(rows.map((row) => row.end), ['complete', 'complete', 'complete']);
  await socket.close();
});
