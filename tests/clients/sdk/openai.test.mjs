// `openai` through the gateway: chat, Responses, embeddings, files by multipart, against the demo provider and transcripts.
import test from 'node:test';
import assert from 'node:assert/strict';
import { chat, json, responses, sse, streamOf, usageMismatch } from '../../upstream/index.mjs';
import { gateway } from '../../e2e/lib/suite.mjs';
import { KEY } from '../../e2e/lib/lurus.mjs';
import { load, missing } from '../lib/sdk.mjs';

const context = gateway((up) => ({
  providers: [{ name: 'oai', kind: 'openai', base_url: `${up.url}/v1`, api_key: 'k', models: ['gpt-*', 'gpt-5-mini', 'whisper-1'] }, { name: 'demo', kind: 'demo', models: ['demo-*'] }],
}));
const options = { skip: missing };
const sdk = missing ? null : await load('openai');
const make = (more = {}) => new sdk.default({ baseURL: `${context.lurus.url}/v1`, apiKey: KEY, maxRetries: 0, ...more });
const ask = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'hi' }] };
const WORDS = 'Grüße aus dem Test 🌍.';
const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } }];

async function newestRow(dialect) {
  const [row] = await context.lurus.logs(1);
  assert.match(row.client, /openai/i);
  assert.equal(row.dialect, dialect);
  return row;
}

async function collect(stream) {
  const all = [];
  for await (const one of stream) all.push(one);
  return all;
}

test('chat: JSON', options, async () => {
  context.up.next(json(chat.json));
  const answer = await make().chat.completions.create(ask);
  assert.equal(answer.choices[0].message.content, WORDS);
  assert.deepEqual(usageMismatch((await newestRow('openai-chat')).usage, chat.usage), {});
});

test('chat: a stream', options, async () => {
  context.up.next(sse(streamOf(chat), { split: 29, gap: 1 }));
  const chunks = await collect(await make().chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } }));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), WORDS);
  assert.deepEqual(usageMismatch((await newestRow('openai-chat')).usage, chat.usage), {});
});

test('responses: JSON and a stream', options, async () => {
  context.up.next(json(responses.json), sse(streamOf(responses), { split: 31, gap: 1 }));
  const client = make();
  const answer = await client.responses.create({ model: 'gpt-5-mini', input: 'hi', prompt_cache_key: 'sdk-session-2' });
  assert.equal(answer.output_text, WORDS);
  const row = await newestRow('openai-responses');
  assert.deepEqual(usageMismatch(row.usage, responses.usage), {});
  assert.equal(row.session, 'sdk-session-2');
  const events = await collect(await client.responses.create({ model: 'gpt-5-mini', input: 'hi', stream: true }));
  assert.equal(events.at(-1).type, 'response.completed');
  assert.deepEqual(usageMismatch((await newestRow('openai-responses')).usage, responses.usage), {});
});

test('errors are the SDK’s own classes, with code and type', options, async () => {
  const client = make();
  for (const [status, name] of [[400, 'BadRequestError'], [401, 'AuthenticationError'], [429, 'RateLimitError'], [500, 'InternalServerError']]) {
    context.up.next(json(chat.error, { status, headers: [['x-request-id', 'req_42']] }));
    await assert.rejects(client.chat.completions.create(ask), (error) => error instanceof sdk[name] && error.code === 'rate_limit_exceeded' && error.type === 'tokens' && error.requestID === 'req_42');
  }
  await assert.rejects(make({ apiKey: 'cr_wrong' }).chat.completions.create(ask), (error) => error instanceof sdk.AuthenticationError && error.code === 'invalid_api_key');
  await assert.rejects(client.chat.completions.create({ ...ask, model: 'nobody' }), sdk.NotFoundError);
});

test('an error chunk, and a cut stream, raise in chat and in Responses', options, async () => {
  const client = make();
  context.up.next(sse(chat.events.slice(0, 3).join('') + chat.errorEvent));
  await assert.rejects(async () => collect(await client.chat.completions.create({ ...ask, stream: true })));
  context.up.next(sse('', { pieces: [chat.events.slice(0, 3).join(''), 20], lastChunk: false, end: 'reset' }));
  await assert.rejects(async () => collect(await client.chat.completions.create({ ...ask, stream: true })));
  context.up.next(sse(responses.events.slice(0, 6).join('')));
  await assert.rejects(async () => {
    const events = await collect(await client.responses.create({ model: 'gpt-5-mini', input: 'hi', stream: true }));
    if (events.some((event) => event.type === 'error' || event.type === 'response.failed')) throw new Error('told by an event');
  });
  assert.equal((await newestRow('openai-responses')).end, 'upstream_cut');
});

test('abort lets the vendor go', options, async () => {
  context.up.next(sse('', { pieces: [chat.events.slice(0, 3).join(''), 60_000], end: 'hang', lastChunk: false }));
  const stream = await make().chat.completions.create({ ...ask, stream: true });
  for await (const chunk of stream) if (chunk.choices[0].delta.content) stream.controller.abort();
  for (let i = 0; i < 100 && !context.up.last.gone; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(context.up.last.gone);
});

test('a transcription by multipart, and models', options, async () => {
  context.up.next(json({ text: 'hallo', usage: { type: 'tokens', input_tokens: 14, output_tokens: 5, total_tokens: 19 } }));
  const file = await sdk.toFile(Buffer.alloc(50_000, 1), 'a.wav');
  assert.equal((await make().audio.transcriptions.create({ model: 'whisper-1', file })).text, 'hallo');
  assert.ok(context.up.last.body.includes(Buffer.alloc(50_000, 1)));
  const [row] = await context.lurus.logs(1);
  assert.equal(row.model, 'whisper-1');
  assert.equal(row.usage.output, 5);
  const models = await collect(await make().models.list());
  assert.ok(models.length > 0 && models.every((model) => model.object === 'model'));
});

test('demo: chat and Responses with tools and their results, embeddings', options, async () => {
  const client = make();
  const demo = { ...ask, model: 'demo-gpt' };
  const plain = await client.chat.completions.create(demo);
  assert.ok(plain.choices[0].message.content.length > 0);
  const row = await newestRow('openai-chat');
  assert.equal(row.usage.output, plain.usage.completion_tokens);
  const called = await client.chat.completions.create({ ...demo, tools });
  const [call] = called.choices[0].message.tool_calls;
  assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');
  const after = await client.chat.completions.create({ ...demo, tools, messages: [...demo.messages, called.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'sunny' }] });
  assert.equal(after.choices[0].finish_reason, 'stop');
  const stream = client.chat.completions.stream({ ...demo, tools });
  assert.equal((await stream.finalChatCompletion()).choices[0].message.tool_calls[0].function.name, 'weather');
  const answered = await client.responses.stream({ model: 'demo-gpt', input: 'hi' }).finalResponse();
  assert.ok(answered.output_text.length > 0);
  assert.equal((await newestRow('openai-responses')).usage.output, answered.usage.output_tokens);
  const responseTools = [{ type: 'function', name: 'weather', parameters: tools[0].function.parameters, strict: false }];
  const use = (await client.responses.create({ model: 'demo-gpt', input: 'hi', tools: responseTools })).output.find((item) => item.type === 'function_call');
  assert.equal(use.name, 'weather');
  const embedding = await client.embeddings.create({ model: 'demo-embedding', input: ['a', 'b'] });
  assert.equal(embedding.data.length, 2);
  assert.ok(embedding.data[0].embedding.length > 1);
});
