// /health, /ready, /metrics, the management API's document, and how much of them needs no key.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { anthropic, chat, json, sse, streamOf } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { post } from './lib/raw.mjs';
import { KEY, configFor, freePort, httpGet, startLurus } from './lib/lurus.mjs';
import { login, users } from './lib/people.mjs';

const context = gateway();

const samplesOf = (text) => {
  const samples = new Map();
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(\{[^}]*\})? (\S+)$/.exec(line);
    if (match) samples.set(match[1] + (match[2] ?? ''), Number(match[3]));
  }
  return samples;
};

const matching = (samples, name, labels) => [...samples].filter(([key]) => key.startsWith(`${name}{`) && Object.entries(labels).every(([label, value]) => key.includes(`${label}="${value}"`)));

test('/health says healthy and what it knows', async () => {
  const answer = await httpGet(`${context.lurus.url}/health`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^application\/json/);
  assert.equal(JSON.parse(answer.body).status, 'healthy');
});

test('/ready is 200, with GET and HEAD, keeps the connection', async () => {
  for (const method of ['GET', 'HEAD']) {
    const answer = await httpGet(`${context.lurus.url}/ready`, { method });
    assert.equal(answer.status, 200);
    if (method === 'HEAD') assert.equal(answer.body.length, 0);
  }
});

test('/metrics counts requests, tokens, cost and latency under the agreed names', async () => {
  const { up, lurus } = context;
  up.next(json(anthropic.json), sse(streamOf(anthropic)), json(chat.error, { status: 429 }));
  await post(lurus, '/v1/messages', anthropic.request(false));
  await post(lurus, '/v1/messages', anthropic.request(true));
  await post(lurus, '/v1/chat/completions', chat.request(false));
  const answer = await httpGet(`${lurus.url}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^text\/plain/);
  const text = answer.body.toString();
  const samples = samplesOf(text);
  const sum = (name, labels) => matching(samples, name, labels).reduce((total, [, value]) => total + value, 0);
  assert.equal(sum('gateway_requests_total', { platform: 'anthropic', provider: 'ant', model: 'claude-sonnet-4-5', status: '200' }), 2);
  assert.equal(sum('gateway_requests_total', { provider: 'oai', model: 'gpt-5-mini', status: '429' }), 1);
  for (const stream of ['true', 'false']) {
    assert.equal(sum('gateway_request_latency_seconds_count', { platform: 'anthropic', provider: 'ant', is_stream: stream }), 1, stream);
  }
  assert.ok(matching(samples, 'gateway_request_latency_seconds_bucket', { provider: 'ant', le: '+Inf' }).length > 0);
  assert.ok(sum('gateway_tokens_total', { platform: 'anthropic', provider: 'ant', direction: 'output' }) === 74);
  assert.ok(sum('gateway_tokens_total', { platform: 'anthropic', provider: 'ant', direction: 'input' }) > 0);
  assert.ok(sum('gateway_cost_usd_total', { platform: 'anthropic', provider: 'ant', model: 'claude-sonnet-4-5' }) > 0);
  for (const name of ['gateway_requests_total', 'gateway_request_latency_seconds', 'gateway_tokens_total', 'gateway_cost_usd_total']) {
    assert.match(text, new RegExp(`^# HELP ${name} .+$`, 'm'));
    assert.match(text, new RegExp(`^# TYPE ${name} (counter|histogram)$`, 'm'));
  }
  for (const line of text.split('\n')) assert.match(line, /^(#.*|[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? \S+|)$/);
});

test('there is one shard for each processor that the process may use', async () => {
  const [, processor] = /^Cpus_allowed_list:\s*(\d+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'));
  const lurus = await startLurus({ through: ['taskset', '-c', processor], config: configFor(context.up, { server: { threads: 0 } }) });
  try {
    assert.equal(samplesOf((await httpGet(`${lurus.url}/metrics`)).body.toString()).get('gateway_shards'), 1);
  } finally {
    await lurus.close();
  }
});

test('label values from outside are escaped and cannot grow without bound', async () => {
  const { up, lurus } = context;
  up.always(json(chat.error, { status: 404 }));
  for (let n = 0; n < 5; n++) await post(lurus, '/v1/chat/completions', chat.request(false, { model: `odd"\\\n${n}` }));
  const text = (await httpGet(`${lurus.url}/metrics`)).body.toString();
  for (const line of text.split('\n')) assert.match(line, /^(#.*|[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? \S+|)$/);
});

test('the OpenAPI document is served', async () => {
  const { lurus } = context;
  const open = await httpGet(`${lurus.url}/api/v1/openapi.json`);
  assert.ok([200, 401].includes(open.status));
  if (open.status === 200) {
    const document = JSON.parse(open.body);
    assert.match(document.openapi, /^3\.1/);
    for (const path of ['/api/v1/keys', '/api/v1/providers', '/api/v1/logs', '/api/v1/usage']) assert.ok(document.paths[path], path);
  }
});

test('secrets are in no answer of the open endpoints', async () => {
  const { lurus } = context;
  for (const path of ['/health', '/ready', '/metrics']) {
    const text = (await httpGet(lurus.url + path)).body.toString();
    assert.ok(!/sk-upstream|cr_e2e/.test(text), path);
  }
});

test('/metrics: open on this machine, a key or the admin token from elsewhere; `metrics` says otherwise', async () => {
  const cases = [
    // where it listens, what the setting says, then the answers without, with a gateway key, with the admin token, with a wrong key
    ['127.0.0.1:0', undefined, [200, 200, 200, 200]],
    ['0.0.0.0:0', undefined, [401, 200, 200, 401]],
    ['127.0.0.1:0', 'key', [401, 200, 200, 401]],
    ['0.0.0.0:0', 'open', [200, 200, 200, 200]],
    ['127.0.0.1:0', 'off', [404, 404, 404, 404]],
    ['0.0.0.0:0', 'off', [404, 404, 404, 404]],
  ];
  for (const [where, metrics, wanted] of cases) {
    const port = await freePort();
    const config = configFor({ url: 'http://127.0.0.1:1' }, { server: { listen: where.replace(':0', `:${port}`), ...(metrics ? { metrics } : {}) } });
    const lurus = await startLurus({ config, url: `http://127.0.0.1:${port}` });
    try {
      const token = fs.readFileSync(`${lurus.dataDir}/admin.token`, 'utf8').trim();
      const what = `${where} ${metrics}`;
      for (const [i, bearer] of [undefined, KEY, token, 'cr_of_nobody'].entries()) {
        const answer = await httpGet(`${lurus.url}/metrics`, { headers: bearer ? { authorization: `Bearer ${bearer}` } : {} });
        assert.equal(answer.status, wanted[i], `${what} ${i}`);
        if (wanted[i] === 200) assert.match(answer.body.toString(), /^gateway_shards /m, what);
        else assert.ok(!answer.body.toString().includes('gateway_shards'), what);
        if (wanted[i] === 401) assert.match(answer.headers['www-authenticate'], /^Bearer/);
      }
      assert.equal((await httpGet(`${lurus.url}/health`)).status, 200, 'health is for everybody');
      const check = await lurus.cli(['config', 'check']);
      assert.equal(/reads \/metrics/.test(check.stdout + check.stderr), where.startsWith('0.') && metrics === 'open', check.stdout + check.stderr);
    } finally {
      await lurus.close();
    }
  }
});

test('/metrics with a key: one that is disabled, and a member who is signed in, read nothing', async () => {
  const { user, env } = users([{ email: 'member@example.com', role: 'member' }]);
  const port = await freePort();
  const config = { ...configFor({ url: 'http://127.0.0.1:1' }, { server: { listen: `127.0.0.1:${port}`, metrics: 'key' }, keys: [{ name: 'off', value: KEY, disabled: true }] }), user };
  const lurus = await startLurus({ config, env, url: `http://127.0.0.1:${port}` });
  try {
    assert.equal((await httpGet(`${lurus.url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })).status, 401);
    const { body } = await login(lurus, 'member@example.com');
    assert.equal((await httpGet(`${lurus.url}/metrics`, { headers: { authorization: `Bearer ${body.access_token}` } })).status, 401);
  } finally {
    await lurus.close();
  }
});
