// `@anthropic-ai/sdk` through the gateway, against the demo provider and against transcripts.
import test from 'node:test';
import assert from 'node:assert/strict';
import { anthropic, json, sse, streamOf, headerOf, usageMismatch } from '../../upstream/index.mjs';
import { gateway } from '../../e2e/lib/suite.mjs';
import { KEY } from '../../e2e/lib/lurus.mjs';
import { load, missing } from '../lib/sdk.mjs';

const context = gateway((up) => ({
  providers: [{ name: 'ant', kind: 'anthropic', base_url: up.url, api_key: 'k', models: ['claude-*', 'claude-sonnet-4-5'] }, { name: 'demo', kind: 'demo', models: ['demo-*'] }],
}));
const options = { skip: missing };
const sdk = missing ? null : await load('@anthropic-ai/sdk');
const make = (more = {}) => new sdk.default({ baseURL: context.lurus.url, apiKey: KEY, maxRetries: 0, ...more });
const ask = { model: 'claude-sonnet-4-5', max_tokens: 64, messages: [{ role: 'user', content: 'hi' }] };
const tools = [{ name: 'weather', description: 'x', input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }];
const text = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');

async function newestRow() {
  const [row] = await context.lurus.logs(1);
  assert.match(row.client, /anthropic/i);
  assert.equal(row.dialect, 'anthropic');
  return row;
}

test('JSON', options, async () => {
  context.up.next(json(anthropic.json));
  const message = await make().messages.create({ ...ask, metadata: { user_id: '{"session_id":"sdk-session-1"}' } });
  assert.equal(text(message), 'Grüße aus dem Test 🌍.');
  const row = await newestRow();
  assert.deepEqual(usageMismatch(row.usage, anthropic.usage), {});
  assert.equal(row.session, 'sdk-session-1');
  assert.ok(headerOf(context.up.last.headers, 'x-stainless-lang'));
});

test('a stream, by its helper', options, async () => {
  context.up.next(sse(streamOf(anthropic), { split: 41, gap: 1 }));
  const message = await make().messages.stream(ask).finalMessage();
  assert.equal(text(message), 'Grüße aus dem Test 🌍.');
  assert.equal(message.usage.output_tokens, 37);
  const row = await newestRow();
  assert.deepEqual(usageMismatch(row.usage, anthropic.usage), {});
  assert.equal(row.stream, true);
});

test('authToken instead of apiKey', options, async () => {
  context.up.next(json(anthropic.json));
  assert.ok(text(await make({ apiKey: null, authToken: KEY }).messages.create(ask)));
});

test('errors are the SDK’s own classes', options, async () => {
  const client = make();
  for (const [status, name] of [[400, 'BadRequestError'], [401, 'AuthenticationError'], [429, 'RateLimitError'], [529, 'InternalServerError']]) {
    context.up.next(json(anthropic.error, { status, headers: [['request-id', 'req_42']] }));
    await assert.rejects(client.messages.create(ask), (error) => error instanceof sdk[name] && error.status === status && error.error?.error?.type === 'rate_limit_error' && error.requestID === 'req_42');
  }
  await assert.rejects(make({ apiKey: 'cr_wrong' }).messages.create(ask), (error) => error instanceof sdk.AuthenticationError && error.error.error.type === 'authentication_error');
  await assert.rejects(client.messages.create({ ...ask, model: 'nobody' }), (error) => error instanceof sdk.NotFoundError && error.error.error.type === 'not_found_error');
});

test('429 with retry-after is retried by the SDK, and both requests are in the log', options, async () => {
  context.up.next(json(anthropic.error, { status: 429, headers: [['retry-after', '0']] }), json(anthropic.json));
  assert.ok(text(await make({ maxRetries: 2 }).messages.create(ask)));
  assert.deepEqual((await context.lurus.logs(2)).map((row) => row.status), [200, 429]);
});

test('an error event inside the stream raises', options, async () => {
  context.up.next(sse(anthropic.events.slice(0, 5).join('') + anthropic.errorEvent));
  await assert.rejects(make().messages.stream(ask).finalMessage(), (error) => /overloaded/i.test(JSON.stringify(error.error ?? error.message)));
});

test('a cut stream raises, it never looks finished', options, async () => {
  context.up.next(sse('', { pieces: [anthropic.events.slice(0, 5).join(''), 20], lastChunk: false, end: 'reset' }));
  await assert.rejects(make().messages.stream(ask).finalMessage());
  assert.equal((await newestRow()).end, 'upstream_cut');
});

test('abort lets the vendor go', options, async () => {
  context.up.next(sse('', { pieces: [anthropic.events.slice(0, 5).join(''), 60_000], end: 'hang', lastChunk: false }));
  const stream = make().messages.stream(ask);
  stream.once('text', () => stream.abort());
  await assert.rejects(stream.finalMessage(), sdk.APIUserAbortError);
  for (let i = 0; i < 100 && !context.up.last.gone; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(context.up.last.gone);
});

test('count_tokens and models', options, async () => {
  context.up.next(json({ input_tokens: 43 }));
  assert.equal((await make().messages.countTokens({ model: ask.model, messages: ask.messages })).input_tokens, 43);
  const models = await make().models.list();
  assert.ok(models.data.length > 0 && models.data[0].type === 'model');
});

test('demo: JSON, stream, tools, thinking, a tool’s result', options, async () => {
  const client = make();
  const demo = { ...ask, model: 'demo-claude' };
  const plain = await client.messages.create(demo);
  assert.ok(text(plain).length > 0);
  let row = await newestRow();
  assert.equal(row.usage.output, plain.usage.output_tokens);
  assert.equal(row.usage.input, plain.usage.input_tokens);
  const streamed = await client.messages.stream({ ...demo, tools }).finalMessage();
  const call = streamed.content.find((block) => block.type === 'tool_use');
  assert.equal(typeof call.input.city, 'string');
  row = await newestRow();
  assert.equal(row.usage.output, streamed.usage.output_tokens);
  const after = await client.messages.create({ ...demo, tools, messages: [...demo.messages, { role: 'assistant', content: streamed.content },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'sunny' }] }] });
  assert.equal(after.stop_reason, 'end_turn');
  const thought = await client.messages.create({ ...demo, max_tokens: 3000, thinking: { type: 'enabled', budget_tokens: 1024 } });
  assert.ok(thought.content.some((block) => block.type === 'thinking' && block.signature));
});
