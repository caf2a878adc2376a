// The built-in demo provider: every dialect, streaming and not, text, tools, thinking, plausible usage, recorded like any other.
import test from 'node:test';
import assert from 'node:assert/strict';
import { DIALECTS, anthropic, chat, gemini, responses } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { ask, jsonOf, post } from './lib/raw.mjs';

const context = gateway({ providers: [{ name: 'demo', kind: 'demo' }] });

const dataOf = (answer) => answer.body.toString().split(/\r?\n/).filter((line) => line.startsWith('data: ') && !line.includes('[DONE]')).map((line) => JSON.parse(line.slice(6)));

for (const dialect of DIALECTS) {
  for (const stream of [false, true]) {
    test(`${dialect.name}: ${stream ? 'a stream' : 'JSON'} with its usage in the log`, async () => {
      const { lurus } = context;
      const answer = await post(lurus, dialect.target(stream), dialect.request(stream), { headers: dialect.headers });
      assert.equal(answer.status, 200, answer.body.toString());
      if (stream) {
        assert.match(answer.body.toString(), dialect === gemini ? /"finishReason":\s*"STOP"/ : new RegExp(dialect.end.replace(/[[\]]/g, '\\$&')));
        assert.ok(dataOf(answer).length >= 3);
      } else {
        jsonOf(answer);
      }
      const row = await lurus.row(answer.trace);
      assert.equal(row.provider, 'demo');
      assert.equal(row.end, 'complete');
      assert.ok(row.usage.input > 0 && row.usage.output > 0, JSON.stringify(row.usage));
    });
  }
}

const schema = { type: 'object', properties: { command: { type: 'string' }, count: { type: 'integer' } }, required: ['command'] };

test('offered tools are called, with arguments that fit the schema', async () => {
  const { lurus } = context;
  const claude = jsonOf(await post(lurus, '/v1/messages', anthropic.request(false, { tools: [{ name: 'shell', description: 'x', input_schema: schema }] })));
  const use = claude.content.find((block) => block.type === 'tool_use');
  assert.equal(use.name, 'shell');
  assert.equal(typeof use.input.command, 'string');
  assert.equal(claude.stop_reason, 'tool_use');
  const openai = jsonOf(await post(lurus, '/v1/chat/completions', chat.request(false, { tools: [{ type: 'function', function: { name: 'shell', parameters: schema } }] })));
  assert.equal(openai.choices[0].message.tool_calls[0].function.name, 'shell');
  assert.equal(typeof JSON.parse(openai.choices[0].message.tool_calls[0].function.arguments).command, 'string');
  assert.equal(openai.choices[0].finish_reason, 'tool_calls');
  const responsesAnswer = jsonOf(await post(lurus, '/v1/responses', responses.request(false, { tools: [{ type: 'function', name: 'shell', parameters: schema }] })));
  assert.equal(responsesAnswer.output.find((item) => item.type === 'function_call').name, 'shell');
  const google = jsonOf(await post(lurus, gemini.target(false), gemini.request(false, { tools: [{ functionDeclarations: [{ name: 'shell', parametersJsonSchema: schema }] }] })));
  assert.equal(google.candidates[0].content.parts.find((part) => part.functionCall).functionCall.name, 'shell');
});

test('a tool result is followed by text, not by another call', async () => {
  const { lurus } = context;
  const answer = jsonOf(await post(lurus, '/v1/messages', anthropic.request(false, { tools: [{ name: 'shell', input_schema: schema }], messages: [
    { role: 'user', content: 'hi' }, { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'shell', input: { command: 'ls' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'README.md' }] }] })));
  assert.equal(answer.stop_reason, 'end_turn');
});

test('thinking comes when asked for', async () => {
  const { lurus } = context;
  const claude = jsonOf(await post(lurus, '/v1/messages', anthropic.request(false, { max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 1024 } })));
  const block = claude.content.find((one) => one.type === 'thinking');
  assert.ok(block.thinking.length > 0 && block.signature);
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false, { reasoning_effort: 'high' }));
  assert.ok((await lurus.row(answer.trace)).usage.reasoning > 0);
  const google = jsonOf(await post(lurus, gemini.target(false), gemini.request(false, { generationConfig: { thinkingConfig: { includeThoughts: true } } })));
  assert.ok(google.candidates[0].content.parts.some((part) => part.thought === true));
});

test('counting, embeddings, models and the Gemini array', async () => {
  const { lurus } = context;
  assert.ok(jsonOf(await post(lurus, '/v1/messages/count_tokens', { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hello there' }] })).input_tokens > 0);
  assert.ok(jsonOf(await post(lurus, '/v1beta/models/gemini-2.5-flash:countTokens', gemini.request())).totalTokens > 0);
  const embedding = jsonOf(await post(lurus, '/v1/embeddings', { model: 'text-embedding-3-small', input: ['a', 'b'] }));
  assert.equal(embedding.data.length, 2);
  assert.ok(embedding.data[0].embedding.length > 1);
  const array = jsonOf(await post(lurus, '/v1beta/models/gemini-2.5-flash:streamGenerateContent', gemini.request()));
  assert.ok(Array.isArray(array) && array.at(-1).candidates[0].finishReason === 'STOP');
  const models = jsonOf(await ask(lurus, 'GET', '/v1/models'));
  assert.ok(models.data.length > 3);
});

test('without stream_options a chat stream carries no usage chunk, as at the vendor', async () => {
  const { lurus } = context;
  const answer = await post(lurus, '/v1/chat/completions', { ...chat.request(true), stream_options: undefined });
  assert.ok(dataOf(answer).every((chunk) => chunk.choices.length > 0 && !chunk.usage));
});
