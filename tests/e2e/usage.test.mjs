// What is used is booked also where the vendor does not say it unasked, or nobody is left to hear it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, chat, gemini, json, responses, sse, usageMismatch } from '../upstream/index.mjs';
import { assertError, gateway, providerFor } from './lib/suite.mjs';
import { connectRaw, header, jsonOf, post, requestBytes } from './lib/raw.mjs';

const value = (name) => `cr_${name}_${'0'.repeat(24)}`;
const context = gateway((up) => ({
  keys: [
    { name: 'e2e', value: 'cr_e2e_0123456789abcdef0123456789abcdef' },
    { name: 'two', value: value('two'), budget: '0.0002 USD/total' },
    { name: 'leaver', value: value('leaver'), budget: '0.03 USD/total' },
    { name: 'meter', value: value('meter'), otpm: 100_000, itpm: 100_000 },
  ],
  providers: [
    providerFor(anthropic, 'ant', up.url),
    providerFor(gemini, 'gem', up.url),
    providerFor(chat, 'old', up.url, { models: ['old-*'] }),
    providerFor(chat, 'never', up.url, { models: ['never-*'], ask_usage: false }),
    { name: 'mis', kind: 'mistral', base_url: `${up.url}/v1`, api_key: 'sk-mis', models: ['mistral-*'] },
    providerFor(chat, 'oai', up.url),
  ],
}));

const unasked = (more) => chat.request(true, { stream_options: undefined, ...more });
const isUsage = (event) => event.includes('"choices":[]') && event.includes('"usage":{');
const shown = chat.events.filter((event) => !isUsage(event)).join('');
/// As a vendor does it: the usage comes to who asked.
const vendor = (request) => sse(chat.events.filter((event) => !isUsage(event) || JSON.parse(request.body).stream_options?.include_usage === true).join(''));
const rowOf = (answer) => context.lurus.row(header(answer, 'x-lurus-trace-id'), { patience: 4000 });

test('a chat stream that did not ask: the vendor is asked, the client sees nothing of it, and the usage is booked', async () => {
  const { up, lurus } = context;
  for (const options of [undefined, null, {}, { include_usage: false }, { include_obfuscation: false }]) {
    up.next(vendor);
    const body = { ...unasked(), ...(options === undefined ? {} : { stream_options: options }) };
    const answer = await post(lurus, chat.target(true), body);
    assert.equal(answer.body.toString(), shown, JSON.stringify(options));
    assert.deepEqual(JSON.parse(up.last.body).stream_options, { ...options, include_usage: true });
    assert.deepEqual({ ...JSON.parse(up.last.body), stream_options: 0 }, { ...JSON.parse(JSON.stringify(body)), stream_options: 0 });
    const row = await rowOf(answer);
    assert.deepEqual(usageMismatch(row.usage, chat.usage), {});
    assert.equal(row.usage.estimated, undefined);
    assert.ok(row.cost_nano_usd > 0, JSON.stringify(row));
    assert.equal(row.bytes_out, Buffer.byteLength(shown));
  }
});

test('a client that asked gets it, byte for byte, and nothing is changed on the way up', async () => {
  const { up, lurus } = context;
  up.next(vendor);
  const body = JSON.stringify(chat.request(true));
  const answer = await post(lurus, chat.target(true), body);
  assert.equal(answer.body.toString(), chat.events.join(''));
  assert.equal(up.last.body.toString(), body);
});

test('whatever pieces it comes in', async () => {
  const { up, lurus } = context;
  for (const split of [1, 7, 64, 333]) {
    up.next((request) => ({ ...vendor(request), split }));
    assert.equal((await post(lurus, chat.target(true), unasked())).body.toString(), shown, `pieces of ${split}`);
    up.next((request) => ({ ...vendor(request), framing: 'length' }));
    assert.equal((await post(lurus, chat.target(true), unasked())).body.toString(), shown);
  }
});

test('the old completions are asked too', async () => {
  const { up, lurus } = context;
  const piece = (more) => `data: ${JSON.stringify({ id: 'cmpl-1', object: 'text_completion', model: 'gpt-3.5-turbo-instruct', ...more })}\n\n`;
  const text = piece({ choices: [{ index: 0, text: 'hello', finish_reason: null }] }) + piece({ choices: [{ index: 0, text: '', finish_reason: 'stop' }] });
  up.next(sse(`${text}${piece({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 } })}data: [DONE]\n\n`));
  const answer = await post(lurus, '/v1/completions', { model: 'gpt-3.5-turbo-instruct', prompt: 'hi', stream: true });
  assert.equal(answer.body.toString(), `${text}data: [DONE]\n\n`);
  assert.equal(JSON.parse(up.last.body).stream_options.include_usage, true);
  assert.deepEqual(usageMismatch((await rowOf(answer)).usage, { input: 5, output: 1 }), {});
});

test('a vendor that does not take the question is not asked again; others can be left alone', async () => {
  const { up, lurus } = context;
  const refusal = JSON.stringify({ error: { message: "Unrecognized request argument supplied: stream_options", type: 'invalid_request_error', param: null, code: null } });
  up.always((request) => (JSON.parse(request.body).stream_options ? { status: 400, headers: [['Content-Type', 'application/json']], body: refusal } : vendor(request)));
  for (const asked of [2, 1]) {
    const before = up.requests.length;
    const answer = await post(lurus, chat.target(true), unasked({ model: 'old-1' }));
    assert.equal(answer.status, 200, `${answer.body}`);
    assert.equal(answer.body.toString(), shown);
    // Each thread finds out for itself.
    assert.ok(up.requests.length - before <= asked || asked === 1);
    const row = await rowOf(answer);
    assert.equal(row.usage.estimated, true);
    assert.ok(row.usage.output >= 6 && row.usage.output < 20, JSON.stringify(row.usage));
  }
  const explicit = await post(lurus, chat.target(true), chat.request(true, { model: 'old-1' }));
  assert.equal(explicit.status, 400, 'what the client itself asks for is for the vendor to refuse');
  assert.equal(explicit.body.toString(), refusal);
  up.always({ status: 400, headers: [['Content-Type', 'application/json']], body: chat.error });
  const other = await post(lurus, chat.target(true), unasked());
  assert.equal(other.status, 400);
  assert.equal(other.body.toString(), chat.error);
  up.clear().always(vendor);
  for (const model of ['never-1', 'mistral-large-latest']) {
    const answer = await post(lurus, chat.target(true), unasked({ model }));
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(up.last.body).stream_options, undefined, model);
  }
});

test('six streams that did not ask, against a budget that allows two', async () => {
  const { up, lurus } = context;
  up.always(vendor);
  const statuses = [];
  for (let i = 0; i < 6; i += 1) statuses.push((await post(lurus, chat.target(true), unasked({ max_tokens: 10 }), { key: value('two') })).status);
  assert.deepEqual(statuses, [200, 200, 429, 429, 429, 429]);
});

for (const dialect of [anthropic, chat, responses, gemini]) {
  test(`${dialect.name}: clients that leave inside the stream are booked`, async () => {
    const { up, lurus } = context;
    const begun = dialect.events.slice(0, dialect.firstSemantic + 5).join('');
    up.always(sse('', { pieces: [begun, 60_000], end: 'hang', lastChunk: false }));
    const traces = [];
    for (let i = 0; i < 3; i += 1) {
      const client = await connectRaw(lurus);
      await client.write(requestBytes('POST', dialect.target(true), { body: dialect.request(true), headers: dialect.headers }));
      await client.until(() => client.bodySoFar().length >= begun.length, 'the first events');
      traces.push(header(client.answers[0], 'x-lurus-trace-id'));
      client[i % 2 ? 'close' : 'reset']();
    }
    for (const trace of traces) {
      const row = await lurus.row(trace, { patience: 4000 });
      assert.equal(row.end, 'client_gone');
      assert.equal(row.usage.estimated, true, JSON.stringify(row));
      assert.ok(row.usage.input > 0 && row.usage.output >= 3 && row.usage.output <= 43, JSON.stringify(row.usage));
      assert.ok(row.cost_nano_usd > 0, JSON.stringify(row));
      if (dialect === anthropic) assert.deepEqual(usageMismatch(row.usage, { input: 21, cache_read: 4000, cache_write_5m: 200, cache_write_1h: 100 }), {});
      if (dialect === gemini) assert.deepEqual(usageMismatch(row.usage, { input: 20, cache_read: 50 }), {});
    }
  });
}

test('twelve clients that leave before the usage do not pass a budget', async () => {
  const { up, lurus } = context;
  const long = anthropic.events.slice(0, 2).join('') + anthropic.events[3].replace('Grüße', 'word '.repeat(1000));
  up.always(sse('', { pieces: [long, 60_000], end: 'hang', lastChunk: false }));
  const statuses = [];
  for (let i = 0; i < 12; i += 1) {
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', anthropic.target(true), { key: value('leaver'), body: anthropic.request(true, { max_tokens: 2000 }), headers: anthropic.headers }));
    await client.until(() => client.answers.length > 0 && client.bodySoFar().length > 100, 'an answer');
    statuses.push(client.answers[0].status);
    const trace = header(client.answers[0], 'x-lurus-trace-id');
    client.close();
    await lurus.row(trace, { patience: 4000 });
  }
  // 1250 tokens of output at 15 USD a million and what was read are 0.021 USD.
  assert.deepEqual(statuses, [200, 200, ...Array(10).fill(429)]);
});

test('a stream that the vendor cuts, and answers that never say what they used', async () => {
  const { up, lurus } = context;
  up.next({ ...sse(''), pieces: [anthropic.events.slice(0, 6).join('')], end: 'reset', lastChunk: false });
  let row = await rowOf(await post(lurus, anthropic.target(true), anthropic.request(true)));
  assert.equal(row.end, 'upstream_cut');
  assert.deepEqual(usageMismatch(row.usage, { input: 21, estimated: true }), {});
  assert.ok(row.usage.output >= 3, JSON.stringify(row.usage));

  const silent = { ...JSON.parse(chat.json), usage: undefined };
  up.next(json(JSON.stringify(silent)));
  row = await rowOf(await post(lurus, chat.target(false), chat.request(false)));
  assert.equal(row.end, 'complete');
  assert.equal(row.usage.estimated, true);
  assert.ok(row.usage.input > 0 && row.usage.output > 5, JSON.stringify(row.usage));
});

test('what failed used nothing', async () => {
  const { up, lurus } = context;
  for (const reply of [{ status: 400, body: chat.error }, { status: 429, body: chat.error }, { status: 500, body: 'no' }, sse(chat.errorEvent), { raw: '', end: 'reset' }, { status: 200, headers: [['Content-Type', 'text/html']], body: '<p>' }]) {
    up.next(reply).next(reply).next(reply);
    const answer = await post(lurus, chat.target(true), unasked());
    up.clear();
    const row = await rowOf(answer);
    assert.equal(row.usage?.input ?? null, null, JSON.stringify(row));
    assert.equal(row.usage?.output ?? null, null, JSON.stringify(row));
  }
});

test('a client that leaves before an answer: what the vendor read is booked', async () => {
  const { up, lurus } = context;
  up.always(async () => {});
  for (const stream of [true, false]) {
    const client = await connectRaw(lurus);
    const session = `left-${stream}`;
    await client.write(requestBytes('POST', anthropic.target(stream), { body: anthropic.request(stream), headers: [...anthropic.headers, ['X-Claude-Code-Session-Id', session]] }));
    await up.wait(1);
    client.close();
    let row;
    for (let i = 0; !row && i < 100; i += 1, await sleep(40)) row = (await lurus.logs(5)).find((one) => one.session === session);
    assert.equal(row.end, 'client_gone');
    assert.equal(row.usage.estimated, true);
    assert.ok(row.usage.input > 0);
    assert.equal(row.usage.output, stream ? 0 : 64);
    up.clear().always(async () => {});
  }
});
