// Answers that a vendor cuts in ways that its framing does not show: never taken for whole, by the client or the record.
import test from 'node:test';
import assert from 'node:assert/strict';
import { DIALECTS, anthropic, chat, gemini, json, sse, streamOf, usageMismatch } from '../upstream/index.mjs';
import { assertError, gateway, providerFor } from './lib/suite.mjs';
import { post } from './lib/raw.mjs';

let up, other, lurus;
gateway((one, two) => ({
  providers: [
    ...[anthropic, chat, gemini].map((dialect) => providerFor(dialect, dialect.provider, one.url, { models: [dialect.model, 'model-a'] })),
    ...[anthropic, chat, gemini].map((dialect) => providerFor(dialect, `${dialect.provider}2`, two.url, { models: ['model-b'] })),
  ],
  routes: [anthropic, chat, gemini].map(({ provider }) => ({ model: `${provider}-two`, to: [`${provider}/model-a`, `${provider}2/model-b`] })),
}), { ready: (context) => ({ up, other, lurus } = context) });

/// `two`: another candidate is left.
const call = (dialect, stream, two) => {
  const model = two ? `${dialect.provider}-two` : dialect.model;
  const target = dialect.target(stream).replace('gemini-2.5-flash', model);
  return post(lurus, target, dialect.dialect === 'gemini' ? dialect.request(stream) : dialect.request(stream, { model }), { headers: dialect.headers });
};

// Without a length, with a proper end of the chunks, with the length of what came, over HTTP/1.0.
const FRAMINGS = [{ framing: 'close' }, { framing: 'chunked' }, { framing: 'length' }, { framing: 'close', version: 'HTTP/1.0' }];

const rowsOf = async (traces) => {
  const rows = await lurus.logs(50);
  return traces.map((trace) => rows.find((row) => row.trace_id === trace));
};

for (const dialect of DIALECTS) {
  const half = dialect.json.slice(0, Math.floor(dialect.json.length / 2));

  test(`${dialect.name}: half a JSON answer is no answer, however its body ended`, async () => {
    const traces = [];
    for (const framing of FRAMINGS) {
      up.next(json(half, framing));
      const answer = await call(dialect, false, false);
      assertError(dialect, answer, 502, /whole/);
      traces.push(answer.trace);
    }
    for (const row of await rowsOf(traces)) {
      assert.equal(row.end, 'error');
      assert.deepEqual(row.attempts.map(({ outcome }) => outcome), ['truncated']);
    }
  });

  test(`${dialect.name}: half a JSON answer goes to the next candidate`, async () => {
    const traces = [];
    for (const framing of FRAMINGS) {
      up.next(json(half, framing));
      other.next(json(dialect.json));
      const answer = await call(dialect, false, true);
      assert.equal(answer.status, 200);
      assert.equal(answer.body.toString(), dialect.json);
      traces.push(answer.trace);
    }
    for (const row of await rowsOf(traces)) {
      assert.equal(row.end, 'complete');
      assert.deepEqual(row.attempts.map(({ outcome }) => outcome), ['truncated', 'ok']);
    }
  });

  test(`${dialect.name}: a whole JSON answer that the connection's end ends is complete`, async () => {
    for (const more of [{ framing: 'close' }, { framing: 'close', version: 'HTTP/1.0' }]) {
      up.next(json(dialect.json, more));
      const answer = await call(dialect, false, false);
      assert.equal(answer.body.toString(), dialect.json);
      const row = await lurus.row(answer.trace);
      assert.equal(row.end, 'complete');
      assert.deepEqual(usageMismatch(row.usage, dialect.usage), {});
    }
  });

  test(`${dialect.name}: a stream that ends inside its last event is cut, and nothing is put into that`, async () => {
    const whole = streamOf(dialect);
    const torn = whole.slice(0, whole.lastIndexOf(dialect.end) + Math.max(4, Math.floor(dialect.end.length / 2)));
    for (const framing of ['close', 'chunked']) {
      up.next(sse(torn, { framing }));
      const answer = await call(dialect, true, false);
      assert.ok(torn.startsWith(answer.body.toString()), answer.body.toString());
      assert.equal(answer.complete, false);
      assert.equal((await lurus.row(answer.trace, { patience: 2000 })).end, 'upstream_cut');
    }
  });

  test(`${dialect.name}: a stream that ends cleanly after half its events is cut`, async () => {
    const begin = dialect.events.slice(0, dialect.firstSemantic + 3).join('');
    up.next(sse(begin, { framing: 'close' }));
    const answer = await call(dialect, true, false);
    assert.ok(answer.body.toString().startsWith(begin));
    assert.match(answer.body.toString().slice(begin.length), /error|failed/);
    assert.equal((await lurus.row(answer.trace)).end, 'upstream_cut');
  });
}

test('a stream that ends before any content goes to the next candidate', async () => {
  up.next(sse(anthropic.events[0], { framing: 'close' }));
  other.next(sse(streamOf(anthropic)));
  const answer = await call(anthropic, true, true);
  assert.equal(answer.body.toString(), streamOf(anthropic));
  assert.deepEqual((await lurus.row(answer.trace)).attempts.map(({ outcome }) => outcome), ['truncated', 'ok']);
});

test('a JSON answer too long to be held, cut: the client sees it', async () => {
  const long = `${chat.json.slice(0, -1)},"padding":"${'x'.repeat(3 << 20)}`;
  for (const framing of FRAMINGS) {
    up.next(json(long, framing));
    const answer = await call(chat, false, false);
    assert.equal(answer.status, 200);
    assert.equal(answer.complete, false);
    assert.equal((await lurus.row(answer.trace, { patience: 2000 })).end, 'upstream_cut');
  }
});

test('an answer without a byte, where only the end of the connection could end it, is none', async () => {
  up.next(json('', { framing: 'close' }));
  assertError(chat, await call(chat, false, false), 502);
});

test('a Gemini array without its bracket is cut', async () => {
  up.next(json(gemini.array.slice(0, -1), { framing: 'close' }));
  const answer = await post(lurus, '/v1beta/models/gemini-2.5-flash:streamGenerateContent', gemini.request());
  const row = await lurus.row(answer.trace, { patience: 2000 });
  assert.equal(row.end, 'upstream_cut');
  assert.deepEqual(usageMismatch(row.usage, gemini.usage), {});
});

test('bodies that are no JSON, though they are called so, still pass', async () => {
  for (const body of ['deleted', 'ok', '<html></html>', 'error: none']) {
    up.next(json(body));
    const answer = await call(chat, false, false);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), body);
  }
});

test('a length longer than the body, and a chunk that is cut', async () => {
  const lengths = [{ raw: `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${chat.json.length + 500}\r\n\r\n${chat.json}`, end: 'close' },
    { raw: `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${(chat.json.length + 9).toString(16)}\r\n${chat.json}`, end: 'close' }];
  for (const reply of lengths) {
    up.next(reply);
    other.next(json(chat.json));
    const answer = await call(chat, false, true);
    assert.equal(answer.body.toString(), chat.json);
    assert.equal((await lurus.row(answer.trace)).attempts.length, 2);
  }
});
