// Which provider and model answer: exact names, aliases, globs, provider/model, defaults, and what an unknown name is told.
import test from 'node:test';
import assert from 'node:assert/strict';
import { DIALECTS, anthropic, chat, gemini, json, headerOf } from '../upstream/index.mjs';
import { assertError, gateway, providerFor } from './lib/suite.mjs';
import { ask, jsonOf, post } from './lib/raw.mjs';

const context = gateway((up) => ({
  providers: [
    providerFor(anthropic, 'ant', up.url, { models: ['claude-sonnet-4-5', 'claude-opus-4-1'] }),
    providerFor(anthropic, 'ant2', up.url, { models: ['claude-haiku-*'] }),
    providerFor(chat, 'oai', up.url, { models: ['gpt-*', 'text-embedding-3-small'], headers: { 'X-Team': 'search' } }),
    providerFor(gemini, 'gem', up.url, { models: ['gemini-2.5-flash'] }),
    { name: 'all', kind: 'new-api', base_url: up.url, api_key: 'sk-all', models: ['vendor/*', 'any-*'] },
  ],
  routes: [
    { model: 'fast', to: ['oai/gpt-5-nano'] },
    { model: 'my-*', to: ['ant/claude-opus-4-1'] },
    { model: 'keep-*', to: ['all/*'] },
    { model: 'gpt-5-mini', to: ['oai/gpt-5-mini-2026'] },
  ],
}));

const call = async (dialect, model) => {
  const { up, lurus } = context;
  up.clear().next(json(dialect.json));
  const target = dialect === gemini ? `/v1beta/models/${encodeURIComponent(model)}:generateContent` : dialect.target(false);
  const answer = await post(lurus, target, dialect === gemini ? gemini.request() : dialect.request(false, { model }));
  return { answer, last: up.last, row: answer.status === 200 ? await lurus.row(answer.trace) : null };
};

test('a name goes to the provider that serves it, unchanged', async () => {
  for (const [dialect, model, provider] of [[anthropic, 'claude-sonnet-4-5', 'ant'], [anthropic, 'claude-haiku-4-5', 'ant2'], [chat, 'gpt-5', 'oai'], [gemini, 'gemini-2.5-flash', 'gem']]) {
    const { answer, row, last } = await call(dialect, model);
    assert.equal(answer.status, 200, answer.body.toString());
    assert.deepEqual([row.provider, row.model, row.upstream_model], [provider, model, model]);
    if (dialect !== gemini) assert.equal(JSON.parse(last.body).model, model);
  }
});

test('routes: exact name, glob, `provider/*`, and a route wins over a provider that serves the name', async () => {
  for (const [dialect, model, provider, upstream] of [[chat, 'fast', 'oai', 'gpt-5-nano'], [anthropic, 'my-model', 'ant', 'claude-opus-4-1'],
    [chat, 'keep-this', 'all', 'keep-this'], [anthropic, 'keep-that', 'all', 'keep-that'], [chat, 'gpt-5-mini', 'oai', 'gpt-5-mini-2026']]) {
    const { answer, row, last } = await call(dialect, model);
    assert.equal(answer.status, 200, `${model}: ${answer.body}`);
    assert.deepEqual([row.provider, row.model, row.upstream_model], [provider, model, upstream]);
    assert.equal(JSON.parse(last.body).model, upstream);
  }
});

test('`provider/model` names the provider itself', async () => {
  const { answer, row, last } = await call(anthropic, 'ant2/claude-haiku-4-5');
  assert.equal(answer.status, 200, answer.body.toString());
  assert.deepEqual([row.provider, row.upstream_model], ['ant2', 'claude-haiku-4-5']);
  assert.equal(JSON.parse(last.body).model, 'claude-haiku-4-5');
  assert.match(row.attempts[0].chosen_because ?? row.attempts[0].because ?? '', /provider\/model/);
});

test('a model name with a slash is not mistaken for a provider that does not exist', async () => {
  const { answer, row } = await call(chat, 'vendor/model-x:free');
  assert.equal(answer.status, 200, answer.body.toString());
  assert.deepEqual([row.provider, row.upstream_model], ['all', 'vendor/model-x:free']);
});

test('a percent-encoded Gemini model is understood', async () => {
  const { answer, row, last } = await call(gemini, 'any-thing v1');
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(row.upstream_model, 'any-thing v1');
  assert.equal(last.target, '/v1beta/models/any-thing%20v1:generateContent');
});

for (const dialect of DIALECTS) {
  test(`${dialect.name}: an unknown model is 404 and names what there is`, async () => {
    const { answer, last } = await call(dialect, 'no-such-model');
    const text = assertError(dialect, answer, 404, /no-such-model/);
    assert.match(text, { anthropic: /claude-/, gemini: /gemini-/ }[dialect.dialect] ?? /gpt-|fast/);
    assert.equal(last, undefined);
  });
}

test("a provider's own headers and credential are added", async () => {
  const { last } = await call(chat, 'gpt-5');
  assert.equal(headerOf(last.headers, 'x-team'), 'search');
  assert.equal(headerOf(last.headers, 'authorization'), 'Bearer sk-oai');
  const through = await call(anthropic, 'any-model');
  assert.match(through.last.headBytes.toString(), /sk-all/);
});

test('GET /v1/models answers in the dialect that the headers show', async () => {
  const { lurus } = context;
  const anthropicList = jsonOf(await ask(lurus, 'GET', '/v1/models?limit=1000', { headers: [['anthropic-version', '2023-06-01']] }));
  assert.ok(anthropicList.data.some((model) => model.type === 'model' && model.id === 'claude-sonnet-4-5' && typeof model.display_name === 'string' && model.created_at));
  assert.equal(anthropicList.has_more, false);
  const openaiList = jsonOf(await ask(lurus, 'GET', '/v1/models'));
  assert.equal(openaiList.object, 'list');
  assert.ok(openaiList.data.some((model) => model.object === 'model' && model.id === 'fast' && Number.isInteger(model.created)));
  const geminiList = jsonOf(await ask(lurus, 'GET', '/v1beta/models'));
  assert.ok(geminiList.models.some((model) => model.name === 'models/gemini-2.5-flash' && model.supportedGenerationMethods.includes('generateContent')));
  const underV1 = jsonOf(await ask(lurus, 'GET', '/v1/models', { key: null, headers: [['x-goog-api-key', (await import('./lib/lurus.mjs')).KEY]] }));
  assert.ok(Array.isArray(underV1.models));
});

test('GET /v1/models/{id} answers one, or 404', async () => {
  const { lurus } = context;
  assert.equal(jsonOf(await ask(lurus, 'GET', '/v1/models/claude-sonnet-4-5', { headers: [['anthropic-version', '2023-06-01']] })).id, 'claude-sonnet-4-5');
  assert.equal(jsonOf(await ask(lurus, 'GET', '/v1/models/fast')).object, 'model');
  assert.equal(jsonOf(await ask(lurus, 'GET', '/v1beta/models/gemini-2.5-flash')).name, 'models/gemini-2.5-flash');
  assertError(chat, await ask(lurus, 'GET', '/v1/models/nope-nope'), 404, /nope-nope/);
});
