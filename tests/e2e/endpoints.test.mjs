// Every other endpoint: what arrives upstream, what comes back, and what the log calls it.
import test from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { json, sse, headerOf, usageMismatch } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { ask, header, post } from './lib/raw.mjs';
import { UPSTREAM_KEY } from './lib/lurus.mjs';

const context = gateway((up) => ({
  provider: {},
  providers: [
    { name: 'ant', kind: 'anthropic', base_url: up.url, api_key: UPSTREAM_KEY, models: ['claude-*'] },
    { name: 'oai', kind: 'openai', base_url: `${up.url}/v1`, api_key: UPSTREAM_KEY, models: ['*'] },
    { name: 'gem', kind: 'gemini', base_url: up.url, api_key: UPSTREAM_KEY, models: ['*'] },
    { name: 'az', kind: 'azure-openai', base_url: up.url, api_key: 'az-key', models: ['az-*'], api_version: '2024-10-21' },
    { name: 'az1', kind: 'azure-openai', base_url: up.url, api_key: 'az-key', models: ['azv1-*'] },
    { name: 'pre', kind: 'openai-compatible', base_url: `${up.url}/api/paas/v4`, api_key: 'k', models: ['glm-*'] },
    { name: 'keyless', kind: 'ollama', base_url: `${up.url}`, models: ['llama*'] },
  ],
  routes: [{ model: 'whisper-alias', to: ['oai/whisper-1'] }, { model: 'embed-alias', to: ['oai/text-embedding-3-small'] }],
}));

const tokens = { prompt_tokens: 8, total_tokens: 8 };
const SIMPLE = [
  ['/v1/completions', { model: 'gpt-3.5-turbo-instruct', prompt: 'hi' }, { object: 'text_completion', choices: [{ text: 'x', finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } }, { input: 3, output: 4 }],
  ['/v1/embeddings', { model: 'text-embedding-3-small', input: 'hi' }, { object: 'list', data: [{ embedding: [0.1] }], usage: tokens }, { input: 8 }],
  ['/v1/moderations', { model: 'omni-moderation-latest', input: 'hi' }, { id: 'm', results: [] }, {}],
  ['/v1/images/generations', { model: 'gpt-image-1', prompt: 'a cat' }, { created: 1, data: [{ b64_json: 'AAAA' }], usage: { input_tokens: 13, output_tokens: 1056, total_tokens: 1069, input_tokens_details: { text_tokens: 13, image_tokens: 0 } } }, { input: 13, output: 1056 }],
  ['/v1/responses/compact', { model: 'gpt-5-mini', input: [] }, { id: 'c', object: 'response.compaction', output: [], usage: { input_tokens: 9, output_tokens: 2, total_tokens: 11, input_tokens_details: { cached_tokens: 0 } } }, { input: 9, output: 2 }],
  ['/responses', { model: 'gpt-5-mini', input: 'hi' }, { id: 'r', object: 'response', status: 'completed', output: [], usage: { input_tokens: 5, output_tokens: 2, total_tokens: 7 } }, { input: 5, output: 2 }],
  ['/v1/messages/count_tokens', { model: 'claude-sonnet-4-5', messages: [], tools: [] }, { input_tokens: 43 }, {}],
  ['/v1beta/models/gemini-2.5-flash:countTokens', { contents: [] }, { totalTokens: 61 }, {}],
  ['/v1/models/gemini-2.5-flash:generateContent', { contents: [] }, { candidates: [{ content: { parts: [{ text: 'x' }] }, finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 } }, { input: 4, output: 2 }],
  ['/v1beta/models/gemini-embedding-001:embedContent', { content: { parts: [{ text: 'hi' }] } }, { embedding: { values: [0.1] } }, {}],
  ['/v1beta/models/gemini-embedding-001:batchEmbedContents', { requests: [{ model: 'models/gemini-embedding-001', content: { parts: [] } }] }, { embeddings: [] }, {}],
];

for (const [target, request, answerBody, usage] of SIMPLE) {
  test(`POST ${target}`, async () => {
    const { up, lurus } = context;
    const body = Buffer.from(JSON.stringify(request, null, 1));
    up.next(json(answerBody));
    const answer = await post(lurus, target, body);
    assert.equal(answer.status, 200, answer.body.toString());
    assert.equal(answer.body.toString(), JSON.stringify(answerBody));
    assert.equal(up.last.target, target === '/responses' ? '/v1/responses' : target);
    assert.deepEqual(up.last.body, body);
    const row = await lurus.row(answer.trace);
    assert.equal(row.end, 'complete');
    assert.deepEqual(usageMismatch(row.usage, usage), {});
    if (request.model) assert.equal(row.model, request.model);
  });
}

test('count_tokens costs nothing and does not count as consumption', async () => {
  const { up, lurus } = context;
  up.next(json({ input_tokens: 43 }));
  const answer = await post(lurus, '/v1/messages/count_tokens', { model: 'claude-sonnet-4-5', messages: [] });
  const row = await lurus.row(answer.trace);
  assert.ok(row.cost_nano_usd === null || row.cost_nano_usd === 0);
  assert.equal(row.usage.output, null);
});

test('Responses sub-resources: GET, DELETE, cancel, input_items', async () => {
  const { up, lurus } = context;
  for (const [method, target] of [['GET', '/v1/responses/resp_1'], ['DELETE', '/v1/responses/resp_1'], ['POST', '/v1/responses/resp_1/cancel'], ['GET', '/v1/responses/resp_1/input_items?limit=5'], ['GET', '/responses/resp_2']]) {
    up.next(json({ id: 'resp_1', object: 'response' }));
    const answer = await ask(lurus, method, target, method === 'POST' ? { headers: [['Content-Length', '0']] } : {});
    assert.equal(answer.status, 200, `${method} ${target}: ${answer.body}`);
    assert.equal(up.last.method, method);
    assert.equal(up.last.target, target.replace(/^\/responses/, '/v1/responses'));
  }
});

function multipart(fields) {
  const boundary = 'XX-boundary-1f3a';
  const parts = fields.map(([name, value, more = '']) => Buffer.concat([Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`), Buffer.from(value), Buffer.from('\r\n')]));
  return { body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]), headers: [['Content-Type', `multipart/form-data; boundary=${boundary}`]] };
}

test('multipart audio: bytes identical; a mapped model is spliced in the form', async () => {
  const { up, lurus } = context;
  const audio = crypto.randomBytes(300_000);
  for (const [model, upstream] of [['whisper-1', 'whisper-1'], ['whisper-alias', 'whisper-1']]) {
    const form = multipart([['file', audio, '; filename="a.mp3"\r\nContent-Type: audio/mpeg'], ['model', model], ['language', 'de']]);
    up.next(json({ text: 'hallo', usage: { type: 'tokens', input_tokens: 14, output_tokens: 5, total_tokens: 19 } }));
    const answer = await post(lurus, '/v1/audio/transcriptions', form.body, { headers: form.headers });
    assert.equal(answer.status, 200, answer.body.toString());
    const wanted = multipart([['file', audio, '; filename="a.mp3"\r\nContent-Type: audio/mpeg'], ['model', upstream], ['language', 'de']]);
    assert.ok(up.last.body.equals(wanted.body));
    const row = await lurus.row(answer.trace);
    assert.deepEqual([row.model, row.upstream_model], [model, upstream]);
    assert.deepEqual(usageMismatch(row.usage, { input: 14, output: 5 }), {});
  }
});

test('multipart image edits pass', async () => {
  const { up, lurus } = context;
  const form = multipart([['image', crypto.randomBytes(50_000), '; filename="a.png"\r\nContent-Type: image/png'], ['prompt', 'a hat'], ['model', 'gpt-image-1']]);
  up.next(json({ created: 1, data: [] }));
  const answer = await post(lurus, '/v1/images/edits', form.body, { headers: form.headers });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.ok(up.last.body.equals(form.body));
});

test('a binary answer (speech) comes through unchanged', async () => {
  const { up, lurus } = context;
  const audio = crypto.randomBytes(700_000);
  up.next({ headers: [['Content-Type', 'audio/mpeg']], body: audio, framing: 'chunked', split: 9_000 });
  const answer = await post(lurus, '/v1/audio/speech', { model: 'tts-1', input: 'hi', voice: 'alloy' });
  assert.equal(answer.status, 200);
  assert.ok(answer.body.equals(audio));
  assert.equal(header(answer, 'content-type'), 'audio/mpeg');
  assert.equal((await lurus.row(answer.trace)).end, 'complete');
});

test('streamed images and transcriptions are read for usage', async () => {
  const { up, lurus } = context;
  const body = 'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"AA"}\n\n'
    + 'event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"AAAA","usage":{"total_tokens":100,"input_tokens":40,"output_tokens":60}}\n\n';
  up.next(sse(body));
  const answer = await post(lurus, '/v1/images/generations', { model: 'gpt-image-1', prompt: 'x', stream: true });
  assert.equal(answer.body.toString(), body);
  assert.deepEqual(usageMismatch((await lurus.row(answer.trace)).usage, { input: 40, output: 60 }), {});
});

test("Azure: the deployment's path, its version and the api-key header", async () => {
  const { up, lurus } = context;
  const request = { model: 'az-gpt', messages: [{ role: 'user', content: 'hi' }] };
  up.next(json({ choices: [{ message: { content: 'x' }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }));
  const answer = await post(lurus, '/v1/chat/completions', request);
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(up.last.target, '/openai/deployments/az-gpt/chat/completions?api-version=2024-10-21');
  assert.equal(headerOf(up.last.headers, 'api-key'), 'az-key');
  assert.equal(headerOf(up.last.headers, 'authorization'), undefined);
  up.next(json({ id: 'r', object: 'response', status: 'completed', output: [] }));
  const v1 = await post(lurus, '/v1/responses', { model: 'azv1-gpt', input: 'hi' });
  assert.equal(v1.status, 200, v1.body.toString());
  assert.match(up.last.target, /^\/openai\/v1\/responses/);
  assert.equal(headerOf(up.last.headers, 'api-key'), 'az-key');
});

test('a base URL with its own version prefix, and one without a credential', async () => {
  const { up, lurus } = context;
  up.always(json({ choices: [{ message: { content: 'x' }, finish_reason: 'stop' }] }));
  assert.equal((await post(lurus, '/v1/chat/completions', { model: 'glm-4.6', messages: [] })).status, 200);
  assert.equal(up.last.target, '/api/paas/v4/chat/completions');
  assert.equal((await post(lurus, '/v1/chat/completions', { model: 'llama3', messages: [] })).status, 200);
  assert.equal(up.last.target, '/v1/chat/completions');
  assert.equal(headerOf(up.last.headers, 'authorization'), undefined);
});

test('a mapped model in embeddings is spliced', async () => {
  const { up, lurus } = context;
  up.next(json({ data: [], usage: tokens }));
  const answer = await post(lurus, '/v1/embeddings', '{"input":["a","b"], "model":"embed-alias"}');
  assert.equal(answer.status, 200);
  assert.equal(up.last.body.toString(), '{"input":["a","b"], "model":"text-embedding-3-small"}');
});
