// What goes upstream equals what came in but for the model name, the credentials, hop-by-hop headers and Host.
import test from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { DIALECTS, anthropic, chat, gemini, json, headerOf } from '../upstream/index.mjs';
import { gateway, randomOf } from './lib/suite.mjs';
import { randomObject } from './lib/random_json.mjs';
import { ask, connectRaw, post, requestBytes } from './lib/raw.mjs';
import { KEY, UPSTREAM_KEY } from './lib/lurus.mjs';

const context = gateway({ routes: [
  { model: 'short', to: ['ant/claude-mapped-4-5'] },
  { model: 'a-very-long-model-name-that-clients-use', to: ['oai/m'] },
  { model: 'gem-alias', to: ['gem/gemini-2.5-pro'] },
] });

// Ours to set, by the contract: routing, credentials, hop-by-hop, framing, and the coding that we can read.
const OURS = new Set(['host', 'authorization', 'x-api-key', 'x-goog-api-key', 'api-key', 'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'content-length', 'accept-encoding', 'traceparent', 'tracestate', 'expect', 'proxy-authorization']);
const passing = (headers) => headers.filter(([name]) => !OURS.has(name.toLowerCase()));

test('headers pass with their order, case and repetitions', async () => {
  const { up, lurus } = context;
  const headers = [['User-Agent', 'claude-cli/2.1.329 (external, cli)'], ['ACCEPT', 'application/json'], ['x-stainless-lang', 'js'], ['X-Stainless-Retry-Count', '0'],
    ['anthropic-version', '2023-06-01'], ['anthropic-beta', 'prompt-caching-2024-07-31,interleaved-thinking-2025-05-14'], ['anthropic-beta', 'files-api-2025-04-14'],
    ['X-Claude-Code-Session-Id', '0a1b'], ['session_id', 's-1'], ['conversation_id', 'c-1'], ['originator', 'codex_cli_rs'], ['x-Odd~Name', 'a  b\tc'],
    ['X-Empty', ''], ['x-app', 'cli'], ['Content-Type', 'application/json; charset=utf-8'], ['X-Latin', 'caf\u00e9']];
  up.next(json(anthropic.json));
  const answer = await post(lurus, '/v1/messages?beta=true&x=%2F', anthropic.request(false), { headers });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(up.last.target, '/v1/messages?beta=true&x=%2F');
  assert.deepEqual(passing(up.last.headers), passing(headers));
});

test('credentials and Host are replaced, whichever header brought the key', async () => {
  const { up, lurus } = context;
  const ways = [
    [anthropic, '/v1/messages', [['x-api-key', KEY]]],
    [anthropic, '/v1/messages', [['authorization', `Bearer ${KEY}`]]],
    [anthropic, '/v1/messages', [['x-api-key', KEY], ['Authorization', `Bearer ${KEY}`]]],
    [chat, '/v1/chat/completions', [['Authorization', `bearer ${KEY}`]]],
    [chat, '/v1/chat/completions', [['api-key', KEY]]],
    [gemini, gemini.target(false), [['x-goog-api-key', KEY]]],
    [gemini, `${gemini.target(false)}?key=${KEY}`, []],
    [gemini, `${gemini.target(false)}?a=1&key=${KEY}&b=2`, []],
  ];
  for (const [dialect, target, headers] of ways) {
    up.next(json(dialect.json));
    const answer = await post(lurus, target, dialect.request(false), { headers, key: null });
    assert.equal(answer.status, 200, `${target} ${JSON.stringify(headers)}: ${answer.body}`);
    const head = up.last.headBytes.toString();
    assert.ok(!head.includes(KEY), `the client's key went upstream:\n${head}`);
    assert.ok(head.includes(UPSTREAM_KEY), `no credential went upstream:\n${head}`);
    assert.equal(headerOf(up.last.headers, 'host'), `127.0.0.1:${up.port}`);
    if (target.includes('?a=1')) assert.equal(up.last.target, `${gemini.target(false)}?a=1&b=2`);
  }
});

test('hop-by-hop headers and those that Connection names stay here', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json));
  const headers = [['Connection', 'keep-alive, X-Hop'], ['X-Hop', '1'], ['Keep-Alive', 'timeout=5'], ['TE', 'trailers'], ['Proxy-Connection', 'keep-alive'], ['X-Stays', '1']];
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false), { headers });
  assert.equal(answer.status, 200, answer.body.toString());
  for (const name of ['X-Hop', 'Keep-Alive', 'TE', 'Proxy-Connection']) assert.equal(headerOf(up.last.headers, name), undefined, name);
  assert.equal(headerOf(up.last.headers, 'X-Stays'), '1');
});

test('a body without a mapped model is identical in every dialect, however it is written', async () => {
  const { up, lurus } = context;
  for (const dialect of DIALECTS) {
    const text = ` \r\n${JSON.stringify(dialect.request(false, { unknown_field: { b: 1.0e5, a: [null] }, text: 'ß漢🌍\u2028' }), null, '\t')}\n\n`;
    const body = Buffer.from(text.replace('"hi"', '"h\\u0069\\/"').replace('100000', '1.0e5'));
    up.next(json(dialect.json));
    const answer = await post(lurus, dialect.target(false), body);
    assert.equal(answer.status, 200, `${dialect.name}: ${answer.body}`);
    assert.deepEqual(up.last.body, body, dialect.name);
    assert.equal(headerOf(up.last.headers, 'content-length'), String(body.length));
  }
});

test('a mapped model changes its own bytes only', async () => {
  const { up, lurus } = context;
  const cases = [
    [anthropic, '/v1/messages', '{ "max_tokens":1 ,"model" : "short"\n,"messages":[{"role":"user","content":"model: \\"short\\""}]}', '"short"', '"claude-mapped-4-5"'],
    [anthropic, '/v1/messages', '{"metadata":{"model":"short"},"max_tokens":1,"model":"sh\\u006frt","messages":[]}', '"sh\\u006frt"', '"claude-mapped-4-5"'],
    [chat, '/v1/chat/completions', '{"messages":[],"model":"a-very-long-model-name-that-clients-use"}', '"a-very-long-model-name-that-clients-use"', '"m"'],
  ];
  for (const [dialect, target, text, from, to] of cases) {
    up.next(json(dialect.json));
    const answer = await post(lurus, target, Buffer.from(text));
    assert.equal(answer.status, 200, `${text}: ${answer.body}`);
    const at = text.indexOf(from, text.search(/[{,]\s*"model"\s*:\s*"(short|sh\\u006frt|a-very)(?!.*"metadata")/));
    assert.equal(up.last.body.toString(), text.slice(0, at) + to + text.slice(at + from.length));
  }
  up.next(json(gemini.json));
  const answer = await post(lurus, '/v1beta/models/gem-alias:generateContent?x=1', gemini.request());
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(up.last.target, '/v1beta/models/gemini-2.5-pro:generateContent?x=1');
});

test('of duplicate model keys the last one routes, and nothing else changes', async () => {
  const { up, lurus } = context;
  const text = '{"model":"first-one","max_tokens":1,"messages":[],"model":"short"}';
  up.next(json(anthropic.json));
  const answer = await post(lurus, '/v1/messages', Buffer.from(text));
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(up.last.body.toString(), text.replace('"short"', '"claude-mapped-4-5"'));
});

test('a chunked body arrives whole, with extensions and trailers understood', async () => {
  const { up, lurus } = context;
  const body = JSON.stringify(chat.request(false));
  const pieces = [body.slice(0, 7), body.slice(7, 8), body.slice(8)];
  const client = await connectRaw(lurus);
  up.next(json(chat.json));
  await client.write(requestBytes('POST', '/v1/chat/completions', { headers: [['Transfer-Encoding', 'chunked'], ['Content-Type', 'application/json']] }));
  for (const piece of pieces) await client.writeSlowly([`${piece.length.toString(16)};ext="v"\r\n${piece}\r\n`, 5]);
  await client.write('0\r\nX-Trailer: 1\r\n\r\n');
  const answer = await client.answer();
  client.close();
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(up.last.body.toString(), body);
});

test('property: random JSON in random pieces keeps every untouched byte', async () => {
  const { up, lurus } = context;
  const seed = Number(process.env.LURUS_SEED || Date.now() % 1e9);
  const random = randomOf(seed);
  up.always(json(anthropic.json));
  const client = await connectRaw(lurus);
  const rounds = Number(process.env.LURUS_ROUNDS || 150);
  for (let round = 0; round < rounds; round++) {
    const mapped = random.below(2) === 1;
    const { text, at } = randomObject(random, { model: mapped ? '"short"' : '"claude-sonnet-4-5"', max_tokens: '5', messages: '[]' });
    const body = Buffer.from(text);
    const bytes = requestBytes('POST', '/v1/messages', { body });
    if (random.below(2)) {
      const cuts = [...new Set(Array.from({ length: 1 + random.below(6) }, () => random.below(bytes.length)))].sort((a, b) => a - b);
      let from = 0;
      for (const cut of [...cuts, bytes.length]) {
        await client.write(bytes.subarray(from, cut));
        if (random.below(3) === 0) await new Promise(setImmediate);
        from = cut;
      }
    } else {
      await client.write(bytes);
    }
    const answer = await client.answer(round + 1);
    const where = `seed ${seed}, round ${round}: ${text}`;
    assert.equal(answer.status, 200, `${answer.body}; ${where}`);
    const expected = mapped ? text.slice(0, at.model[0]) + '"claude-mapped-4-5"' + text.slice(at.model[1]) : text;
    assert.equal(up.last.body.toString(), expected, where);
  }
  client.close();
});

test('one request split at every byte', async () => {
  const { up, lurus } = context;
  up.always(json(chat.json));
  const body = Buffer.from('{"model":"a-very-long-model-name-that-clients-use","messages":[{"role":"user","content":"\\u00e9"}]}');
  const bytes = requestBytes('POST', '/v1/chat/completions', { body });
  const client = await connectRaw(lurus);
  for (let cut = 1; cut < bytes.length; cut++) {
    await client.write(bytes.subarray(0, cut));
    await new Promise(setImmediate);
    await client.write(bytes.subarray(cut));
    const answer = await client.answer(cut);
    assert.equal(answer.status, 200, `cut at ${cut}: ${answer.body}`);
  }
  client.close();
  const wanted = body.toString().replace('a-very-long-model-name-that-clients-use', 'm');
  assert.ok(up.requests.every((request) => request.body.toString() === wanted));
});

test('a 20 MB image goes through unchanged', async () => {
  const { up, lurus } = context;
  const image = crypto.randomBytes(15 << 20).toString('base64');
  const body = Buffer.from(`{"model":"short","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"${image}"}}]}]}`);
  up.next(json(anthropic.json));
  const answer = await post(lurus, '/v1/messages', body, { ms: 30_000 });
  assert.equal(answer.status, 200, answer.body.toString().slice(0, 500));
  const digest = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');
  assert.equal(digest(up.last.body), digest(body.toString().replace('"short"', '"claude-mapped-4-5"')));
});

test('a HEAD and a GET are relayed without a body', async () => {
  const { up, lurus } = context;
  up.next(json({ id: 'resp_9', object: 'response' }));
  const answer = await ask(lurus, 'GET', '/v1/responses/resp_9?include[]=x&stream=false');
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(up.last.method, 'GET');
  assert.equal(up.last.target, '/v1/responses/resp_9?include[]=x&stream=false');
  assert.equal(up.last.body.length, 0);
});
