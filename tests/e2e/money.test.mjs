// What an answer costs: each run by its own model, what was served, what is known where a part is not; and the lists of prices.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { anthropic, chat, gemini, json, sse } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { post } from './lib/raw.mjs';
import { api } from './lib/people.mjs';

const context = gateway();

const event = (type, value) => `event: ${type}\ndata: ${JSON.stringify({ type, ...value })}\n\n`;
const message = (model, start, end) =>
  event('message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: null, usage: start } }) +
  event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
  event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'hi' } }) +
  event('content_block_stop', { index: 0 }) +
  event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: end }) +
  event('message_stop', {});

async function messages(model, start, end) {
  const { up, lurus } = context;
  up.next(sse(message(model, start, end)));
  const answer = await post(lurus, '/v1/messages', anthropic.request(true, { model }));
  return lurus.row(answer.trace);
}

test('compaction is booked once, an advisor by its own price', async () => {
  const compacted = await messages('claude-opus-4-6',
    { input_tokens: 100, output_tokens: 7, cache_read_input_tokens: 55096, cache_creation_input_tokens: 0 },
    { input_tokens: 181, output_tokens: 8, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, iterations: [
      { type: 'compaction', input_tokens: 100, output_tokens: 83, cache_read_input_tokens: 55096, cache_creation_input_tokens: 0 },
      { type: 'message', input_tokens: 181, output_tokens: 8, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }] });
  assert.equal(compacted.usage.cache_read, 55096);
  assert.equal(compacted.usage.input, 281);
  assert.equal(compacted.cost_nano_usd, 281 * 5000 + 55096 * 500 + 91 * 25000);
  const advised = await messages('claude-sonnet-4-6', { input_tokens: 1200, output_tokens: 1 },
    { input_tokens: 2400, output_tokens: 145, iterations: [
      { type: 'message', input_tokens: 1200, output_tokens: 100 },
      { type: 'advisor_message', model: 'claude-opus-4-8', input_tokens: 2500, output_tokens: 18 },
      { type: 'message', input_tokens: 1200, output_tokens: 45 }] });
  assert.equal(advised.cost_nano_usd, 2400 * 3000 + 145 * 15000 + 2500 * 5000 + 18 * 25000);
  assert.match(advised.tariff, /claude-sonnet-4-6.* \+ .*claude-opus-4-8/);
});

test('speed and region as served multiply the price; asked and not served they do not', async () => {
  const usage = { input_tokens: 1000, output_tokens: 10, service_tier: 'standard' };
  const cost = async (more) => (await messages('claude-opus-4-8', { ...usage, ...more }, { output_tokens: 10 })).cost_nano_usd;
  const standard = await cost({ speed: 'standard', inference_geo: 'global' });
  const fast = await cost({ speed: 'fast' });
  assert.ok(fast > standard, `${fast} > ${standard}`);
  assert.equal(await cost({ inference_geo: 'us' }), standard * 11 / 10);
  assert.equal(await cost({ speed: 'fast', inference_geo: 'us' }), fast * 11 / 10);
});

test("Gemini's tier is that of its answer's head; a search of 2.5 leaves the tokens priced", async () => {
  const { up, lurus } = context;
  const ask = async (model, body, headers = []) => {
    up.next(json(body, { headers }));
    return lurus.row((await post(lurus, `/v1beta/models/${model}:generateContent`, gemini.request(false))).trace);
  };
  const plain = { candidates: [{ content: { parts: [{ text: 'a' }] }, finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 1000, candidatesTokenCount: 10 } };
  assert.equal((await ask('gemini-3-flash-preview', plain)).cost_nano_usd, 1000 * 500 + 10 * 3000);
  const flex = await ask('gemini-3-flash-preview', plain, [['x-gemini-service-tier', 'flex']]);
  assert.equal(flex.cost_nano_usd, (1000 * 500 + 10 * 3000) / 2);
  assert.equal(flex.usage.service_tier, 'flex');
  const searched = structuredClone(plain);
  searched.candidates[0].groundingMetadata = { webSearchQueries: ['a', 'b'] };
  searched.usageMetadata.toolUsePromptTokenCount = 5000;
  const row = await ask('gemini-2.5-flash', searched);
  assert.equal(row.cost_nano_usd, 1000 * 300 + 10 * 2500);
  assert.match(row.tariff, /; unpriced: web_search$/);
});

test('a usage of zeros after the real one is none', async () => {
  const { up, lurus } = context;
  const chunk = (value) => `data: ${JSON.stringify({ object: 'chat.completion.chunk', model: 'gpt-4o', ...value })}\n\n`;
  up.next(sse(chunk({ choices: [{ index: 0, delta: { content: 'hi' } }] }) + chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) +
    chunk({ choices: [], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } }) +
    chunk({ choices: [], usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } }) + 'data: [DONE]\n\n'));
  const row = await lurus.row((await post(lurus, '/v1/chat/completions', chat.request(true, { model: 'gpt-4o' }))).trace);
  assert.equal(row.usage.input, 100);
  assert.equal(row.cost_nano_usd, 100 * 2500 + 10 * 10000);
});

test('lists of prices: both formats, odd prices named, an announcement withdrawn; the doctor knows their age', async () => {
  const { lurus } = context;
  const token = readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  const folder = mkdtempSync(path.join(tmpdir(), 'lurus-prices-'));
  const file = (name, value) => {
    writeFileSync(path.join(folder, name), JSON.stringify(value));
    return path.join(folder, name);
  };
  const litellm = await lurus.cli(['prices', 'import', file('litellm.json', {
    good: { litellm_provider: 'openai', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
    bad: { litellm_provider: 'openai', input_cost_per_token: -1e-6 } })]);
  assert.equal(litellm.code, 0, litellm.stderr);
  assert.match(litellm.stdout, /^1 models' prices.*\n1 models were skipped:\n {2}bad: input_cost_per_token is not a price/);
  const genai = (more) => [{ id: 'anthropic', models: [{ id: 'claude-next', match: { equals: 'claude-next' }, prices: [{ prices: { input_mtok: 2, output_mtok: 10 } }, ...more] }] }];
  const rise = { constraint: { start_date: '2199-01-01' }, prices: { input_mtok: 3, output_mtok: 15 } };
  await lurus.cli(['prices', 'import', file('rise.json', genai([rise]))]);
  const quote = async (time) => {
    const { body } = await api(lurus, 'POST', '/api/v1/prices/quote', { token, body: { model: 'claude-next', provider_kind: 'anthropic', time, usage: { input: 1 } } });
    return body.cost_nano_usd;
  };
  assert.equal(await quote('2199-01-02T00:00:00Z'), 3000);
  const withdrawn = await lurus.cli(['prices', 'import', file('withdrawn.json', genai([]))]);
  assert.match(withdrawn.stdout, /1 announced prices were withdrawn/);
  assert.equal(await quote('2199-01-02T00:00:00Z'), 2000);
  await lurus.cli(['prices', 'import', file('again.json', genai([rise]))]);
  const taken = await lurus.cli(['prices', 'withdraw', 'claude-next', '--vendor', 'anthropic', '--from', '2199-01-01', '--imported']);
  assert.equal(taken.code, 0, taken.stderr);
  assert.equal(await quote('2199-01-02T00:00:00Z'), 2000);
  const doctor = await lurus.cli(['doctor', '--json']);
  assert.ok(doctor.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).some((f) => f.check === 'prices' && /anthropic: looked up/.test(f.detail)), doctor.stdout);
});
