// What a vendor can do wrong, and what the client gets then.
import test from 'node:test';
import assert from 'node:assert/strict';
import { DIALECTS, anthropic, chat, gemini, responses, json, sse, streamOf, usageMismatch } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { connectRaw, header, post, requestBytes } from './lib/raw.mjs';

const context = gateway({
  server: { heartbeat: '250ms' },
  provider: { idle_timeout: '1s', first_byte_timeout: '1500ms', connect_timeout: '1s' },
});

/// The error event of each dialect.
const toldOf = (text) => /^event: error$|^data: \{"(error|type":"error)"|^event: response\.failed$/m.test(text);

const bare = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

test('interim answers (100, 102, 103) are swallowed or passed, the final one counts', async () => {
  const { up, lurus } = context;
  for (const before of ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n']) {
    up.next(json(chat.json, { before }), sse(streamOf(chat), { before }));
    const answer = await post(lurus, '/v1/chat/completions', chat.request(false));
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), chat.json);
    assert.equal((await post(lurus, '/v1/chat/completions', chat.request(true))).body.toString(), streamOf(chat));
  }
});

test('a redirect is not followed and not hidden', async () => {
  const { up, lurus } = context;
  for (const status of [301, 302, 307, 308]) {
    up.next({ status, headers: [['Location', 'http://127.0.0.1:1/elsewhere'], ['Content-Type', 'text/html']], body: '<a>moved</a>' });
    const answer = await post(lurus, '/v1/messages', anthropic.request(false));
    assert.ok(answer.status === status || answer.status === 502, `${answer.status}`);
    if (answer.status === 502) assertError(anthropic, answer, 502, /redirect/i);
    assert.equal(up.requests.length, 1);
    up.clear();
  }
});

for (const dialect of DIALECTS) {
  const ask = (stream) => post(context.lurus, dialect.target(stream), dialect.request(stream), { headers: dialect.headers });

  test(`${dialect.name}: garbage instead of HTTP is a 502 in the dialect's shape`, async () => {
    for (const raw of ['garbage\r\n\r\n', '\x00\x01\x02\x03'.repeat(50), 'HTTP/1.1 abc OK\r\n\r\n', 'HTTP/2.0 200 OK\r\n\r\n', 'ICY 200 OK\r\n\r\n']) {
      context.up.next({ raw, end: 'close' });
      const answer = await ask(false);
      assertError(dialect, answer, 502);
      assert.equal((await context.lurus.row(answer.trace)).end, 'error');
    }
  });

  test(`${dialect.name}: a connection closed or reset before the head is a 502`, async () => {
    for (const end of ['close', 'reset']) {
      context.up.next({ raw: '', end }).always({ raw: '', end });
      const answer = await ask(true);
      assertError(dialect, answer, 502);
    }
  });

  test(`${dialect.name}: a JSON answer that is cut never looks whole`, async () => {
    const cut = Math.floor(Buffer.byteLength(dialect.json) / 2);
    for (const reply of [json(dialect.json, { cutAt: cut, end: 'close' }), json(dialect.json, { cutAt: cut, end: 'reset' }),
      json(dialect.json, { framing: 'chunked', cutAt: cut, end: 'close' })]) {
      context.up.next(reply).always(reply);
      const answer = await ask(false);
      if (answer.status === 200) assert.equal(answer.complete, false, 'a cut body arrived as a complete 200');
      else assertError(dialect, answer, 502);
      assert.ok(['upstream_cut', 'error'].includes((await context.lurus.row(answer.trace, { patience: 2000 })).end));
    }
  });

  test(`${dialect.name}: a stream cut mid-event ends with the dialect's error event or visibly broken`, async () => {
    const whole = dialect.events.slice(0, dialect.firstSemantic + 3).join('');
    const torn = whole + dialect.events[dialect.firstSemantic + 3].slice(0, 17);
    for (const end of ['close', 'reset']) {
      context.up.next(sse('', { pieces: [torn, 20], lastChunk: false, end }));
      const answer = await ask(true);
      const text = answer.body.toString();
      assert.ok(text.startsWith(whole), text);
      assert.ok(!text.includes(dialect.end));
      assert.ok(toldOf(text) || !answer.complete, 'the client must be told');
      const row = await context.lurus.row(answer.trace, { patience: 2000 });
      assert.equal(row.end, 'upstream_cut');
    }
  });

  test(`${dialect.name}: a stream that ends cleanly without the dialect's end is a cut`, async () => {
    const whole = dialect.events.slice(0, dialect.firstSemantic + 3).join('');
    context.up.next(sse(whole));
    const answer = await ask(true);
    assert.ok(answer.body.toString().startsWith(whole));
    assert.ok(toldOf(answer.body.toString()), answer.body.toString());
    assert.equal((await context.lurus.row(answer.trace)).end, 'upstream_cut');
  });

  test(`${dialect.name}: silence before the first event brings keepalives, then the stream`, async () => {
    context.up.next(sse(streamOf(dialect), { headDelay: 800 }));
    const client = await connectRaw(context.lurus);
    await client.write(requestBytes('POST', dialect.target(true), { body: dialect.request(true), headers: dialect.headers }));
    await client.until(() => client.answers.length === 1 && client.bodySoFar().length > 0, 'a keepalive', 900);
    assert.match(client.bodySoFar().toString(), dialect.keepalive);
    assert.match(header(client.answers[0], 'content-type'), /^text\/event-stream/);
    const answer = await client.answer();
    assert.equal(answer.status, 200);
    assert.ok(answer.body.toString().endsWith(streamOf(dialect)));
    const row = await context.lurus.row(header(answer, 'x-lurus-trace-id'));
    assert.equal(row.end, 'complete');
    assert.deepEqual(usageMismatch(row.usage, dialect.usage), {});
    client.close();
  });

  test(`${dialect.name}: an error after keepalives is inside the stream`, async () => {
    context.up.next(json(dialect.error, { status: 429, headDelay: 700 }));
    const answer = await ask(true);
    assert.equal(answer.status, 200);
    assert.ok(toldOf(answer.body.toString()), answer.body.toString());
    assert.ok(!answer.body.toString().includes(dialect.end));
    assert.equal((await context.lurus.row(answer.trace)).end, 'error');
  });

  test(`${dialect.name}: a vendor that never answers is given up, keepalives or not`, async () => {
    context.up.always(async () => {});
    const started = Date.now();
    const answer = await ask(false);
    assertError(dialect, answer, 504);
    assert.ok(Date.now() - started < 6000);
    const stream = await ask(true);
    assert.ok(toldOf(stream.body.toString()), stream.body.toString());
    const row = await context.lurus.row(stream.trace);
    assert.equal(row.end, 'error');
    assert.match(row.attempts[0].outcome, /timeout/);
  });

  test(`${dialect.name}: silence inside a stream is ended by the idle timeout`, async () => {
    const whole = dialect.events.slice(0, dialect.firstSemantic + 2).join('');
    context.up.next(sse('', { pieces: [whole, 6000], end: 'hang', lastChunk: false }));
    const started = Date.now();
    const answer = await ask(true);
    const took = Date.now() - started;
    assert.ok(took > 700 && took < 5000, `${took} ms`);
    assert.ok(answer.body.toString().startsWith(whole));
    assert.ok(toldOf(answer.body.toString()), answer.body.toString());
    assert.equal((await context.lurus.row(answer.trace, { patience: 1000 })).end, 'upstream_cut');
  });
}

test("the vendor's own pings do not keep a dead stream alive for ever, ours do not count", async () => {
  const { up, lurus } = context;
  up.next(sse('', { pieces: [anthropic.events.slice(0, 4).join(''), 500, anthropic.events.slice(4).join('')] }));
  const answer = await post(lurus, '/v1/messages', anthropic.request(true));
  assert.match(answer.body.toString(), /message_stop/);
  assert.equal((await lurus.row(answer.trace)).end, 'complete');
});

test('a huge response head is refused with a clear error', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json, { headers: [['X-Huge', 'x'.repeat(2 << 20)]] }));
  assertError(chat, await post(lurus, '/v1/chat/completions', chat.request(false)), 502, /head/i);
});

test('a head of 30 KB still passes', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json, { headers: [['X-Big', 'x'.repeat(30_000)]] }));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false));
  assert.equal(answer.status, 200);
  assert.equal(header(answer, 'x-big').length, 30_000);
});

test('bad framing from the vendor is a 502', async () => {
  const { up, lurus } = context;
  const bodies = [`${bare}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`, `${bare}Content-Length: -1\r\n\r\nx`, `${bare}Content-Length: 0x10\r\n\r\nx`,
    `${bare}Transfer-Encoding: chunked, gzip\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`, `${bare}Bad Header : x\r\n\r\n{}`, `${bare}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`];
  for (const raw of bodies) {
    up.next({ raw, end: 'close' });
    const answer = await post(lurus, '/v1/chat/completions', chat.request(false));
    if (answer.status === 200) assert.equal(answer.complete, false, raw);
    else assertError(chat, answer, 502);
  }
});

test('a wrong content type does not stop the relay', async () => {
  const { up, lurus } = context;
  up.next({ headers: [['Content-Type', 'text/html']], body: '<html>Bad gateway</html>', status: 200 });
  const html = await post(lurus, '/v1/messages', anthropic.request(false));
  assert.ok(html.status === 200 || html.status === 502);
  if (html.status === 200) assert.equal(html.body.toString(), '<html>Bad gateway</html>');
  up.next({ headers: [['Content-Type', 'text/html']], body: '<html>502</html>', status: 502 });
  const bad = await post(lurus, '/v1/messages', anthropic.request(true));
  assert.equal(bad.status, 502);
  assert.equal(bad.body.toString(), '<html>502</html>');
  assert.equal((await lurus.row(bad.trace)).end, 'error');
});

test('JSON where a stream was asked for, and a stream where JSON was', async () => {
  const { up, lurus } = context;
  up.next(json(anthropic.json), sse(streamOf(anthropic)));
  const one = await post(lurus, '/v1/messages', anthropic.request(true));
  assert.equal(one.body.toString(), anthropic.json);
  assert.deepEqual(usageMismatch((await lurus.row(one.trace)).usage, anthropic.usage), {});
  const two = await post(lurus, '/v1/messages', anthropic.request(false));
  assert.equal(two.body.toString(), streamOf(anthropic));
  assert.deepEqual(usageMismatch((await lurus.row(two.trace)).usage, anthropic.usage), {});
});

test('bytes after the declared length do not poison the next answer', async () => {
  const { up, lurus } = context;
  up.next({ raw: `${bare}Content-Length: ${Buffer.byteLength(chat.json)}\r\n\r\n${chat.json}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad` });
  assert.equal((await post(lurus, '/v1/chat/completions', chat.request(false))).body.toString(), chat.json);
  up.next(json(gemini.json));
  assert.equal((await post(lurus, gemini.target(false), gemini.request())).body.toString(), gemini.json);
  up.next(json(responses.json));
  assert.equal((await post(lurus, '/v1/responses', responses.request(false))).body.toString(), responses.json);
});

test('an answer without usage is estimated by what came of it', async () => {
  const { up, lurus } = context;
  const events = [...chat.events];
  events.splice(-2, 1);
  up.next(sse(events.join('')));
  const answer = await post(lurus, '/v1/chat/completions', chat.request(true));
  const row = await lurus.row(answer.trace);
  assert.equal(row.end, 'complete');
  assert.equal(row.usage.estimated, true);
  assert.ok(row.usage.input > 0 && row.usage.output >= 6 && row.usage.output < 20, JSON.stringify(row.usage));
  assert.ok(row.cost_nano_usd > 0);
});
