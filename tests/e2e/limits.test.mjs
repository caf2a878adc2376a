// Rules and limits: who may come, how much of it, what the client is told, and that nothing stays taken.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS, OP, anthropic, chat, frame, gemini, json, responses, sse, websocketReply, FrameReader, headerOf } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { ask, connectRaw, header, jsonOf, post, requestBytes } from './lib/raw.mjs';
import { api } from './lib/people.mjs';
import { KEY, PATIENCE, configFor, httpGet, startLurus } from './lib/lurus.mjs';

const value = (name) => `cr_${name}_${'0'.repeat(24)}`;
const key = (name, more) => ({ name, value: value(name), ...more });
const context = gateway({
  server: { threads: 4, trusted_proxies: ['127.0.0.1', '10.0.0.0/8'] },
  keys: [
    { name: 'e2e', value: KEY },
    key('hundred', { rpm: 100 }),
    key('five', { concurrency: 5 }),
    key('two', { rpm: 2 }),
    key('tokens', { tpm: 30_000, itpm: 20_000, otpm: 6000 }),
    key('dripping', { rpm: 60, window: 'bucket' }),
    key('single', { concurrency: 1 }),
    key('socket', { rpm: 100, otpm: 1500, deny_models: ['gpt-4*'] }),
    key('here', { ips: ['192.0.2.0/24', '2001:db8::/32'] }),
    key('cli', { user_agents: ['claude-cli/*', '*codex*'] }),
    key('cheap', { deny_models: ['*opus*', 'gpt-5-pro'] }),
    key('models', { rpm: 50 }),
  ],
  limits: { model: [{ model: 'gpt-rare*', rpm: 3 }] },
});

const as = (name, more = []) => ({ key: value(name), headers: more });
const send = (dialect, name, { stream = false, headers = [], more = {} } = {}) =>
  post(context.lurus, dialect.target(stream), dialect.request(stream, more), { key: value(name), headers: [...(dialect.headers ?? []), ...headers] });

/// Counts what the upstream answers at once.
function counting(answer, ms) {
  const seen = { now: 0, most: 0, all: 0 };
  seen.reply = async (request, wire) => {
    seen.all += 1;
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    await wire.pause(ms());
    seen.now -= 1;
    await wire.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`);
  };
  return seen;
}

test('64 clients against 100 requests a minute: exactly 100 pass', async () => {
  const { up } = context;
  up.always(json(chat.json));
  const statuses = [];
  await Promise.all(Array.from({ length: 64 }, async () => {
    const client = await connectRaw(context.lurus);
    for (let i = 1; i <= 4; i += 1) {
      await client.write(requestBytes('POST', chat.target(false), { key: value('hundred'), body: chat.request(false) }));
      statuses.push((await client.answer(i)).status);
    }
    client.close();
  }));
  assert.equal(statuses.length, 256);
  assert.equal(statuses.filter((one) => one === 200).length, 100);
  assert.equal(statuses.filter((one) => one === 429).length, 156);
  assert.equal(up.requests.length, 100);
});

test('a concurrency of 5: never 6 upstream at once, and every place comes back', async () => {
  const { up } = context;
  const seen = counting(chat.json, () => 5 + Math.random() * 25);
  up.always(seen.reply);
  let passed = 0;
  await Promise.all(Array.from({ length: 40 }, async () => {
    for (let i = 0; i < 10; i += 1) {
      const answer = await send(chat, 'five');
      if (answer.status === 200) passed += 1;
      else assertError(chat, answer, 429, /5 requests at once of key five/);
    }
  }));
  assert.ok(seen.most <= 5, `${seen.most} at once`);
  assert.equal(seen.most, 5);
  assert.equal(seen.all, passed);
  const again = await Promise.all(Array.from({ length: 5 }, () => send(chat, 'five')));
  assert.deepEqual(again.map((one) => one.status), [200, 200, 200, 200, 200]);
});

test('a place comes back when the client leaves, the upstream breaks off, errs or cannot be reached', async () => {
  const { up, lurus } = context;
  const free = async (what) => {
    up.always(json(chat.json));
    const until = Date.now() + 3000 * PATIENCE;
    for (;;) {
      const answer = await send(chat, 'single');
      if (answer.status === 200) return;
      assert.equal(answer.status, 429, `${answer.body}`);
      if (Date.now() > until) assert.fail(`the place is not free after ${what}`);
      await sleep(20);
    }
  };
  up.always({ status: 200, headers: [['content-type', 'text/event-stream']], framing: 'chunked', pieces: [chat.events[0], chat.events[1], 60_000] });
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', chat.target(true), { key: value('single'), body: chat.request(true) }));
  await client.until(() => client.bodySoFar().length > 0, 'the first event');
  assert.equal((await send(chat, 'single')).status, 429);
  client.reset();
  await free('the client left');
  up.always({ status: 200, headers: [['content-type', 'text/event-stream']], framing: 'chunked', pieces: [chat.events[0], chat.events[1]], end: 'reset' });
  await send(chat, 'single', { stream: true });
  await free('a cut stream');
  up.always({ status: 500, body: 'no' });
  assert.equal((await send(chat, 'single')).status, 500);
  await free('an error');
  up.always(async (request, wire) => wire.reset());
  assert.equal((await send(chat, 'single')).status, 502);
  await free('a reset');
  up.always(sse(chat.events.join('')));
  assert.equal((await send(chat, 'single', { stream: true })).status, 200);
  assert.equal((await send(chat, 'single', { stream: true })).status, 200, 'a client that goes on at once finds its place free');
});

for (const dialect of DIALECTS) {
  test(`${dialect.name}: over a limit is 429 in the dialect's shape, with the limit's name and an honest retry-after`, async () => {
    const name = `two-${dialect.name}`;
    const { lurus, up } = context;
    const made = await lurus.cli(['key', 'create', '--name', name, '--rpm', '2', '--json']);
    assert.equal(made.code, 0, made.stderr);
    const own = JSON.parse(made.stdout);
    assert.equal(own.rpm, 2);
    up.always(json(dialect.json));
    const go = () => post(lurus, dialect.target(false), dialect.request(false), { key: own.key, headers: dialect.headers ?? [] });
    assert.equal((await go()).status, 200);
    assert.equal((await go()).status, 200);
    const refused = await go();
    assertError(dialect, refused, 429, new RegExp(`2 requests a minute of key ${name}`));
    const wait = Number(header(refused, 'retry-after'));
    assert.ok(Number.isInteger(wait) && wait >= 55 && wait <= 61, `retry-after: ${header(refused, 'retry-after')}`);
    const body = jsonOf(refused);
    if (dialect.name === 'anthropic') assert.equal(body.error.type, 'rate_limit_error');
    else if (dialect.name === 'gemini') {
      assert.equal(body.error.status, 'RESOURCE_EXHAUSTED');
      assert.equal(body.error.code, 429);
      const details = Object.fromEntries(body.error.details.map((one) => [one['@type'].split('.').pop(), one]));
      assert.equal(details.RetryInfo.retryDelay, `${wait}s`);
      assert.equal(details.QuotaFailure.violations[0].quotaId, 'key/requests');
    } else assert.equal(body.error.code, 'rate_limit_exceeded');
    assert.equal(up.requests.length, 2, 'the third did not reach the vendor');
    const row = await lurus.row(header(refused, 'x-lurus-trace-id'));
    assert.equal(row.status, 429);
  });
}

test("answers carry the dialect's own fields, also refused ones; the vendor's stay where a key has no limits", async () => {
  const { up } = context;
  const vendor = [['anthropic-ratelimit-requests-limit', '4000'], ['anthropic-ratelimit-unified-status', 'allowed'], ['x-ratelimit-remaining-tokens', '7']];
  up.always({ ...json(anthropic.json), headers: [['content-type', 'application/json'], ...vendor] });
  const plain = await post(context.lurus, anthropic.target(false), anthropic.request(false), { headers: anthropic.headers });
  for (const [name, text] of vendor) assert.equal(header(plain, name), text);

  const first = await send(anthropic, 'two');
  assert.equal(header(first, 'anthropic-ratelimit-requests-limit'), '2');
  assert.equal(header(first, 'anthropic-ratelimit-requests-remaining'), '1');
  const reset = header(first, 'anthropic-ratelimit-requests-reset');
  assert.match(reset, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const seconds = (Date.parse(reset) - Date.now()) / 1000;
  assert.ok(seconds > 55 && seconds < 63, reset);
  assert.equal(header(first, 'x-ratelimit-remaining-tokens'), undefined);
  assert.equal(header(first, 'anthropic-ratelimit-unified-status'), 'allowed', "a subscription's state is the vendor's to say");
  assert.equal(header(first, 'anthropic-ratelimit-tokens-limit'), undefined);
  up.always(json(chat.json));
  const second = await send(chat, 'two');
  assert.equal(header(second, 'x-ratelimit-limit-requests'), '2');
  assert.equal(header(second, 'x-ratelimit-remaining-requests'), '0');
  assert.match(header(second, 'x-ratelimit-reset-requests'), /^(1m\d(\.\d+)?s|5\d(\.\d+)?s)$/);
  const refused = await send(chat, 'two');
  assert.equal(refused.status, 429);
  assert.equal(header(refused, 'x-ratelimit-remaining-requests'), '0');
});

test('tokens are estimated at admission and corrected by what was used', async () => {
  const { up } = context;
  // 64 tokens are asked for, 37 come, and 4321 are read: input 21 + 4000 + 200 + 100.
  up.always(json(anthropic.json));
  const first = await send(anthropic, 'tokens');
  assert.equal(first.status, 200);
  const estimated = Number(header(first, 'anthropic-ratelimit-output-tokens-remaining'));
  assert.equal(estimated, 6000 - 64);
  const second = await send(anthropic, 'tokens', { more: { max_tokens: 100 } });
  assert.equal(Number(header(second, 'anthropic-ratelimit-output-tokens-remaining')), 6000 - 37 - 100);
  const input = 20_000 - Number(header(second, 'anthropic-ratelimit-input-tokens-remaining'));
  assert.ok(input > 4321 && input < 4321 + 100, `${input} input tokens`);
  assert.equal(header(second, 'anthropic-ratelimit-tokens-limit'), '30000');
  up.always(sse(anthropic.events.join('')));
  assert.equal((await send(anthropic, 'tokens', { stream: true })).status, 200);
  up.always(json(anthropic.json));
  const greedy = await send(anthropic, 'tokens', { more: { max_tokens: 5995 } });
  assertError(anthropic, greedy, 429, /6000 output tokens a minute of key tokens/);
  const long = await send(anthropic, 'tokens', { more: { system: 'x'.repeat(4 * 8000) } });
  assertError(anthropic, long, 429, /20000 input tokens a minute/);
  up.always(sse(anthropic.events.slice(0, 3).join('')));
  await send(anthropic, 'tokens', { stream: true, more: { max_tokens: 5000 } });
  up.always(json(anthropic.json));
  const after = await send(anthropic, 'tokens');
  assert.equal(after.status, 200);
  assert.equal(Number(header(after, 'anthropic-ratelimit-output-tokens-remaining')), 6000 - 3 * 37 - 1 - 64, 'of a cut stream counts what was seen');
});

test('an answer that failed used no tokens', async () => {
  const { up, lurus } = context;
  const made = JSON.parse((await lurus.cli(['key', 'create', '--name', 'failing', '--otpm', '100', '--json'])).stdout);
  up.always({ status: 400, headers: [['content-type', 'application/json']], body: anthropic.error });
  for (let i = 0; i < 4; i += 1) {
    const answer = await post(lurus, anthropic.target(false), anthropic.request(false), { key: made.key, headers: anthropic.headers });
    assert.equal(answer.status, 400);
  }
});

test('a bucket fills up again evenly', async () => {
  const { up } = context;
  up.always(json(chat.json));
  const burst = await Promise.all(Array.from({ length: 61 }, () => send(chat, 'dripping')));
  const passed = burst.filter((one) => one.status === 200).length;
  assert.ok(passed >= 60, `${passed}`);
  const refused = burst.find((one) => one.status === 429) ?? (await send(chat, 'dripping'));
  if (refused.status === 429) assert.ok(Number(header(refused, 'retry-after')) <= 2, header(refused, 'retry-after'));
  await sleep(2100);
  assert.equal((await send(chat, 'dripping')).status, 200);
});

test("a model's limit is shared by all keys", async () => {
  const { up } = context;
  up.always(json(chat.json));
  const rare = (name) => send(chat, name, { more: { model: name === 'models' ? 'gpt-rare-1' : 'gpt-rare-2' } });
  const statuses = [];
  for (const name of ['models', 'cheap', 'models', 'cheap']) statuses.push((await rare(name)).status);
  assert.deepEqual(statuses, [200, 200, 200, 429]);
  assertError(chat, await rare('models'), 429, /3 requests a minute of model gpt-rare\*/);
  assert.equal((await send(chat, 'models')).status, 200);
});

test('rules: address, client and model are 403 in the dialect, and nothing goes upstream', async () => {
  const { up, lurus } = context;
  up.always((request) => json(request.target.includes('messages') ? anthropic.json : request.target.includes('gem') ? gemini.json : chat.json));
  const from = (list) => [['X-Forwarded-For', list]];
  for (const dialect of [anthropic, chat, gemini]) {
    assertError(dialect, await send(dialect, 'here'), 403, /127\.0\.0\.1/);
    assertError(dialect, await send(dialect, 'cli', { headers: [['User-Agent', 'curl/8']] }), 403, /curl\/8/);
  }
  assertError(chat, await send(chat, 'here', { headers: from('192.0.2.9, 203.0.113.5') }), 403, /203\.0\.113\.5/);
  assertError(chat, await send(chat, 'here', { headers: from('192.0.2.9, nonsense') }), 403, /127\.0\.0\.1/);
  assertError(chat, await send(chat, 'cheap', { more: { model: 'gpt-5-pro' } }), 403, /gpt-5-pro/);
  assertError(anthropic, await send(anthropic, 'cheap', { more: { model: 'claude-opus-4-5' } }), 403, /claude-opus-4-5/);
  assert.equal((await ask(lurus, 'GET', '/v1/models', as('here'))).status, 403);
  assert.equal(up.requests.length, 0);

  assert.equal((await send(chat, 'here', { headers: from('203.0.113.5, 192.0.2.9') })).status, 200);
  assert.equal((await send(chat, 'here', { headers: from('192.0.2.9, 10.1.2.3') })).status, 200, 'a trusted hop is stepped over');
  assert.equal((await send(chat, 'here', { headers: from('[2001:db8::7]:4711') })).status, 200);
  assert.equal((await send(anthropic, 'cli', { headers: [['User-Agent', 'Claude-CLI/2.1 (external)']] })).status, 200);
  assert.equal((await send(chat, 'cheap')).status, 200);
});

test('without trusted proxies the socket counts, whatever a client says; addresses have limits of their own', async () => {
  const { up } = context;
  const lurus = await startLurus({ config: configFor(up, { keys: [{ name: 'e2e', value: KEY, ips: ['192.0.2.0/24'] }, key('free', {})] }) });
  try {
    up.always(json(chat.json));
    const answer = await post(lurus, chat.target(false), chat.request(false), { headers: [['X-Forwarded-For', '192.0.2.9']] });
    assertError(chat, answer, 403, /127\.0\.0\.1/);
    lurus.writeConfig(`${(await import('node:fs')).readFileSync(lurus.configFile, 'utf8')}\n[limits.ip]\nrpm = 4\n`);
    const until = Date.now() + 10_000 * PATIENCE;
    let refused;
    while (!refused && Date.now() < until) {
      const one = await post(lurus, chat.target(false), chat.request(false), { key: value('free') });
      if (one.status === 429) refused = one;
      else await sleep(50);
    }
    assertError(chat, refused, 429, /4 requests a minute of address 127\.0\.0\.1/);
  } finally {
    await lurus.close();
  }
});

test('a reload puts new limits in force and forgets nothing that was counted', async () => {
  const { up } = context;
  const config = (rpm) => configFor(up, { keys: [{ name: 'e2e', value: KEY, ...(rpm ? { rpm } : {}) }] });
  const lurus = await startLurus({ config: config(10) });
  const reload = async (rpm) => {
    const next = config(rpm);
    next.server.listen = lurus.config.server.listen;
    lurus.writeConfig(next);
    const token = (await import('node:fs')).readFileSync(`${lurus.dataDir}/admin.token`, 'utf8').trim();
    const answer = await httpGet(`${lurus.url}/api/v1/reload`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 200, `${answer.body}`);
  };
  const go = () => post(lurus, chat.target(false), chat.request(false));
  try {
    up.always(json(chat.json));
    for (let i = 0; i < 6; i += 1) assert.equal((await go()).status, 200);
    await reload(7);
    assert.equal((await go()).status, 200);
    assertError(chat, await go(), 429, /7 requests a minute/);
    await reload(8);
    assert.equal(header(await go(), 'x-ratelimit-remaining-requests'), '0');
    assert.equal((await go()).status, 429);
  } finally {
    await lurus.close();
  }
});

test('a budget stops what is over it, with the window\'s end, also after a restart', async () => {
  const { up } = context;
  const config = configFor(up, { keys: [{ name: 'e2e', value: KEY, budget: '0.05 USD/day' }, key('rich', { budget: '100 USD/total' })] });
  const lurus = await startLurus({ config });
  const answer = { ...JSON.parse(anthropic.json), usage: { input_tokens: 1000, output_tokens: 1000 } };  // 0.018 USD at Sonnet's price
  const go = (name) => post(lurus, anthropic.target(false), anthropic.request(false), { headers: anthropic.headers, ...(name ? { key: value(name) } : {}) });
  try {
    up.always(json(JSON.stringify(answer)));
    for (let i = 0; i < 3; i += 1) assert.equal((await go()).status, 200);
    const check = async () => {
      const refused = await go();
      assertError(anthropic, refused, 429, /budget of 0\.05 USD\/day of key e2e is used up until \d{4}-\d\d-\d\dT00:00:00Z/);
      const wait = Number(header(refused, 'retry-after'));
      const midnight = 86_400 - ((Date.now() / 1000) % 86_400);
      assert.ok(Math.abs(wait - midnight) < 5, `retry-after: ${wait}`);
      assert.equal(header(refused, 'x-should-retry'), 'false');
      assert.equal((await go('rich')).status, 200);
    };
    await check();
    assert.equal((await lurus.stop()).code, 0);
    await lurus.start();
    await check();
    const openai = await post(lurus, chat.target(false), chat.request(false));
    assert.equal(openai.status, 429);
    assert.equal(jsonOf(openai).error.code, 'insufficient_quota');
  } finally {
    await lurus.close();
  }
});

test('requests at once cannot overspend a budget by more than the last one', async () => {
  const { up } = context;
  const config = configFor(up, { server: { threads: 4 }, keys: [{ name: 'e2e', value: KEY, budget: '0.1 USD/total' }] });
  const lurus = await startLurus({ config });
  const usage = { input_tokens: 100, output_tokens: 1000 };  // 0.0153 USD, which max_tokens foretells
  const seen = counting(JSON.stringify({ ...JSON.parse(anthropic.json), usage }), () => 100);
  try {
    up.always(seen.reply);
    const all = await Promise.all(Array.from({ length: 50 }, () =>
      post(lurus, anthropic.target(false), anthropic.request(false, { max_tokens: 1000 }), { headers: anthropic.headers })));
    const passed = all.filter((one) => one.status === 200).length;
    assert.equal(passed, 7, 'each holds 0.015 USD and a little for what it reads');
    for (const one of all) if (one.status !== 200) assertError(anthropic, one, 429, /budget of 0\.10 USD\/total of key e2e is (held|used up)/);
  } finally {
    await lurus.close();
  }
});

test('a WebSocket: its turns are counted, and one that is over a limit or denied does not reach the vendor', async () => {
  const { up, lurus } = context;
  const usage = { input_tokens: 10, output_tokens: 700, total_tokens: 710 };
  const completed = JSON.stringify({ type: 'response.completed', response: { ...JSON.parse(responses.json), usage } });
  const open = async () => {
    up.next(websocketReply((one, reply) => { if (one.opcode === OP.text) reply(frame(OP.text, completed)); }));
    const client = await connectRaw(lurus);
    const frames = [];
    const reader = new FrameReader((one) => frames.push(one));
    await client.write(`GET /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${value('socket')}\r\n\r\n`);
    await client.until(() => client.answers.length === 1 || client.ended, 'the answer to the upgrade');
    client.answers[0].onData = (bytes) => reader.feed(bytes);
    const turn = (model) => client.write(frame(OP.text, JSON.stringify({ type: 'response.create', model, input: 'hi', max_output_tokens: 600 }), { mask: true }));
    return { client, frames, turn, get seen() { return up.last; } };
  };
  const first = await open();
  await first.turn('gpt-5-mini');
  await first.client.until(() => first.frames.length === 1, 'the first answer');
  await first.turn('gpt-5-mini');
  await first.client.until(() => first.frames.length === 2, 'the second answer');
  await first.turn('gpt-5-mini');  // 1400 of 1500 are used
  await first.client.until(() => first.frames.some((one) => one.opcode === OP.close), 'the close');
  const refusal = JSON.parse(first.frames[2].payload.toString());
  assert.equal(refusal.type, 'error');
  assert.equal(refusal.status, 429);
  assert.match(refusal.error.message, /1500 output tokens a minute of key socket/);
  assert.equal(first.frames[3].payload.readUInt16BE(0), 1013);
  assert.equal(first.seen.frames.filter((one) => one.opcode === OP.text).length, 2);
  const second = await open();
  await second.turn('gpt-4o');
  await second.client.until(() => second.frames.some((one) => one.opcode === OP.close), 'the close');
  assert.match(JSON.parse(second.frames[0].payload.toString()).error.message, /gpt-4o/);
  assert.equal(second.frames[1].payload.readUInt16BE(0), 1008);
  for (const each of [first, second]) each.client.close();
});

test('lurus key edit changes the rules of a stored key at once, and shows them', async () => {
  const { up, lurus } = context;
  up.always(json(chat.json));
  const made = JSON.parse((await lurus.cli(['key', 'create', '--name', 'edited', '--rpm', '1', '--deny-model', 'gpt-4*', '--json'])).stdout);
  const go = (model) => post(lurus, chat.target(false), chat.request(false, model ? { model } : {}), { key: made.key });
  assert.equal((await go()).status, 200);
  assert.equal((await go()).status, 429);
  assert.equal((await go('gpt-4o')).status, 403);
  const edited = await lurus.cli(['key', 'edit', 'edited', '--rpm', '0', '--deny-model', 'none', '--concurrency', '3', '--budget', '2.5 USD/week', '--json']);
  assert.equal(edited.code, 0, edited.stderr);
  const shown = JSON.parse(edited.stdout);
  assert.equal(shown.rpm, null);
  assert.equal(shown.concurrency, 3);
  assert.equal(shown.budget, '2.50 USD/week');
  assert.deepEqual(shown.deny_models, []);
  assert.equal((await go()).status, 200);
  assert.equal((await go('gpt-4o')).status, 200);
  const wrong = await lurus.cli(['key', 'edit', 'edited', '--ip', '10.0.0.1/8']);
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /10\.0\.0\.1\/8/);
});

test('a user, a team and an organisation have limits of their own, which name them and can be undone', async () => {
  const { up, lurus } = context;
  up.always(json(chat.json));
  const run = async (...args) => {
    const done = await lurus.cli([...args, '--json']);
    assert.equal(done.code, 0, done.stderr);
    return done.stdout ? JSON.parse(done.stdout) : null;
  };
  await run('user', 'add', 'limited@example.com');
  await run('team', 'create', 'red');
  const make = (name, ...more) => run('key', 'create', '--name', name, ...more);
  const keys = {
    user: [await make('limited-1', '--user', 'limited@example.com'), await make('limited-2', '--user', 'limited@example.com')],
    team: [await make('red-1', '--team', 'red'), await make('red-2', '--team', 'red')],
  };
  const go = (made) => post(lurus, chat.target(false), chat.request(false), { key: made.key });
  const target = { user: 'limited@example.com', team: 'red' };
  for (const kind of ['user', 'team']) {
    const [one, two] = keys[kind];
    assert.equal((await run(kind, 'edit', target[kind], '--rpm', '3')).rpm, 3);
    assert.deepEqual([(await go(one)).status, (await go(two)).status, (await go(one)).status], [200, 200, 200]);
    const refused = await go(two);
    assert.equal(refused.status, 429);
    assert.match(jsonOf(refused).error.message, new RegExp(`3 requests a minute of ${kind} `));
    assert.equal((await run(kind, 'edit', target[kind], '--rpm', '0', '--concurrency', '9')).rpm, null);
    assert.equal((await go(two)).status, 200);
  }
  const org = await run('org', 'edit', 'default', '--rpm', '1');
  assert.equal(org.rpm, 1);
  const spent = await go(keys.team[0]); // what was asked before the limit was there counts for nothing
  assert.equal(spent.status, 200);
  const refused = await go(keys.team[0]);
  assert.equal(refused.status, 429);
  assert.match(jsonOf(refused).error.message, /1 requests? a minute of org /);
  const admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  const undone = await api(lurus, 'POST', `/api/v1/orgs/${org.id}/undo`, { token: admin });
  assert.equal(undone.status, 200, JSON.stringify(undone.body));
  assert.equal(undone.body.rpm, null);
  assert.equal((await go(keys.team[0])).status, 200);
  assert.match((await lurus.cli(['team', 'list'])).stdout, /red .*9 concurrency/);
  for (const kind of ['user', 'team']) await run(kind, 'edit', target[kind], '--concurrency', '0');
});

test('the metrics say which limits refused', async () => {
  const { lurus } = context;
  const text = (await httpGet(`${lurus.url}/metrics`)).body.toString();
  for (const limit of ['requests', 'concurrency', 'output_tokens', 'input_tokens']) {
    assert.match(text, new RegExp(`gateway_limited_total\\{subject="key",limit="${limit}"\\} \\d+`));
  }
  assert.match(text, /gateway_limited_total\{subject="model",limit="requests"\} \d+/);
});
