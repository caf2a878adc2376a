// Bodies that are compressed, both ways: read all the same, passed as they came where nothing has to be changed.
import test from 'node:test';
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { DIALECTS, anthropic, chat, responses, json, sse, streamOf, headerOf, usageMismatch } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { connectRaw, header, post, requestBytes } from './lib/raw.mjs';

const MAX_BODY = 2 << 20;
const context = gateway({ server: { max_body: MAX_BODY }, routes: [
  { model: 'coded-alias', to: ['oai/gpt-renamed'] }, { model: 'gpt-kept', to: ['oai/gpt-renamed', 'oai/gpt-kept'] }] });

const zstd = zlib.zstdCompressSync ?? ((bytes) => Buffer.concat([ // one raw block: what a compressor does with what it cannot compress
  Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]), u32(bytes.length), u24(1 | (bytes.length << 3)), bytes]));
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32LE(n); return b; };
const u24 = (n) => u32(n).subarray(0, 3);
const encode = {
  gzip: zlib.gzipSync, 'x-gzip': zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync, zstd, ZSTD: zstd, GZip: zlib.gzipSync,
  'gzip, zstd': (bytes) => zstd(zlib.gzipSync(bytes)), 'identity, br': zlib.brotliCompressSync, identity: (bytes) => bytes,
};
const ask = (coding, bytes, target, more = {}) => post(context.lurus, target, bytes, { ...more,
  headers: [['Content-Type', more.type ?? 'application/json'], ['Content-Encoding', coding], ...(more.headers ?? [])] });

for (const [coding, how] of Object.entries(encode)) {
  test(`a request in ${coding}: read, and passed byte for byte`, async () => {
    const { up, lurus } = context;
    const plain = Buffer.from(JSON.stringify(responses.request(true)));
    const coded = how(plain);
    up.next(sse(streamOf(responses)));
    const answer = await ask(coding, coded, responses.target(true));
    assert.equal(answer.status, 200, answer.body.toString());
    assert.deepEqual(up.last.body, coded);
    assert.equal(headerOf(up.last.headers, 'content-encoding'), coding);
    assert.equal(headerOf(up.last.headers, 'content-length'), String(coded.length));
    const row = await lurus.row(answer.trace);
    assert.equal(row.model, responses.request(true).model);
    assert.equal(row.stream, true);
    assert.deepEqual(usageMismatch(row.usage, responses.usage), {});
  });

  test(`a request in ${coding} whose model has another name upstream: sent plain`, async () => {
    const { up, lurus } = context;
    const request = { ...chat.request(false), model: 'coded-alias' };
    up.next(json(chat.json));
    const answer = await ask(coding, how(Buffer.from(JSON.stringify(request))), '/v1/chat/completions');
    assert.equal(answer.status, 200, answer.body.toString());
    const expected = JSON.stringify({ ...request, model: 'gpt-renamed' });
    assert.equal(up.last.body.toString(), expected);
    if (coding !== 'identity') assert.equal(headerOf(up.last.headers, 'content-encoding'), undefined);
    assert.equal(headerOf(up.last.headers, 'content-length'), String(expected.length));
    assert.equal((await lurus.row(answer.trace)).upstream_model, 'gpt-renamed');
  });
}

test('deflate without its wrapper, chunked requests and forms are read, too', async () => {
  const { up } = context;
  const request = Buffer.from(JSON.stringify({ ...chat.request(false), model: 'coded-alias' }));
  up.next(json(chat.json), json(chat.json), json('{"text":"hello"}'));
  assert.equal((await ask('deflate', zlib.deflateRawSync(request), '/v1/chat/completions')).status, 200);
  assert.equal(JSON.parse(up.last.body).model, 'gpt-renamed');
  const coded = zlib.gzipSync(request);
  const client = await connectRaw(context.lurus);
  await client.write(requestBytes('POST', '/v1/chat/completions', { headers: [['Transfer-Encoding', 'chunked'], ['Content-Type', 'application/json'], ['Content-Encoding', 'gzip']] }));
  for (const byte of coded) await client.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]));
  await client.write('0\r\n\r\n');
  assert.equal((await client.answer()).status, 200);
  client.close();
  assert.equal(JSON.parse(up.last.body).model, 'gpt-renamed');
  const form = Buffer.from('--b\r\nContent-Disposition: form-data; name="model"\r\n\r\ncoded-alias\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n');
  const answer = await ask('gzip', zlib.gzipSync(form), '/v1/audio/transcriptions', { type: 'multipart/form-data; boundary=b' });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(up.last.body.toString(), form.toString().replace('coded-alias', 'gpt-renamed'));
});

test('of two candidates each gets what it needs: one the renamed model plainly, one the bytes as they came', async () => {
  const { up } = context;
  const plain = JSON.stringify({ ...chat.request(false), model: 'gpt-kept' });
  const coded = zlib.gzipSync(plain);
  up.next({ status: 503, headers: [['Content-Type', 'application/json']], body: '{"error":{"message":"busy"}}' }, json(chat.json));
  const answer = await ask('gzip', coded, '/v1/chat/completions');
  assert.equal(answer.status, 200, answer.body.toString());
  const [first, second] = up.requests.slice(-2);
  assert.equal(first.body.toString(), plain.replace('gpt-kept', 'gpt-renamed'));
  assert.equal(headerOf(first.headers, 'content-encoding'), undefined);
  assert.deepEqual(second.body, coded);
  assert.equal(headerOf(second.headers, 'content-encoding'), 'gzip');
});

test('bombs, damage, cut bodies and unknown codings are refused in the dialect, and nothing goes upstream', async () => {
  const { up } = context;
  const zeros = Buffer.alloc(64 << 20, 0x20);
  const good = Buffer.from(JSON.stringify(anthropic.request(false)));
  const cases = [
    ['gzip', zlib.gzipSync(zeros), 413, /max_body/], ['deflate', zlib.deflateSync(zeros), 413, /max_body/], ['br', zlib.brotliCompressSync(zeros, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }), 413, /max_body/],
    ['gzip, gzip', zlib.gzipSync(zlib.gzipSync(zeros)), 413, /max_body/],
    ['gzip', good, 400, /content-encoding \(gzip\)/], ['zstd', good, 400, /zstd/], ['br', good, 400, /damaged/],
    ['gzip', zlib.gzipSync(good).subarray(0, 30), 400, /not whole/], ['deflate', Buffer.concat([zlib.deflateSync(good), good]), 400, /damaged/],
    ['compress', good, 415, /gzip, deflate, br, zstd/], ['gzip, gzip, gzip, gzip', good, 415, /in a row/], ['aes128gcm', good, 415, /aes128gcm/],
  ];
  if (zlib.zstdCompressSync) cases.push(['zstd', zlib.zstdCompressSync(zeros), 413, /max_body/]);
  const before = up.requests.length;
  for (const [coding, body, status, pattern] of cases) {
    const answer = await ask(coding, body, '/v1/messages', { headers: anthropic.headers });
    assertError(anthropic, answer, status, pattern);
    if (status === 415) assert.equal(header(answer, 'accept-encoding'), 'gzip, deflate, br, zstd');
  }
  assert.equal(up.requests.length, before);
});

const answers = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync, ...(zlib.zstdCompressSync ? { zstd: zlib.zstdCompressSync } : {}), 'deflate, gzip': (b) => zlib.gzipSync(zlib.deflateSync(b)) };
for (const [coding, how] of Object.entries(answers)) {
  for (const dialect of DIALECTS) {
    test(`${dialect.name}: a vendor that answers in ${coding} unasked is decoded and read`, async () => {
      const { up, lurus } = context;
      for (const stream of [false, true]) {
        const plain = stream ? streamOf(dialect) : dialect.json;
        const fields = { headers: [['Content-Encoding', coding]] };
        up.next(stream ? sse(how(Buffer.from(plain)), { ...fields, split: 11 }) : json(how(Buffer.from(plain)), fields));
        const answer = await post(lurus, dialect.target(stream), dialect.request(stream), { headers: [...(dialect.headers ?? []), ...(stream ? [['Accept-Encoding', 'gzip']] : [])] });
        assert.equal(answer.status, 200);
        assert.equal(header(answer, 'content-encoding'), undefined);
        assert.equal(answer.body.toString(), plain);
        assert.equal(answer.complete, true);
        const row = await lurus.row(answer.trace);
        assert.equal(row.end, 'complete');
        assert.deepEqual(usageMismatch(row.usage, dialect.usage), {});
      }
    });
  }
}

test('compressed events arrive when the vendor flushes them', async () => {
  const { up, lurus } = context;
  const cut = anthropic.firstSemantic + 2;
  const early = anthropic.events.slice(0, cut).join('');
  let release;
  const held = new Promise((resolve) => (release = resolve));
  up.next(async (_request, wire) => {
    const gzip = zlib.createGzip();
    const flushed = () => new Promise((resolve) => gzip.flush(zlib.constants.Z_SYNC_FLUSH, resolve));
    const chunk = async (bytes) => bytes?.length && wire.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]));
    await wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n');
    gzip.write(early);
    await flushed();
    await chunk(gzip.read());
    await held;
    gzip.end(anthropic.events.slice(cut).join(''));
    const rest = [];
    for await (const bytes of gzip) rest.push(bytes);
    await chunk(Buffer.concat(rest));
    await wire.write('0\r\n\r\n');
  });
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', anthropic.target(true), { body: anthropic.request(true), headers: anthropic.headers }));
  await client.until(() => client.bodySoFar().length >= Buffer.byteLength(early), 'the first events');
  assert.equal(client.bodySoFar().toString(), early);
  release();
  const answer = await client.answer();
  assert.equal(answer.body.toString(), streamOf(anthropic));
  client.close();
});

test('a compressed answer that is cut or damaged is a cut one', async () => {
  const { up, lurus } = context;
  const whole = zlib.gzipSync(streamOf(anthropic));
  const bad = Buffer.from(whole);
  bad[bad.length - 3] ^= 0xff;
  for (const body of [whole.subarray(0, whole.length - 12), whole.subarray(0, whole.length / 2), bad]) {
    up.next(sse(body, { headers: [['Content-Encoding', 'gzip']] }));
    const answer = await post(lurus, anthropic.target(true), anthropic.request(true), { headers: anthropic.headers });
    assert.notEqual((await lurus.row(answer.trace)).end, 'complete');
  }
});

test("a vendor's compressed error, and what is not read along", async () => {
  const { up, lurus } = context;
  const error = '{"type":"error","error":{"type":"invalid_request_error","message":"no such thing"}}';
  up.next(json(zlib.gzipSync(error), { status: 400, headers: [['Content-Encoding', 'gzip']] }));
  const refused = await post(lurus, '/v1/messages', anthropic.request(false), { headers: anthropic.headers });
  assert.equal(refused.status, 400);
  assert.equal(refused.body.toString(), error);
  assert.match((await lurus.row(refused.trace)).error, /no such thing/);
  const sound = zlib.gzipSync(Buffer.from('RIFFsound'));
  const speech = { model: 'tts-1', input: 'hello', voice: 'alloy' };
  for (const [accept, coding] of [[[['Accept-Encoding', 'gzip, br']], 'gzip'], [[], undefined]]) {
    up.next({ status: 200, headers: [['Content-Type', 'audio/wav'], ['Content-Encoding', 'gzip']], body: sound });
    const answer = await post(lurus, '/v1/audio/speech', speech, { headers: accept });
    assert.equal(header(answer, 'content-encoding'), coding);
    assert.deepEqual(coding ? zlib.gunzipSync(answer.body) : answer.body, Buffer.from('RIFFsound'));
  }
});
