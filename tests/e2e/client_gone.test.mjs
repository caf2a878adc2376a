// Clients that leave, in each phase: the vendor is let go (or drained, where so configured) and the record says so.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, chat, gemini, responses, sse, streamOf } from '../upstream/index.mjs';
import { gateway, providerFor } from './lib/suite.mjs';
import { connectRaw, header, post, requestBytes } from './lib/raw.mjs';

const context = gateway((up) => ({
  providers: [
    providerFor(anthropic, 'ant', up.url, { models: ['claude-*'] }),
    providerFor(anthropic, 'drainer', up.url, { models: ['drain-*'], on_client_gone: 'drain' }),
    providerFor(chat, 'oai', up.url),
    providerFor(gemini, 'gem', up.url),
  ],
}));

const newest = async (lurus, condition, ms = 4000) => {
  const until = Date.now() + ms;
  for (;;) {
    const row = (await lurus.logs(5)).find(condition);
    if (row) return row;
    if (Date.now() > until) throw new Error(`no such row; there are ${JSON.stringify(await lurus.logs(3))}`);
    await sleep(100);
  }
};

const gone = async (request) => {
  for (let i = 0; i < 200 && !request.gone; i++) await sleep(20);
  return request.gone;
};

for (const how of ['close', 'reset']) {
  test(`before the head is whole (${how}): nothing happens`, async () => {
    const { up, lurus } = context;
    const client = await connectRaw(lurus);
    await client.write('POST /v1/messages HTTP/1.1\r\nHost: x\r\nX-Ha');
    client[how]();
    await sleep(50);
    assert.equal(up.requests.length, 0);
  });

  test(`inside the body (${how}): nothing goes upstream`, async () => {
    const { up, lurus } = context;
    const client = await connectRaw(lurus);
    const bytes = requestBytes('POST', '/v1/messages', { body: anthropic.request(false) });
    await client.write(bytes.subarray(0, -10));
    await sleep(30);
    client[how]();
    await sleep(80);
    assert.equal(up.requests.length, 0);
  });

  test(`while the vendor is silent (${how}): it is let go`, async () => {
    const { up, lurus } = context;
    const session = `silent-${how}`;
    up.always(async () => {});
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true), headers: [['X-Claude-Code-Session-Id', session]] }));
    await up.wait(1);
    client[how]();
    assert.ok(await gone(up.last), 'the vendor was kept waiting');
    const row = await newest(lurus, (one) => one.session === session);
    assert.equal(row.end, 'client_gone');
  });

  for (const dialect of [anthropic, chat, responses, gemini]) {
    test(`${dialect.name}: inside the stream (${how}): the vendor is let go, what was seen is kept`, async () => {
      const { up, lurus } = context;
      up.always(sse('', { pieces: [dialect.events.slice(0, dialect.firstSemantic + 3).join(''), 60_000], end: 'hang', lastChunk: false }));
      const client = await connectRaw(lurus);
      await client.write(requestBytes('POST', dialect.target(true), { body: dialect.request(true) }));
      await client.until(() => client.answers.length && client.bodySoFar().length > 50, 'the first events');
      const trace = header(client.answers[0], 'x-lurus-trace-id');
      client[how]();
      assert.ok(await gone(up.last));
      const row = await lurus.row(trace, { patience: 4000 });
      assert.equal(row.end, 'client_gone');
      if (dialect === anthropic) assert.equal(row.usage.input, 21);
    });
  }

  test(`on_client_gone = drain (${how}): the vendor is read to its end and the usage is whole`, async () => {
    const { up, lurus } = context;
    up.next(sse('', { pieces: [anthropic.events.slice(0, 4).join(''), 400, anthropic.events.slice(4).join('')] }));
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true, { model: 'drain-1' }) }));
    await client.until(() => client.answers.length && client.bodySoFar().length > 50, 'the first events');
    const trace = header(client.answers[0], 'x-lurus-trace-id');
    client[how]();
    const row = await lurus.row(trace, { patience: 4000 });
    assert.equal(row.end, 'client_gone');
    assert.equal(row.usage.output, 37);
    assert.equal(up.last.gone, undefined);
  });
}

test('a client that leaves at the finish reason: what follows it is read, and the record is whole', async () => {
  const { up, lurus } = context;
  const finish = chat.events.findIndex((event) => event.includes('"finish_reason":"')) + 1;
  up.next(sse('', { pieces: [chat.events.slice(0, finish).join(''), 200, chat.events.slice(finish).join('')] }));
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', chat.target(true), { body: chat.request(true) }));
  await client.until(() => client.bodySoFar().includes('"finish_reason":"'), 'the finish reason');
  const trace = header(client.answers[0], 'x-lurus-trace-id');
  client.close();
  const row = await lurus.row(trace, { patience: 4000 });
  assert.equal(row.end, 'complete');
  assert.ok(row.usage.output > 0, JSON.stringify(row.usage));
});

test('a client that leaves at the finish reason of a vendor that never ends: it is let go soon', async () => {
  const { up, lurus } = context;
  const finish = chat.events.findIndex((event) => event.includes('"finish_reason":"')) + 1;
  up.next(sse('', { pieces: [chat.events.slice(0, finish).join(''), 60_000], end: 'hang', lastChunk: false }));
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', chat.target(true), { body: chat.request(true) }));
  await client.until(() => client.bodySoFar().includes('"finish_reason":"'), 'the finish reason');
  const trace = header(client.answers[0], 'x-lurus-trace-id');
  client.close();
  assert.ok(await gone(up.last));
  assert.equal((await lurus.row(trace, { patience: 4000 })).end, 'client_gone');
});

test('a hundred clients that leave do no harm', async () => {
  const { up, lurus } = context;
  up.always(sse('', { pieces: [anthropic.events.slice(0, 4).join(''), 60_000], end: 'hang', lastChunk: false }));
  await Promise.all(Array.from({ length: 100 }, async (_, n) => {
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
    await sleep(n % 17);
    client[n % 2 ? 'close' : 'reset']();
  }));
  const left = () => up.requests.filter((request) => !request.gone).length;
  for (let seen = -1, i = 0; i < 40 && (left() > 0 || up.requests.length !== seen); i++) {
    seen = up.requests.length;
    await sleep(300);
  }
  assert.equal(left(), 0, 'the vendor was not let go');
  up.clear().next(sse(streamOf(anthropic)));
  assert.equal((await post(lurus, '/v1/messages', anthropic.request(true))).body.toString(), streamOf(anthropic));
});
