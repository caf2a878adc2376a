// Fallbacks: the next candidate before the commit point, nothing after it; every attempt is in the log.
import test from 'node:test';
import assert from 'node:assert/strict';
import { before, after, beforeEach } from 'node:test';
import { startUpstream, closedPort, DIALECTS, anthropic, chat, responses, json, sse, streamOf, headerOf, usageMismatch } from '../upstream/index.mjs';
import { assertError, providerFor } from './lib/suite.mjs';
import { header, post } from './lib/raw.mjs';
import { configFor, startLurus } from './lib/lurus.mjs';

let first, second, lurus;

const kinds = { anthropic: ['ant1', 'ant2', 'antdead'], 'openai-chat': ['oai1', 'oai2', 'oaidead'], gemini: ['gem1', 'gem2', 'gemdead'] };
const namesOf = (dialect) => kinds[dialect.dialect] ?? kinds['openai-chat'];

before(async () => {
  first = await startUpstream();
  second = await startUpstream();
  const dead = `http://127.0.0.1:${await closedPort()}`;
  const providers = [];
  const routes = [];
  for (const [dialect, [one, two, gone]] of Object.entries(kinds)) {
    providers.push(providerFor({ dialect }, one, first.url), providerFor({ dialect }, two, second.url), providerFor({ dialect }, gone, dead));
    routes.push({ model: `${one}-two`, to: [`${one}/model-a`, `${two}/model-b`] });
    routes.push({ model: `${one}-dead`, to: [`${gone}/model-x`, `${two}/model-b`] });
    routes.push({ model: `${one}-only`, to: [`${gone}/model-x`] });
  }
  lurus = await startLurus({ config: configFor(null, { providers, routes }) });
});

beforeEach(() => {
  for (const up of [first, second]) up.clear().always({ status: 500, body: 'the test gave no answer for this request' });
});

after(async () => {
  try {
    await lurus?.close();
  } finally {
    await first?.close();
    await second?.close();
  }
});

const call = (dialect, suffix, stream, more = {}) => {
  const model = `${namesOf(dialect)[0]}-${suffix}`;
  const request = dialect.dialect === 'gemini' ? dialect.request(stream) : dialect.request(stream, { model });
  const target = dialect.target(stream).replace('gemini-2.5-flash', model);
  return post(lurus, target, request, { headers: dialect.headers, ...more });
};

const outcomes = (row) => row.attempts.map((attempt) => [attempt.provider, attempt.upstream_model, attempt.outcome]);

for (const dialect of DIALECTS) {
  const [one, two, gone] = namesOf(dialect);

  test(`${dialect.name}: a refused connection goes to the next candidate`, async () => {
    second.next(json(dialect.json));
    const answer = await call(dialect, 'dead', false);
    assert.equal(answer.status, 200, answer.body.toString());
    assert.equal(answer.body.toString(), dialect.json);
    const row = await lurus.row(answer.trace);
    assert.equal(row.attempts.length, 2);
    assert.deepEqual([row.attempts[0].provider, row.attempts[1].provider, row.attempts[1].outcome], [gone, two, 'ok']);
    assert.equal(row.provider, two);
    assert.equal(row.upstream_model, 'model-b');
    assert.equal(row.end, 'complete');
  });

  for (const status of [429, 500, 502, 503, 529]) {
    test(`${dialect.name}: ${status} goes to the next candidate`, async () => {
      first.next(json(dialect.error, { status, headers: [['retry-after', '60']] }));
      second.next(sse(streamOf(dialect)));
      const answer = await call(dialect, 'two', true);
      assert.equal(answer.status, 200, answer.body.toString());
      assert.equal(answer.body.toString(), streamOf(dialect));
      assert.equal(header(answer, 'retry-after'), undefined);
      const row = await lurus.row(answer.trace);
      assert.deepEqual(outcomes(row), [[one, 'model-a', `status_${status}`], [two, 'model-b', 'ok']]);
      assert.equal(row.attempts[0].status, status);
      assert.deepEqual(usageMismatch(row.usage, dialect.usage), {});
      assert.equal(headerOf(second.last.headers, dialect.dialect === 'anthropic' ? 'x-api-key' : dialect.dialect === 'gemini' ? 'x-goog-api-key' : 'authorization').endsWith(`sk-${two}`), true);
    });
  }

  test(`${dialect.name}: an error event inside 200 before the first content goes to the next candidate`, async () => {
    first.next(sse(dialect.events.slice(0, dialect.firstSemantic).join('') + dialect.errorEvent));
    second.next(sse(streamOf(dialect)));
    const answer = await call(dialect, 'two', true);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), streamOf(dialect));
    const row = await lurus.row(answer.trace);
    assert.deepEqual(outcomes(row), [[one, 'model-a', 'error_event'], [two, 'model-b', 'ok']]);
  });

  test(`${dialect.name}: a stream that ends or resets before the first content goes to the next candidate`, async () => {
    for (const end of ['close', 'reset']) {
      second.clear();
      first.next(sse('', { pieces: [dialect.events.slice(0, dialect.firstSemantic).join(''), 30], lastChunk: false, end }));
      second.next(sse(streamOf(dialect)));
      const answer = await call(dialect, 'two', true);
      assert.equal(answer.body.toString(), streamOf(dialect), end);
      const row = await lurus.row(answer.trace);
      assert.equal(row.attempts.length, 2);
      assert.notEqual(row.attempts[0].outcome, 'ok');
    }
  });

  test(`${dialect.name}: after the first content nothing is tried again`, async () => {
    const kept = dialect.events.slice(0, dialect.firstSemantic + 3).join('');
    first.next(sse('', { pieces: [kept, 30], lastChunk: false, end: 'reset' }));
    const answer = await call(dialect, 'two', true);
    assert.equal(answer.status, 200);
    assert.equal(second.requests.length, 0);
    const text = answer.body.toString();
    assert.ok(text.startsWith(kept), text.slice(0, 400));
    assert.ok(!text.includes(dialect.end), 'a cut stream must not look finished');
    const row = await lurus.row(answer.trace);
    assert.equal(row.end, 'upstream_cut');
    assert.equal(row.attempts.length, 1);
  });

  test(`${dialect.name}: when the last candidate fails with a status, its answer passes unmodified`, async () => {
    first.next(json(dialect.error, { status: 503 }));
    second.next(json(dialect.error, { status: 429, headers: [['retry-after', '9']] }));
    const answer = await call(dialect, 'two', false);
    assert.equal(answer.status, 429);
    assert.equal(answer.body.toString(), dialect.error);
    assert.equal(header(answer, 'retry-after'), '9');
    const row = await lurus.row(answer.trace);
    assert.deepEqual(outcomes(row).map(([, , outcome]) => outcome), ['status_503', 'status_429']);
    assert.equal(row.end, 'error');
  });

  test(`${dialect.name}: with nobody reachable the error is in the dialect's shape and says so`, async () => {
    const answer = await call(dialect, 'only', false);
    assertError(dialect, answer, 502, /antdead|oaidead|gemdead/);
    const row = await lurus.row(answer.trace);
    assert.equal(row.end, 'error');
    assert.equal(row.attempts.length, 1);
  });

  test(`${dialect.name}: a request that the vendor calls wrong is not tried elsewhere`, async () => {
    for (const status of [400, 413, 422]) {
      first.next(json(dialect.error, { status }));
      const answer = await call(dialect, 'two', false);
      assert.equal(answer.status, status);
      assert.equal(answer.body.toString(), dialect.error);
      assert.equal(second.requests.length, 0);
    }
  });
}

test('a stale pooled connection is not an error', async () => {
  for (let round = 0; round < 3; round++) {
    first.next(json(anthropic.json));
    assert.equal((await call(anthropic, 'two', false)).status, 200);
    first.dropConnections();
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  assert.equal(second.requests.length, 0);
});

test("each attempt's own bytes: the model is spliced for the candidate that gets it", async () => {
  first.next(json(chat.error, { status: 500 }));
  second.next(json(chat.json));
  await call(chat, 'two', false);
  assert.equal(JSON.parse(first.last.body).model, 'model-a');
  assert.equal(JSON.parse(second.last.body).model, 'model-b');
});

test('an error event after the first content is relayed as the vendor sent it', async () => {
  for (const dialect of [anthropic, chat, responses]) {
    const begun = dialect.events.slice(0, dialect.firstSemantic + 4).join('');
    const body = begun + dialect.errorEvent;
    first.next(sse('', { pieces: [begun, 60, dialect.errorEvent] }));
    const answer = await call(dialect, 'two', true);
    assert.ok(answer.body.toString().startsWith(body), answer.body.toString().slice(-300));
    const row = await lurus.row(answer.trace);
    assert.ok(['error', 'upstream_cut'].includes(row.end), row.end);
    assert.equal(row.attempts.length, 1);
  }
});
