// Pictures in answers: events and bodies of any size pass byte for byte, with their usage, in little memory.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { anthropic, chat, gemini, responses, json, sse, usageMismatch } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { post } from './lib/raw.mjs';

const context = gateway();
const MIB = 1 << 20;
const picture = Buffer.alloc(12 * MIB, 'iVBORw0KGgoAAAANSUhEUgAA').toString();
const data = (value, name) => `${name ? `event: ${name}\n` : ''}data: ${JSON.stringify(value)}\n\n`;
const ms = 60_000;

const residentKib = (pid, name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

const chatUsage = { prompt_tokens: 30, completion_tokens: 1290, total_tokens: 1320 };
const STREAMS = [
  ['chat, a picture in a delta with the usage behind it', '/v1/chat/completions', chat.request(true),
    data({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }) +
    data({ choices: [{ index: 0, delta: { images: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } }] }, finish_reason: 'stop' }], usage: chatUsage }) +
    'data: [DONE]\n\n', { input: 30, output: 1290 }],
  ['responses, in a partial image and in the last event', '/v1/responses', responses.request(true),
    data({ type: 'response.created', response: { id: 'resp_1', status: 'in_progress' } }, 'response.created') +
    data({ type: 'response.image_generation_call.partial_image', partial_image_b64: picture }, 'response.image_generation_call.partial_image') +
    data({ type: 'response.completed', response: { id: 'resp_1', output: [{ type: 'image_generation_call', result: picture }], usage: { input_tokens: 11, output_tokens: 44 } } },
      'response.completed'), { input: 11, output: 44 }],
  ['gemini, inline data', gemini.target(true), gemini.request(),
    data({ candidates: [{ content: { parts: [{ inlineData: { mimeType: 'image/png', data: picture } }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 1290, totalTokenCount: 1295 } }).replaceAll('\n', '\r\n'), { input: 5, output: 1290 }],
  ['pictures, partial and whole', '/v1/images/generations', { model: 'gpt-image-1', prompt: 'p', stream: true, partial_images: 1 },
    data({ type: 'image_generation.partial_image', b64_json: picture }, 'image_generation.partial_image') +
    data({ type: 'image_generation.completed', b64_json: picture, usage: { input_tokens: 50, output_tokens: 4160, total_tokens: 4210 } }, 'image_generation.completed'),
    { input: 50, output: 4160, images: 1 }],
  ['messages, a document that a tool fetched', '/v1/messages', anthropic.request(true),
    anthropic.events[0] + data({ type: 'content_block_start', index: 0, content_block: { type: 'web_fetch_tool_result', content: { source: { data: picture } } } }, 'content_block_start') +
    anthropic.events.slice(-3).join(''), anthropic.usage],
];

for (const [name, target, request, body, usage] of STREAMS) {
  test(`${name}: an event beyond every buffer passes, its stream ends well, its usage is known`, async () => {
    const { up, lurus } = context;
    up.next(sse(body, { split: 1 * MIB }));
    const answer = await post(lurus, target, request, { ms });
    assert.equal(answer.status, 200);
    assert.equal(answer.complete, true);
    assert.ok(answer.body.equals(Buffer.from(body)), `${answer.body.length} of ${body.length} bytes; the end: ${answer.body.subarray(-300)}`);
    const row = await lurus.row(answer.trace);
    assert.equal(row.end, 'complete');
    assert.deepEqual(usageMismatch(row.usage, usage), {});
  });
}

test('an event cut inside a picture is a cut answer', async () => {
  const { up, lurus } = context;
  const body = STREAMS[0][3];
  up.next(sse(body, { split: MIB, cutAt: 9 * MIB, end: 'close', framing: 'close' }));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(true), { ms });
  assert.equal(answer.complete, false);
  assert.ok(Buffer.from(body).subarray(0, answer.body.length).equals(answer.body), 'nothing is put into a half event');
  assert.equal((await lurus.row(answer.trace, { patience: 2000 })).end, 'upstream_cut');
});

test('a JSON answer of 30 MB: the usage behind the pictures is read', async () => {
  const { up, lurus } = context;
  const pictures = [...Array(3)].map(() => ({ b64_json: picture.slice(0, 10 * MIB) }));
  for (const framing of ['length', 'chunked', 'close']) {
    const body = JSON.stringify({ created: 1, data: pictures, usage: { input_tokens: 50, output_tokens: 4160, total_tokens: 4210 } });
    up.next(json(body, { framing }));
    const answer = await post(lurus, '/v1/images/generations', { model: 'gpt-image-1', prompt: 'p' }, { ms });
    assert.equal(answer.complete, true);
    assert.ok(answer.body.equals(Buffer.from(body)));
    const row = await lurus.row(answer.trace);
    assert.equal(row.end, 'complete');
    assert.deepEqual(usageMismatch(row.usage, { input: 50, output: 4160, images: 3 }), {});
  }
});

test('an error of 8 MB passes with its status, and the row says what it says', async () => {
  const { up, lurus } = context;
  const body = JSON.stringify({ error: { type: 'server_error', message: 'too much', detail: 'x'.repeat(8 * MIB) } });
  up.next(json(body, { status: 500 }));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false), { ms });
  assert.equal(answer.status, 500);
  assert.ok(answer.body.equals(Buffer.from(body)));
  const row = await lurus.row(answer.trace);
  assert.equal(row.end, 'error');
});

test('twenty such streams at once take no memory for them', { skip: process.platform !== 'linux' }, async () => {
  const { up, lurus } = context;
  const [, target, request, body] = STREAMS[0];
  up.always(sse(body, { split: MIB }));
  const before = residentKib(lurus.process.pid, 'VmRSS');
  const answers = await Promise.all([...Array(20)].map(() => post(lurus, target, request, { ms: 120_000 })));
  for (const answer of answers) assert.equal(answer.body.length, body.length);
  const most = residentKib(lurus.process.pid, 'VmHWM');
  // Each holds some hundred KiB; all of an event would be 240 MiB.
  assert.ok(most - before < 120 * 1024, `${before} KiB before, ${most} KiB at most`);
});
