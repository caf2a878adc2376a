// What comes back equals what the vendor sent: status, headers, body, chunk by chunk as it arrives.
import test from 'node:test';
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import crypto from 'node:crypto';
import { DIALECTS, anthropic, chat, gemini, responses, json, sse, streamOf, headerOf, headersOf, usageMismatch } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { connectRaw, header, post, requestBytes } from './lib/raw.mjs';

const context = gateway();

for (const dialect of DIALECTS) {
  test(`${dialect.name}: a JSON answer, byte for byte, and its row`, async () => {
    const { up, lurus } = context;
    up.next(json(dialect.json));
    const answer = await post(lurus, dialect.target(false), dialect.request(false), { headers: dialect.headers });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), dialect.json);
    const row = await lurus.row(answer.trace);
    assert.deepEqual(usageMismatch(row.usage, dialect.usage), {});
    assert.equal(row.end, 'complete');
    assert.equal(row.stream, false);
    assert.equal(row.dialect, dialect.dialect);
    assert.equal(row.provider, dialect.provider);
  });

  for (const [how, split] of [['as the vendor writes them', undefined], ['one byte at a time', 1], ['in odd pieces', 37]]) {
    test(`${dialect.name}: a stream ${how}, and its row`, async () => {
      const { up, lurus } = context;
      const body = streamOf(dialect);
      up.next(split ? sse(body, { split }) : sse('', { pieces: dialect.events }));
      const answer = await post(lurus, dialect.target(true), dialect.request(true), { headers: dialect.headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.complete, true);
      assert.equal(answer.body.toString(), body);
      assert.equal(header(answer, 'content-type'), 'text/event-stream; charset=utf-8');
      const row = await lurus.row(answer.trace);
      assert.deepEqual(usageMismatch(row.usage, dialect.usage), {});
      assert.equal(row.end, 'complete');
      assert.equal(row.stream, true);
    });
  }

  test(`${dialect.name}: events arrive when the vendor sends them`, async () => {
    const { up, lurus } = context;
    const cut = dialect.firstSemantic + 2;
    const early = dialect.events.slice(0, cut).join('');
    let release;
    const held = new Promise((resolve) => (release = resolve));
    up.next(async (_request, wire) => {
      await wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      const send = (text) => wire.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
      await send(early);
      await held;
      await send(dialect.events.slice(cut).join(''));
      await wire.write('0\r\n\r\n');
    });
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', dialect.target(true), { body: dialect.request(true), headers: dialect.headers }));
    await client.until(() => client.bodySoFar().length >= Buffer.byteLength(early), 'the first events', 3000);
    assert.equal(client.bodySoFar().toString(), early);
    release();
    const answer = await client.answer();
    assert.equal(answer.body.toString(), streamOf(dialect));
    client.close();
  });

  test(`${dialect.name}: an error of the vendor passes unmodified`, async () => {
    const { up, lurus } = context;
    for (const status of [400, 401, 403, 413, 422, 429, 500, 529]) {
      up.next(json(dialect.error, { status, reason: 'Its Own Reason', headers: [['retry-after', '17'], ['request-id', 'req_abc'], ['x-request-id', 'r-1'],
        ['anthropic-ratelimit-requests-remaining', '0'], ['x-ratelimit-reset-tokens', '6m0s'], ['x-should-retry', 'false']] }));
      const answer = await post(lurus, dialect.target(false), dialect.request(false), { headers: dialect.headers });
      assert.equal(answer.status, status);
      assert.equal(answer.body.toString(), dialect.error);
      for (const [name, value] of [['retry-after', '17'], ['request-id', 'req_abc'], ['x-request-id', 'r-1'], ['x-should-retry', 'false'],
        ['anthropic-ratelimit-requests-remaining', '0'], ['x-ratelimit-reset-tokens', '6m0s']]) {
        assert.equal(header(answer, name), value, name);
      }
      const row = await lurus.row(answer.trace);
      assert.equal(row.status, status);
      assert.equal(row.end, 'error');
    }
  });
}

test('the Gemini JSON array streams, byte for byte, with its usage', async () => {
  const { up, lurus } = context;
  for (const split of [undefined, 1, 50]) {
    up.next(json(gemini.array, { framing: 'chunked', split }));
    const answer = await post(lurus, '/v1beta/models/gemini-2.5-flash:streamGenerateContent', gemini.request());
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), gemini.array);
    const row = await lurus.row(answer.trace);
    assert.deepEqual(usageMismatch(row.usage, gemini.usage), {});
    assert.equal(row.stream, true);
  }
});

test("the vendor's headers pass in order and case, repeated ones too; hop-by-hop stays", async () => {
  const { up, lurus } = context;
  const headers = [['Request-Id', 'req_1'], ['X-RateLimit-Remaining', '9'], ['Link', '<a>'], ['Link', '<b>'], ['openai-processing-ms', '12'],
    ['X-Envoy-Upstream-Service-Time', '7'], ['Date', 'Thu, 03 Jul 2025 18:18:14 GMT'], ['ETag', '"v"']];
  up.next(json(chat.json, { headers: [...headers, ['Keep-Alive', 'timeout=3'], ['Connection', 'keep-alive, x-hop'], ['X-Hop', '1']] }));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false));
  const wanted = new Set(headers.map(([name]) => name));
  assert.deepEqual(answer.headers.filter(([name]) => wanted.has(name)), headers);
  assert.equal(header(answer, 'x-hop'), undefined);
  assert.equal(header(answer, 'keep-alive'), undefined);
  assert.equal(headersOf(answer.headers, 'content-length').length, 1);
});

test('a compressed body stays correct, and its usage is read or the coding is not offered', async () => {
  const { up, lurus } = context;
  for (const [offered, encode] of [['gzip', zlib.gzipSync], ['gzip, br', zlib.gzipSync], ['identity', (text) => Buffer.from(text)]]) {
    up.next((request) => {
      const accepts = headerOf(request.headers, 'accept-encoding') ?? '';
      const coded = /gzip/.test(accepts);
      return json(coded ? encode(chat.json) : chat.json, { headers: coded ? [['Content-Encoding', 'gzip']] : [] });
    });
    const answer = await post(lurus, '/v1/chat/completions', chat.request(false), { headers: [['Accept-Encoding', offered]] });
    const decoded = header(answer, 'content-encoding') === 'gzip' ? zlib.gunzipSync(answer.body) : answer.body;
    assert.equal(decoded.toString(), chat.json);
    assert.deepEqual(usageMismatch((await lurus.row(answer.trace)).usage, chat.usage), {});
  }
});

test('a vendor that compresses unasked: what it says passes', async () => {
  const { up, lurus } = context;
  const coded = zlib.gzipSync(anthropic.json);
  up.next(json(coded, { headers: [['Content-Encoding', 'gzip']] }));
  const answer = await post(lurus, '/v1/messages', anthropic.request(false), { headers: [['Accept-Encoding', 'gzip']] });
  const decoded = header(answer, 'content-encoding') === 'gzip' ? zlib.gunzipSync(answer.body) : answer.body;
  assert.equal(decoded.toString(), anthropic.json);
});

test('a body framed by the end of the connection is complete', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json, { framing: 'close' }), sse(streamOf(anthropic), { framing: 'close' }), json(chat.json, { framing: 'close', version: 'HTTP/1.0' }));
  assert.equal((await post(lurus, '/v1/chat/completions', chat.request(false))).body.toString(), chat.json);
  const stream = await post(lurus, '/v1/messages', anthropic.request(true));
  assert.equal(stream.body.toString(), streamOf(anthropic));
  assert.equal((await lurus.row(stream.trace)).end, 'complete');
  assert.equal((await post(lurus, '/v1/chat/completions', chat.request(false))).body.toString(), chat.json);
});

test('a stream with LF, CRLF or comments, without content type or with `data:` unspaced, is still read', async () => {
  const { up, lurus } = context;
  const variants = {
    crlf: streamOf(chat).replaceAll('\n', '\r\n'),
    comments: `: OPENROUTER PROCESSING\n\n${streamOf(chat).replaceAll('\n\n', '\n\n: keep\n\n')}`,
    unspaced: streamOf(chat).replaceAll('data: ', 'data:'),
    bom: `\ufeff${streamOf(chat)}`,
  };
  for (const [name, body] of Object.entries(variants)) {
    up.next(sse(body));
    const answer = await post(lurus, '/v1/chat/completions', chat.request(true));
    assert.equal(answer.body.toString(), body, name);
    assert.deepEqual(usageMismatch((await lurus.row(answer.trace)).usage, chat.usage), {}, name);
  }
  up.next({ framing: 'chunked', headers: [], body: streamOf(gemini) });
  const answer = await post(lurus, gemini.target(true), gemini.request());
  assert.equal(answer.body.toString(), streamOf(gemini));
  assert.deepEqual(usageMismatch((await lurus.row(answer.trace)).usage, gemini.usage), {});
});

test('an answer of 8 MB and a stream of 20,000 events come through unchanged', async () => {
  const { up, lurus } = context;
  const big = JSON.stringify({ ...JSON.parse(responses.json), padding: crypto.randomBytes(4 << 20).toString('hex') });
  up.next(json(big));
  const answer = await post(lurus, '/v1/responses', responses.request(false), { ms: 30_000 });
  assert.ok(answer.body.equals(Buffer.from(big)));
  const delta = anthropic.events[3];
  const body = anthropic.events.slice(0, 3).join('') + delta.repeat(20_000) + anthropic.events.slice(3).join('');
  up.next(sse(body, { split: 16_384 }));
  const stream = await post(lurus, '/v1/messages', anthropic.request(true), { ms: 30_000 });
  assert.ok(stream.body.equals(Buffer.from(body)));
  assert.deepEqual(usageMismatch((await lurus.row(stream.trace)).usage, anthropic.usage), {});
});

test('a 204 and a HEAD have no body and leave the connection usable', async () => {
  const { up, lurus } = context;
  const client = await connectRaw(lurus);
  up.next({ status: 204, reason: 'No Content', framing: 'none' }, json(chat.json));
  await client.write(requestBytes('DELETE', '/v1/responses/resp_1'));
  assert.equal((await client.answer(1)).status, 204);
  await client.write(requestBytes('POST', '/v1/chat/completions', { body: chat.request(false) }));
  assert.equal((await client.answer(2)).body.toString(), chat.json);
  client.close();
});
