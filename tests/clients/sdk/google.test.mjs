// `@google/genai` through the gateway, against the demo provider and against transcripts.
import test from 'node:test';
import assert from 'node:assert/strict';
import { gemini, json, sse, streamOf, usageMismatch } from '../../upstream/index.mjs';
import { gateway } from '../../e2e/lib/suite.mjs';
import { KEY } from '../../e2e/lib/lurus.mjs';
import { load, missing } from '../lib/sdk.mjs';

const context = gateway((up) => ({
  providers: [{ name: 'gem', kind: 'gemini', base_url: up.url, api_key: 'k', models: ['gemini-*', 'gemini-2.5-flash'] }, { name: 'demo', kind: 'demo', models: ['demo-*'] }],
}));
const options = { skip: missing };
const sdk = missing ? null : await load('@google/genai');
const make = (more = {}) => new sdk.GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: context.lurus.url, retryOptions: { attempts: 1 }, ...more.httpOptions }, ...more.top });
const ask = { model: 'gemini-2.5-flash', contents: 'hi' };
const WORDS = 'Grüße aus dem Test 🌍.';
const tools = [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }] }];

async function newestRow() {
  const [row] = await context.lurus.logs(1);
  assert.match(row.client, /google-genai/i);
  assert.equal(row.dialect, 'gemini');
  return row;
}

async function collect(stream) {
  const all = [];
  for await (const one of stream) all.push(one);
  return all;
}

test('JSON, under v1 and v1beta', options, async () => {
  for (const apiVersion of [undefined, 'v1', 'v1beta']) {
    context.up.next(json(gemini.json));
    const answer = await make({ httpOptions: apiVersion ? { apiVersion } : {} }).models.generateContent(ask);
    assert.equal(answer.text, WORDS);
    assert.deepEqual(usageMismatch((await newestRow()).usage, gemini.usage), {});
  }
});

test('a stream', options, async () => {
  context.up.next(sse(streamOf(gemini), { split: 53, gap: 1 }));
  const parts = await collect(await make().models.generateContentStream(ask));
  assert.equal(parts.map((part) => part.text ?? '').join(''), WORDS);
  const row = await newestRow();
  assert.equal(row.stream, true);
  assert.deepEqual(usageMismatch(row.usage, gemini.usage), {});
});

test('errors are ApiErrors with their status', options, async () => {
  for (const status of [400, 404, 500]) {
    context.up.next(json(gemini.error, { status }));
    await assert.rejects(make().models.generateContent(ask), (error) => error instanceof sdk.ApiError && error.status === status && /RESOURCE_EXHAUSTED/.test(error.message));
  }
  await assert.rejects(make({ top: { apiKey: 'cr_wrong' } }).models.generateContent(ask), (error) => error.status === 401 && /UNAUTHENTICATED/.test(error.message));
  await assert.rejects(make().models.generateContent({ ...ask, model: 'nobody' }), (error) => error.status === 404 && /NOT_FOUND/.test(error.message));
});

test('a cut stream raises or is told', options, async () => {
  context.up.next(sse('', { pieces: [gemini.events.slice(0, 3).join(''), 20], lastChunk: false, end: 'reset' }));
  await assert.rejects(async () => collect(await make().models.generateContentStream(ask)));
  assert.equal((await newestRow()).end, 'upstream_cut');
});

test('abort lets the vendor go', options, async () => {
  context.up.next(sse('', { pieces: [gemini.events.slice(0, 3).join(''), 60_000], end: 'hang', lastChunk: false }));
  const controller = new AbortController();
  await assert.rejects(async () => {
    const stream = await make().models.generateContentStream({ ...ask, config: { abortSignal: controller.signal } });
    for await (const part of stream) if (part.text) controller.abort();
    throw new Error('ended');
  });
  for (let i = 0; i < 100 && !context.up.last.gone; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(context.up.last.gone);
});

test('counting, embedding, listing', options, async () => {
  context.up.next(json({ totalTokens: 61 }), json({ embeddings: [{ values: [0.5] }] }));
  assert.equal((await make().models.countTokens(ask)).totalTokens, 61);
  const embedded = await make().models.embedContent({ model: 'gemini-embedding-001', contents: ['a'] });
  assert.equal(embedded.embeddings[0].values[0], 0.5);
  const models = await collect(await make().models.list({ config: { pageSize: 50 } }));
  assert.ok(models.length > 0);
});

test('demo: text, stream, a tool call and its result, thinking', options, async () => {
  const client = make();
  const demo = { ...ask, model: 'demo-gemini' };
  const plain = await client.models.generateContent(demo);
  assert.ok(plain.text.length > 0);
  assert.equal((await newestRow()).usage.output, plain.usageMetadata.candidatesTokenCount + (plain.usageMetadata.thoughtsTokenCount ?? 0));
  const parts = await collect(await client.models.generateContentStream({ ...demo, config: { tools } }));
  const call = parts.flatMap((part) => part.functionCalls ?? [])[0];
  assert.equal(typeof call.args.city, 'string');
  const content = parts.flatMap((part) => part.candidates?.[0]?.content?.parts ?? []).filter((part) => part.functionCall);
  const after = await client.models.generateContent({ ...demo, config: { tools }, contents: [{ role: 'user', parts: [{ text: 'hi' }] }, { role: 'model', parts: content },
    { role: 'user', parts: [{ functionResponse: { name: call.name, response: { output: 'sunny' } } }] }] });
  assert.ok(after.text.length > 0);
  const thought = await client.models.generateContent({ ...demo, config: { thinkingConfig: { includeThoughts: true } } });
  assert.ok(thought.candidates[0].content.parts.some((part) => part.thought));
});
