// What `lurus logs --json` says of a request, that it survives, and the trace id.
import test from 'node:test';
import assert from 'node:assert/strict';
import { anthropic, chat, json, sse, streamOf, headerOf } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { post } from './lib/raw.mjs';

const context = gateway({ routes: [{ model: 'aliased', to: ['ant/claude-sonnet-4-5'] }] });

const FIELDS = ['trace_id', 'time', 'dialect', 'upstream_dialect', 'model', 'upstream_model', 'provider', 'account', 'key', 'client', 'session', 'stream', 'status',
  'end', 'ttfb_us', 'duration_us', 'attempts', 'usage', 'usage_raw', 'cost_nano_usd'];

test('a row has every agreed field, with the right values', async () => {
  const { up, lurus } = context;
  up.next(sse(streamOf(anthropic), { headDelay: 60 }));
  const before = Date.now();
  const answer = await post(lurus, '/v1/messages', anthropic.request(true, { model: 'aliased' }), {
    headers: [['User-Agent', 'claude-cli/2.1.329 (external, cli)'], ['X-Claude-Code-Session-Id', '5f0c0c6e-session']] });
  const row = await lurus.row(answer.trace);
  for (const field of FIELDS) assert.ok(field in row, `no ${field}`);
  assert.match(row.trace_id, /^[0-9a-f]{32}$/);
  assert.ok(Math.abs(Date.parse(row.time) - before) < 5000, `time ${row.time}`);
  assert.deepEqual({ ...row, trace_id: 0, time: 0, ttfb_us: 0, duration_us: 0, attempts: 0, usage_raw: 0, cost_nano_usd: 0, usage: 0, account: 0 }, { ...row,
    trace_id: 0, time: 0, ttfb_us: 0, duration_us: 0, attempts: 0, usage_raw: 0, cost_nano_usd: 0, usage: 0, account: 0,
    dialect: 'anthropic', upstream_dialect: 'anthropic', model: 'aliased', upstream_model: 'claude-sonnet-4-5', provider: 'ant', key: 'e2e',
    client: 'claude-cli/2.1.329 (external, cli)', session: '5f0c0c6e-session', stream: true, status: 200, end: 'complete' });
  assert.deepEqual(Object.keys(row.usage).slice(0, 6), ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning']);
  assert.ok(row.ttfb_us >= 50_000 && row.ttfb_us <= row.duration_us, `${row.ttfb_us} of ${row.duration_us}`);
  assert.equal(row.attempts.length, 1);
  assert.equal(row.attempts[0].provider, 'ant');
  assert.equal(row.attempts[0].outcome, 'ok');
  const raw = typeof row.usage_raw === 'string' ? JSON.parse(row.usage_raw) : row.usage_raw;
  assert.equal(raw.cache_read_input_tokens, 4000);
  assert.equal(raw.output_tokens, 37);
  assert.ok(Number.isInteger(row.cost_nano_usd) && row.cost_nano_usd > 0);
});

test('cost is the sum of the classes at the known prices', async () => {
  const { up, lurus } = context;
  up.next(json(anthropic.json));
  const answer = await post(lurus, '/v1/messages', anthropic.request(false));
  const row = await lurus.row(answer.trace);
  // Sonnet 4.5, USD per million: 3 in, 0.30 read, 3.75 and 6 written, 15 out.
  assert.equal(row.cost_nano_usd, 21 * 3000 + 4000 * 300 + 200 * 3750 + 100 * 6000 + 37 * 15000);
});

test('a model without a price is unpriced, not free', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false, { model: 'no-price-model-xyz' }));
  assert.equal((await lurus.row(answer.trace)).cost_nano_usd, null);
});

test('newest first, and --limit holds', async () => {
  const { up, lurus } = context;
  up.always(json(anthropic.json));
  const traces = [];
  for (let n = 0; n < 5; n++) traces.unshift((await post(lurus, '/v1/messages', anthropic.request(false))).trace);
  assert.deepEqual((await lurus.logs(5)).map((row) => row.trace_id), traces);
  assert.equal((await lurus.logs(3)).length, 3);
  assert.equal((await lurus.logs(1))[0].trace_id, traces[0]);
});

test('filters: by model, key, provider, end', async () => {
  const { up, lurus } = context;
  up.next(json(anthropic.json), json(chat.error, { status: 429 }));
  await post(lurus, '/v1/messages', anthropic.request(false, { model: 'filter-me' }));
  await post(lurus, '/v1/chat/completions', chat.request(false, { model: 'filter-me-too' }));
  assert.equal((await lurus.logs(10, ['--model', 'filter-me'])).length, 1);
  assert.ok((await lurus.logs(10, ['--provider', 'oai'])).every((row) => row.provider === 'oai'));
  assert.ok((await lurus.logs(10, ['--key', 'e2e'])).length > 0);
  assert.equal((await lurus.logs(10, ['--key', 'nobody'])).length, 0);
});

test('an incoming traceparent is honoured and passed on', async () => {
  const { up, lurus } = context;
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  up.next(json(anthropic.json));
  const answer = await post(lurus, '/v1/messages', anthropic.request(false), { headers: [['traceparent', `00-${trace}-00f067aa0ba902b7-01`], ['tracestate', 'vendor=1']] });
  assert.equal(answer.trace, trace);
  assert.match(headerOf(up.last.headers, 'traceparent'), new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  assert.equal(headerOf(up.last.headers, 'tracestate'), 'vendor=1');
  assert.equal((await lurus.row(trace)).trace_id, trace);
});

test('a malformed traceparent is not honoured', async () => {
  const { up, lurus } = context;
  up.always(json(anthropic.json));
  for (const bad of ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', 'garbage', '00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01', 'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01']) {
    const answer = await post(lurus, '/v1/messages', anthropic.request(false), { headers: [['traceparent', bad]] });
    assert.equal(answer.status, 200);
    assert.match(answer.trace, /^[0-9a-f]{32}$/);
    assert.ok(!bad.includes(answer.trace));
  }
});

test('every answer has a trace id, errors too, and the error text repeats it', async () => {
  const { lurus } = context;
  for (const options of [{ key: 'cr_wrong' }, {}]) {
    const answer = await post(lurus, '/v1/messages', '{"bad json', options);
    assert.match(answer.trace, /^[0-9a-f]{32}$/);
    assert.ok(answer.body.includes(answer.trace));
  }
});

test('`lurus trace ID` explains one request; `usage` adds them up', async () => {
  const { up, lurus } = context;
  up.next(json(anthropic.json));
  const answer = await post(lurus, '/v1/messages', anthropic.request(false));
  const trace = await lurus.cli(['trace', answer.trace]);
  assert.equal(trace.code, 0, trace.stderr);
  for (const wanted of ['ant', 'claude-sonnet-4-5', answer.trace]) assert.ok(trace.stdout.includes(wanted), wanted);
  const unknown = await lurus.cli(['trace', '0'.repeat(31) + '1']);
  assert.notEqual(unknown.code, 0);
  for (const by of ['model', 'provider', 'key', 'user', 'day']) {
    const usage = await lurus.cli(['usage', '--by', by, '--json']);
    assert.equal(usage.code, 0, `${by}: ${usage.stderr}`);
    assert.match(usage.stdout, /cost|requests/);
  }
});

test('rows outlive the server: readable when it is down, there when it is back', async () => {
  const { up, lurus } = context;
  up.next(json(anthropic.json));
  const answer = await post(lurus, '/v1/messages', anthropic.request(false));
  const all = await lurus.logs(1000);
  assert.equal((await lurus.stop()).code, 0);
  assert.deepEqual(await lurus.logs(1000), all);
  await lurus.start();
  assert.deepEqual(await lurus.logs(1000), all);
  assert.ok(all.some((row) => row.trace_id === answer.trace));
});

test('log.enabled = false keeps no rows and still relays', async () => {
  const { configFor, startLurus } = await import('./lib/lurus.mjs');
  const { up } = context;
  const silent = await startLurus({ config: configFor(up, { log: { enabled: false } }) });
  try {
    up.next(json(anthropic.json));
    const answer = await post(silent, '/v1/messages', anthropic.request(false));
    assert.equal(answer.body.toString(), anthropic.json);
    assert.deepEqual(await silent.logs(10), []);
  } finally {
    await silent.close();
  }
});
