// Limits and hostile input, each with a clear error in the caller's dialect.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS, anthropic, chat, json, sse, streamOf, headerOf } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { connectRaw, header, post, requestBytes } from './lib/raw.mjs';
import { KEY, PATIENCE } from './lib/lurus.mjs';

const context = gateway({ server: { max_body: 300_000, max_header: 16_384, header_timeout: '700ms', body_timeout: '700ms', idle_timeout: '3s', write_timeout: '1s' } });

const auth = `Authorization: Bearer ${KEY}\r\nContent-Type: application/json\r\n`;
const body = JSON.stringify(chat.request(false));
const start = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n${auth}`;
const sized = `Content-Length: ${body.length}\r\n`;

const BAD_FRAMING = {
  'TE and CL': `${start}${sized}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'two lengths': `${start}${sized}Content-Length: ${body.length + 1}\r\n\r\n${body}`,
  'two equal lengths in one': `${start}Content-Length: ${body.length}, ${body.length}\r\n\r\n${body}`,
  'two hosts': `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nHost: y\r\n${auth}${sized}\r\n${body}`,
  'no host': `POST /v1/chat/completions HTTP/1.1\r\n${auth}${sized}\r\n${body}`,
  'chunked, gzip': `${start}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
  'gzip, chunked': `${start}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'chunked twice': `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'unknown coding': `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'HTTP/1.0 chunked': `POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\n${auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunk size not hex': `${start}Transfer-Encoding: chunked\r\n\r\nxyz\r\n${body}\r\n0\r\n\r\n`,
  'chunk size negative': `${start}Transfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n0\r\n\r\n`,
  'chunk size with 0x': `${start}Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n`,
  'chunk size overflows': `${start}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc`,
  'chunk without CRLF': `${start}Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX0\r\n\r\n`,
  'length with sign': `${start}Content-Length: +5\r\n\r\nabcde`,
  'length in hex': `${start}Content-Length: 0x5\r\n\r\nabcde`,
  'length overflows': `${start}Content-Length: 99999999999999999999999\r\n\r\nabcde`,
  'space before colon': `${start}Content-Length : 5\r\n\r\nabcde`,
  'folded header': `${start}X-Fold: a\r\n b\r\n${sized}\r\n${body}`,
  'NUL in a header': `${start}X-Nul: a\0b\r\n${sized}\r\n${body}`,
  'bare CR in a header': `${start}X-Cr: a\rb\r\n${sized}\r\n${body}`,
  'bare LF lines': `POST /v1/chat/completions HTTP/1.1\nHost: x\nContent-Length: 0\n\n`,
  'header without name': `${start}: x\r\n${sized}\r\n${body}`,
  'no version': `POST /v1/chat/completions\r\nHost: x\r\n\r\n`,
  'HTTP/2.0': `POST /v1/chat/completions HTTP/2.0\r\nHost: x\r\n\r\n`,
  'space in target': `POST /v1/chat completions HTTP/1.1\r\nHost: x\r\n\r\n`,
  'not HTTP at all': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
  'h2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
};

for (const [name, bytes] of Object.entries(BAD_FRAMING)) {
  test(`bad framing: ${name} is refused, the connection closed, nothing sent upstream`, async () => {
    const { up, lurus } = context;
    up.always(json(chat.json));
    const client = await connectRaw(lurus);
    await client.write(Buffer.from(bytes, 'latin1'));
    await client.closed(4000);
    await sleep(20);
    assert.ok(client.answers.length <= 1, client.text());
    if (client.answers.length) {
      assert.ok([400, 431, 501, 505, 413].includes(client.answers[0].status), client.text());
      assert.match(client.text(), /connection: close/i);
    }
    assert.equal(up.requests.length, 0, 'it went upstream');
    client.close();
  });
}

test('smuggling: the tail of a refused request is not taken as another', async () => {
  const { up, lurus } = context;
  up.always(json(chat.json));
  const client = await connectRaw(lurus);
  await client.write(`${start}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${start}${sized}\r\n${body}`);
  await client.closed(4000);
  assert.equal(up.requests.length, 0);
  client.close();
});

test('a head over the limit is 431, one under it passes', async () => {
  const { up, lurus } = context;
  up.always(json(chat.json));
  for (const headers of [[['X-Big', 'x'.repeat(20_000)]], Array.from({ length: 900 }, (_, n) => [`X-Many-${n}`, 'some value here'])]) {
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', '/v1/chat/completions', { body, headers }));
    const answer = await client.answer();
    assert.equal(answer.status, 431, answer.body.toString());
    client.close();
  }
  const fine = await post(lurus, '/v1/chat/completions', body, { headers: [['X-Big', 'x'.repeat(10_000)]] });
  assert.equal(fine.status, 200);
});

test('a target of 14 KB is understood or refused, never cut', async () => {
  const { up, lurus } = context;
  up.always(json(chat.json));
  const target = `/v1/chat/completions?x=${'y'.repeat(14_000)}`;
  const answer = await post(lurus, target, body);
  assert.ok([200, 414, 431].includes(answer.status));
  if (answer.status === 200) assert.equal(up.last.target, target);
});

for (const dialect of DIALECTS) {
  test(`${dialect.name}: a body over the cap is 413, announced or chunked`, async () => {
    const { up, lurus } = context;
    up.always(json(dialect.json));
    const big = JSON.stringify(dialect.request(false, { padding: 'x'.repeat(400_000) }));
    assertError(dialect, await post(lurus, dialect.target(false), big), 413, /300000|292|cap|limit|large/i);
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', dialect.target(false), { headers: [['Transfer-Encoding', 'chunked'], ['Content-Type', 'application/json']] }));
    for (let at = 0; at < big.length && !client.ended; at += 50_000) {
      const piece = big.slice(at, at + 50_000);
      await client.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    }
    assertError(dialect, await client.answer(), 413);
    assert.equal(up.requests.length, 0);
    client.close();
  });

  test(`${dialect.name}: bad JSON is 400 and says where`, async () => {
    const { up, lurus } = context;
    const good = JSON.stringify(dialect.request(false));
    const cases = [['', /byte 0|empty/i], [good.slice(0, -1), new RegExp(`${good.length - 1}`)], [`${good}x`, new RegExp(`${good.length}`)],
      [good.replace(':', ' '), /byte|offset/i], ['[1,2]', /object/i], ['{"model":"a\u0001b"}', /byte|offset/i], ['{"a":01}', /byte|offset/i],
      [`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`, /deep|nest/i]];
    for (const [text, pattern] of cases) {
      const answer = await post(lurus, dialect.target(false), Buffer.from(text), { headers: dialect.headers });
      assertError(dialect, answer, 400, pattern);
    }
    assert.equal(up.requests.length, 0);
  });
}

test('a missing or non-string model is 400', async () => {
  for (const text of ['{"messages":[]}', '{"model":7,"messages":[]}', '{"model":"","messages":[]}']) {
    assertError(chat, await post(context.lurus, '/v1/chat/completions', text), 400, /model/);
    assertError(anthropic, await post(context.lurus, '/v1/messages', text), 400, /model/);
  }
});

test('unknown paths are 404 and wrong methods 405, in a shape that SDKs read', async () => {
  const { lurus } = context;
  assertError(chat, await post(lurus, '/v1/no/such/thing', '{}'), 404, /\/v1\/no\/such\/thing/);
  const client = await connectRaw(lurus);
  await client.write(requestBytes('PUT', '/v1/messages', { body: '{}' }));
  const answer = await client.answer();
  assertError(anthropic, answer, 405);
  client.close();
});

test('slow headers are ended by the header timeout', async () => {
  const client = await connectRaw(context.lurus);
  const started = Date.now();
  const drip = (async () => {
    for (const byte of Buffer.from(start + 'X-Slow: '.padEnd(200, 'y'))) {
      if (client.ended) return;
      await client.write(Buffer.from([byte]));
      await sleep(40);
    }
  })();
  await client.closed(5000);
  assert.ok(Date.now() - started < 4000 * PATIENCE);
  if (client.answers.length) assert.equal(client.answers[0].status, 408);
  client.close();
  await drip;
});

test('a slow body is ended by the body timeout, with 408 in the dialect', async () => {
  const { up, lurus } = context;
  const client = await connectRaw(lurus);
  await client.write(`${start}${sized}\r\n${body.slice(0, 10)}`);
  const answer = await client.answer(1, 5000);
  assertError(chat, answer, 408);
  await client.closed(3000);
  assert.equal(up.requests.length, 0);
  client.close();
});

test('a steady slow body is not ended', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json));
  const client = await connectRaw(lurus);
  await client.write(`${start}${sized}\r\n`);
  for (let at = 0; at < body.length; at += 20) {
    await client.write(body.slice(at, at + 20));
    await sleep(200);
  }
  assert.equal((await client.answer()).status, 200);
  client.close();
});

test('an idle kept-alive connection is closed after its time, without an answer', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json));
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', '/v1/chat/completions', { body }));
  await client.answer();
  const started = Date.now();
  assert.equal(await client.closed(9000), 'end');
  assert.ok(Date.now() - started > 1500);
  assert.equal(client.answers.length, 1);
});

test('a client that reads nothing is given up by the write timeout and the vendor let go', async () => {
  const { up, lurus } = context;
  const delta = anthropic.events[3];
  up.next(sse(anthropic.events.slice(0, 3).join('') + delta.repeat(200_000), { split: 60_000 }));
  const client = await connectRaw(lurus);
  client.socket.pause();
  await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
  for (let i = 0; i < 100 && !up.last?.gone; i++) await sleep(100);
  assert.ok(up.last.gone, 'the vendor was read on and on');
  client.close();
});

test('after all this the server still answers', async () => {
  const { up, lurus } = context;
  up.next(sse(streamOf(anthropic)));
  const answer = await post(lurus, '/v1/messages', anthropic.request(true));
  assert.equal(answer.body.toString(), streamOf(anthropic));
  assert.ok(header(answer, 'x-lurus-trace-id'));
  assert.equal(headerOf(answer.headers, 'transfer-encoding'), 'chunked');
});
