// Rules, limits and budgets that go by models, however a request spells the model.
import test from 'node:test';
import assert from 'node:assert/strict';
import { anthropic, chat, gemini, json } from '../upstream/index.mjs';
import { assertError, gateway, providerFor } from './lib/suite.mjs';
import { ask as get, connectRaw, jsonOf, post, requestBytes } from './lib/raw.mjs';
import { KEY } from './lib/lurus.mjs';

const value = (name) => `cr_${name}_${'0'.repeat(24)}`;
const key = (name, more) => ({ name, value: value(name), ...more });
const context = gateway((up) => ({
  keys: [
    { name: 'e2e', value: KEY },
    key('noopus', { deny_models: ['claude-opus-*', 'gemini-2.5-pro', 'b/*'] }),
    key('listed', { models: ['gpt-4o', 'fast', 'claude-haiku-*', 'gemini-2.5-flash'] }),
    key('paying', { budget: '10 USD/day' }),
  ],
  limits: { model: [{ model: 'rare-*', rpm: 2 }, { model: 'late-*', rpm: 1 }] },
  providers: [
    providerFor(anthropic, 'a', up.url),
    providerFor(anthropic, 'b', up.url),
    providerFor(chat, 'oai', up.url),
    providerFor(chat, 'second', up.url),
    providerFor(gemini, 'gem', up.url),
  ],
  routes: [
    { model: 'fast', to: ['oai/gpt-4o-2024', 'second/o3'] },
    { model: 'hidden', to: ['a/claude-opus-4-5'] },
    { model: 'mixed', to: ['a/claude-opus-4-5', 'a/claude-haiku-4-5'] },
    { model: 'only-b', to: ['b/claude-haiku-4-5'] },
    { model: 'rarely', to: ['oai/rare-1'] },
    { model: 'rarely-else', to: ['oai/rare-1', 'second/common-1'] },
    { model: 'then-late', to: ['oai/first-1', 'second/late-1'] },
  ],
}));

const send = (dialect, name, body, { target = dialect.target(false), headers = [] } = {}) =>
  post(context.lurus, target, typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body), { key: name ? value(name) : KEY, headers: [...(dialect.headers ?? []), ...headers] });
const ask = (dialect, name, model, more = {}) => send(dialect, name, dialect.request(false, { model, ...more }));
const sent = () => JSON.parse(context.up.last.body).model;

test('a denied model is denied under every spelling of its name', async () => {
  const { up } = context;
  up.always(json(anthropic.json));
  for (const model of ['claude-opus-4-5', 'a/claude-opus-4-5', 'CLAUDE-OPUS-4-5', 'a/Claude-Opus-4', 'anthropic/claude-opus-4.5:beta', 'b/claude-haiku-4-5', 'hidden', 'only-b']) {
    const answer = await ask(anthropic, 'noopus', model);
    assertError(anthropic, answer, 403, /may not use the model/);
  }
  assert.equal(up.requests.length, 0);
  for (const model of ['claude-haiku-4-5', 'a/claude-haiku-4-5']) {
    assert.equal((await ask(anthropic, 'noopus', model)).status, 200, model);
    assert.equal(sent(), 'claude-haiku-4-5');
  }
  const mixed = await ask(anthropic, 'noopus', 'mixed');
  assert.equal(mixed.status, 200, `${mixed.body}`);
  assert.equal(sent(), 'claude-haiku-4-5');
  assert.deepEqual((await context.lurus.row(mixed.trace)).attempts.map((one) => one.upstream_model), ['claude-haiku-4-5']);
  assert.equal((await ask(anthropic, null, 'hidden')).status, 200);
});

test('a denied model of Gemini, in the path and in the body', async () => {
  const { up } = context;
  up.always(json(gemini.json));
  const at = (model, body = gemini.request()) => send(gemini, 'noopus', body, { target: `/v1beta/models/${model}:generateContent` });
  for (const model of ['gemini-2.5-pro', 'gemini%2D2.5%2Dpro', 'gem%2Fgemini-2.5-pro', 'GEMINI-2.5-PRO', 'models%2Fgemini-2.5-pro'])
    assertError(gemini, await at(model), 403, /may not use the model/);
  const inside = JSON.stringify({ ...gemini.request(), model: 'models/gemini-2.5-pro' });
  assertError(gemini, await at('gemini-2.5-flash', inside), 403, /gemini-2.5-pro/);
  assertError(gemini, await at('gemini%252D2.5%252Dpro'), 400, /beyond doubt/);
  assert.equal(up.requests.length, 0);
  assert.equal((await at('gemini-2.5-flash')).status, 200);
});

test('what else a body lets be asked is judged, too', async () => {
  const { up } = context;
  up.always(json(anthropic.json));
  for (const more of [{ models: ['claude-haiku-4-5', 'claude-opus-4-5'] }, { fallbacks: [{ model: 'claude-opus-4-5' }] }, { tools: [{ type: 'advisor_20260301', name: 'advisor', model: 'claude-opus-4-6' }] }])
    assertError(anthropic, await ask(anthropic, 'noopus', 'claude-haiku-4-5', more), 403, /claude-opus-4-/);
  assertError(anthropic, await ask(anthropic, 'listed', 'claude-haiku-4-5', { fallbacks: [{ model: 'claude-sonnet-4-5' }] }), 403, /claude-sonnet/);
  assert.equal(up.requests.length, 0);
  assert.equal((await ask(anthropic, 'noopus', 'claude-haiku-4-5', { models: ['claude-sonnet-4-5'] })).status, 200);
});

test('a listed model may be asked for by its provider; a listed route leads where it does', async () => {
  const { up } = context;
  up.always(json(chat.json));
  for (const [model, upstream] of [['gpt-4o', 'gpt-4o'], ['oai/gpt-4o', 'gpt-4o'], ['second/gpt-4o', 'gpt-4o'], ['fast', 'gpt-4o-2024']]) {
    assert.equal((await ask(chat, 'listed', model)).status, 200, model);
    assert.equal(sent(), upstream);
  }
  for (const model of ['o3', 'oai/o3', 'second/o3', 'nobody/gpt-4o', 'vendor/gpt-4o', 'GPT-4o', 'rarely'])
    assertError(chat, await ask(chat, 'listed', model), 403, /may not use the model/);
});

test('bodies that two parsers may read in two ways are refused where a rule or a budget goes by models, and pass as they are elsewhere', async () => {
  const { up } = context;
  up.always(json(anthropic.json));
  const rest = ',"max_tokens":10,"messages":[{"role":"user","content":"x"}]}';
  const bodies = [
    `{"model":"claude-haiku-4-5","model":"claude-opus-4-5"${rest}`,
    `{"model":"claude-opus-4-5","model":"claude-haiku-4-5"${rest}`,
    `{"model":"claude-haiku-4-5","m\\u006fdel":"claude-opus-4-5"${rest}`,
    `{"Model":"claude-opus-4-5","model":"claude-haiku-4-5"${rest}`,
    `{"model":"claude-haiku-4-5","model\\u0000":"claude-opus-4-5"${rest}`,
    `{"model":"claude-opus-4-5\\u200b"${rest}`,
    `{"model":" claude-opus-4-5"${rest}`,
  ];
  for (const body of bodies) {
    for (const name of ['noopus', 'listed', 'paying']) assertError(anthropic, await send(anthropic, name, body), 400, /beyond doubt/);
  }
  assert.equal(up.requests.length, 0);
  // The limits of this server go by models, so that nobody is without a rule; the server below has none.
  assertError(anthropic, await send(anthropic, null, bodies[0]), 400, /beyond doubt/);
  for (const body of ['\ufeff{"model":"claude-haiku-4-5"}', '{"model":"claude-haiku-4-5"} {}', '{/**/"model":"claude-haiku-4-5"}', '[]'])
    assertError(anthropic, await send(anthropic, 'noopus', body), 400);
  assertError(anthropic, await send(anthropic, 'noopus', Buffer.from('{"model":"claude-haiku-4-5"}', 'utf16le')), 400);
});

test('a body that a second Content-Type reads otherwise is refused', async () => {
  const { up, lurus } = context;
  up.always(json(chat.json));
  const form = (model) => `--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n--b--\r\n`;
  const once = async (types, body, target = '/v1/images/edits') => {
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', target, { key: value('listed'), headers: types.map((type) => ['Content-Type', type]), body }));
    const answer = await client.answer();
    client.close();
    return answer;
  };
  assert.equal((await once(['multipart/form-data; boundary=b'], form('gpt-4o'))).status, 200);
  assertError(chat, await once(['multipart/form-data; boundary=b'], form('o3')), 403, /o3/);
  assertError(chat, await once(['multipart/form-data; boundary=b'], form('gpt-4o').replace('--b--\r\n', form('o3'))), 400, /twice/);
  assertError(chat, await once(['multipart/form-data; boundary=b', 'application/json'], form('gpt-4o')), 400, /two Content-Types/);
  assertError(chat, await once(['application/json', 'application/x-www-form-urlencoded'], chat.request(false, { model: 'gpt-4o' }), '/v1/chat/completions'), 400, /two Content-Types/);
  assertError(chat, await once(['application/x-www-form-urlencoded'], chat.request(false, { model: 'gpt-4o' }), '/v1/chat/completions'), 400, /not of JSON/);
  assertError(chat, await once(['application/json'], JSON.stringify({ prompt: 'x' }), '/v1/images/generations'), 400, /names none/);
  const twice = await post(lurus, '/v1/chat/completions?model=gpt-4o&model=o3', chat.request(false, { model: 'gpt-4o' }), { key: value('listed') });
  assertError(chat, twice, 400, /query names a model twice/);
  assert.equal(up.requests.length, 1);
});

test('a limit of a model counts it under every name, and by what is sent', async () => {
  const { up } = context;
  up.always(json(chat.json));
  assert.equal((await ask(chat, null, 'rarely')).status, 200);
  assert.equal((await ask(chat, null, 'oai/RARE-1')).status, 200);
  for (const model of ['rare-1', 'second/rare-2', 'rarely', 'RARE-7'])
    assertError(chat, await ask(chat, null, model), 429, /2 requests a minute of model rare-\*/);
  assertError(chat, await ask(chat, null, 'common-1', { models: ['rare-1'] }), 429, /rare-\*/);
  const other = await ask(chat, null, 'rarely-else');
  assert.equal(other.status, 200, `${other.body}`);
  assert.equal(sent(), 'common-1');
});

test('a candidate that is asked later counts under its own limit', async () => {
  const { up, lurus } = context;
  const down = json(JSON.stringify({ error: { message: 'down' } }), { status: 503 });
  up.next(down, json(chat.json));
  const first = await ask(chat, null, 'then-late');
  assert.equal(first.status, 200, `${first.body}`);
  up.always(down);
  const again = await ask(chat, null, 'then-late');
  assert.equal(again.status, 503, `${again.body}`);
  assert.deepEqual((await lurus.row(again.trace)).attempts.map((one) => one.outcome), ['status_503', 'limited']);
  up.always(async (request, wire) => wire.reset());
  assertError(chat, await ask(chat, null, 'then-late'), 429, /1 requests a minute of model late-\*/);
});

test('the list of models shows none that its key may not use', async () => {
  const { lurus } = context;
  const ids = async (name) => jsonOf(await get(lurus, 'GET', '/v1/models', { key: name ? value(name) : KEY, headers: [['anthropic-version', '2023-06-01']] })).data.map((one) => one.id);
  const all = await ids(null);
  assert.ok(all.includes('hidden') && all.includes('mixed'), `${all}`);
  const some = await ids('noopus');
  assert.ok(!some.includes('hidden') && !some.includes('only-b') && some.includes('mixed'), `${some}`);
});

const free = gateway((up) => ({ providers: [providerFor(anthropic, 'a', up.url)], keys: [{ name: 'e2e', value: KEY }, key('slow', { rpm: 100, ips: ['127.0.0.0/8'] })] }));

test('without a rule on models every byte passes', async () => {
  const { up, lurus } = free;
  up.always(json(anthropic.json));
  for (const body of ['{"model":"a","model":"b","messages":[]}', '{"Model":"x","model":"b\\u200b","messages":[], "models":["c"]}']) {
    for (const credential of [KEY, value('slow')]) {
      const answer = await post(lurus, '/v1/messages', body, { key: credential, headers: anthropic.headers ?? [] });
      assert.equal(answer.status, 200, `${answer.body}`);
      assert.equal(up.last.body.toString(), body);
    }
  }
});
