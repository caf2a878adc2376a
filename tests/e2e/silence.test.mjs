// Silence inside an answer: keepalives between two events and never inside one, for clients that take them; a vendor's
// own white space before a JSON answer; and still an end to all patience.
import test from 'node:test';
import assert from 'node:assert/strict';
import { DIALECTS, anthropic, chat, gemini, responses, json, sse, streamOf, usageMismatch } from '../upstream/index.mjs';
import { assertError, gateway, providerFor } from './lib/suite.mjs';
import { connectRaw, header, post, requestBytes } from './lib/raw.mjs';

let up, other, lurus;
gateway((one, two) => ({
  server: { heartbeat: '250ms' },
  providers: [
    ...[anthropic, chat, gemini].map((dialect) => providerFor(dialect, dialect.provider, one.url, { models: [dialect.model, 'model-a'], idle_timeout: '3s' })),
    providerFor(chat, 'second', two.url, { models: ['model-b'] }),
  ],
  routes: [{ model: 'two', to: ['oai/model-a', 'second/model-b'] }],
}), { ready: (context) => ({ up, other, lurus } = context) });

const KEEPALIVES = { anthropic: 'event: ping\ndata: {"type": "ping"}\n\n', chat: ': keepalive\n\n', responses: ': keepalive\n\n', gemini: '\r\n\r\n' };

for (const dialect of DIALECTS) {
  const keepalive = KEEPALIVES[dialect.name];
  const begin = dialect.events.slice(0, dialect.firstSemantic + 3).join('');
  const rest = dialect.events.slice(dialect.firstSemantic + 3).join('');
  const ask = (headers = []) => post(lurus, dialect.target(true), dialect.request(true), { headers: [...dialect.headers, ...headers] });

  test(`${dialect.name}: silence after the first content brings keepalives, and the stream goes on`, async () => {
    up.next(sse('', { pieces: [begin, 1200, rest] }));
    const answer = await ask();
    const text = answer.body.toString();
    assert.ok(text.startsWith(begin + keepalive + keepalive), text);
    assert.ok(text.endsWith(rest), text);
    assert.equal(text.slice(begin.length, -rest.length).replaceAll(keepalive, ''), '');
    const row = await lurus.row(answer.trace);
    assert.equal(row.end, 'complete');
    assert.deepEqual(usageMismatch(row.usage, dialect.usage), {});
  });

  test(`${dialect.name}: nothing is put into an event that is half there`, async () => {
    const torn = begin.length + Math.floor(dialect.events[dialect.firstSemantic + 3].length / 2);
    const whole = streamOf(dialect);
    up.next(sse('', { pieces: [whole.slice(0, torn), 1000, whole.slice(torn)] }));
    assert.equal((await ask()).body.toString(), whole);
  });

  test(`${dialect.name}: keepalives do not make a dead vendor a living one`, async () => {
    up.next(sse('', { pieces: [begin], end: 'hang', lastChunk: false }));
    const started = Date.now();
    const answer = await ask();
    assert.ok(Date.now() - started > 2000);
    assert.ok(answer.body.toString().startsWith(begin + keepalive), answer.body.toString());
    const row = await lurus.row(answer.trace, { patience: 1000 });
    assert.equal(row.end, 'upstream_cut');
    assert.equal(row.attempts[0].outcome, 'idle_timeout');
  });
}

test('a stream whose length the vendor announced has no room for one', async () => {
  const begin = chat.events.slice(0, 3).join('');
  up.next(sse('', { framing: 'length', pieces: [begin, 900, chat.events.slice(3).join('')] }));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(true));
  assert.equal(answer.complete, true);
  assert.equal(answer.body.toString(), streamOf(chat));
});

test('clients whose parser takes nothing but data get none', async () => {
  for (const client of ['genai-js/0.24.1', 'gl-js/ fire/11.6.0']) {
    up.next(sse('', { pieces: [gemini.events[0], 900, gemini.events.slice(1).join('')] }));
    const answer = await post(lurus, gemini.target(true), gemini.request(), { headers: [['x-goog-api-client', client]] });
    assert.equal(answer.body.toString(), streamOf(gemini));
  }
});

test('the Gemini array gets its white space between two elements', async () => {
  const cut = gemini.array.indexOf('\n,') + 1;
  up.next(json('', { framing: 'chunked', pieces: [gemini.array.slice(0, cut), 900, gemini.array.slice(cut)] }));
  const answer = await post(lurus, '/v1beta/models/gemini-2.5-flash:streamGenerateContent', gemini.request());
  assert.ok(answer.body.length > gemini.array.length);
  assert.deepEqual(JSON.parse(answer.body.toString()), JSON.parse(gemini.array));
});

/// What the vendor of DeepSeek's kind sends: blank lines, and then the answer when `release` is called.
function blanks(count, ending) {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const reply = async (_request, wire) => {
    const send = (text) => wire.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
    await wire.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < count; ++i) await send('\n');
    await held;
    await ending(send, wire);
  };
  return { reply, release };
}
const ask = async (body) => {
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', '/v1/chat/completions', { body }));
  return client;
};

test("a vendor's blank lines before a JSON answer pass at once", async () => {
  const { reply, release } = blanks(3, async (send, wire) => {
    await send(chat.json);
    await wire.write('0\r\n\r\n');
  });
  up.next(reply);
  const client = await ask(chat.request(false));
  await client.until(() => client.answers.length === 1 && client.bodySoFar().toString() === '\n\n\n', 'the blank lines', 3000);
  release();
  const answer = await client.answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), `\n\n\n${chat.json}`);
  const row = await lurus.row(header(answer, 'x-lurus-trace-id'));
  assert.equal(row.end, 'complete');
  assert.deepEqual(usageMismatch(row.usage, chat.usage), {});
  client.close();
});

test('while another candidate is left they wait, for a keepalive interval at most', async () => {
  const { reply, release } = blanks(2, async (send, wire) => {
    await send(chat.json);
    await wire.write('0\r\n\r\n');
  });
  up.next(reply);
  const client = await ask(chat.request(false, { model: 'two' }));
  await client.until(() => client.answers.length === 1 && client.bodySoFar().toString() === '\n\n', 'the blank lines', 3000);
  release();
  assert.equal((await client.answer()).body.toString(), `\n\n${chat.json}`);
  client.close();
});

test('an error behind blank lines that still wait goes to the next candidate', async () => {
  up.next(json('', { framing: 'chunked', pieces: ['\n\n', chat.error] }));
  other.next(json(chat.json));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false, { model: 'two' }));
  assert.equal(answer.body.toString(), chat.json);
  assert.equal((await lurus.row(answer.trace)).attempts.length, 2);
});

test('blank lines and then nothing is no whole answer', async () => {
  const { reply, release } = blanks(2, async (_send, wire) => wire.write('0\r\n\r\n'));
  up.next(reply);
  const client = await ask(chat.request(false));
  await client.until(() => client.answers.length === 1 && client.bodySoFar().length === 2, 'the blank lines', 3000);
  release();
  const answer = await client.answer();
  assert.equal(answer.complete, false);
  assert.equal((await lurus.row(header(answer, 'x-lurus-trace-id'), { patience: 1000 })).end, 'upstream_cut');
  client.close();
  up.next(json('\n', { framing: 'close' }));
  other.next(json(chat.json));
  const failed = await post(lurus, '/v1/chat/completions', chat.request(false, { model: 'two' }));
  assert.equal(failed.body.toString(), chat.json);
});

test('an answer of ours to a client that waits for JSON has no keepalive before it', async () => {
  up.next(json(chat.json, { headDelay: 900 }));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false));
  assert.equal(answer.body.toString(), chat.json);
  up.next({ raw: '', end: 'close' }, { raw: '', end: 'close' });
  up.always({ raw: '', end: 'close' });
  assertError(responses, await post(lurus, '/v1/responses', responses.request(false)), 502);
});
