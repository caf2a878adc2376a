// HTTP/1.1 as clients use it: keep-alive, pipelining, HTTP/1.0, Expect, Connection: close; and the pool towards the vendor.
import fs from 'node:fs';
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, chat, gemini, json, sse, streamOf, headerOf } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { ask, connectRaw, header, post, requestBytes } from './lib/raw.mjs';
import { KEY, PATIENCE } from './lib/lurus.mjs';

const context = gateway({ server: { threads: 1 } });

const chatBytes = (more) => requestBytes('POST', '/v1/chat/completions', { body: chat.request(false), ...more });

test('many requests on one connection, JSON and streams mixed', async () => {
  const { up, lurus } = context;
  const client = await connectRaw(lurus);
  for (let n = 0; n < 40; n += 2) {
    up.next(json(chat.json), sse(streamOf(anthropic), { split: 33 }));
    await client.write(chatBytes());
    assert.equal((await client.answer(n + 1)).body.toString(), chat.json);
    await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
    assert.equal((await client.answer(n + 2)).body.toString(), streamOf(anthropic));
  }
  assert.equal(client.ended, null);
  const traces = new Set(client.answers.map((answer) => header(answer, 'x-lurus-trace-id')));
  assert.equal(traces.size, 40, 'each request has its own trace id');
  client.close();
});

test('pipelined requests are answered in order, each with its own answer', async () => {
  const { up, lurus } = context;
  up.always(async (request) => {
    const text = request.body.toString();
    const n = /n=(\d+)/.exec(text)?.[1];
    await sleep(n === '0' ? 150 : 5);
    return json({ n });
  });
  const client = await connectRaw(lurus);
  const all = Buffer.concat(Array.from({ length: 8 }, (_, n) => requestBytes('POST', '/v1/chat/completions', { body: chat.request(false, { user: `n=${n}` }) })));
  await client.write(all);
  for (let n = 0; n < 8; n++) assert.equal((await client.answer(n + 1)).body.toString(), JSON.stringify({ n: String(n) }));
  client.close();
});

test('pipelined bytes are not taken for the end of the client', async () => {
  const { up, lurus } = context;
  up.next(sse(streamOf(anthropic), { split: 50, gap: 5 }), json(chat.json));
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
  await client.until(() => client.answers.length === 1, 'the head');
  await client.write(chatBytes());
  assert.equal((await client.answer(1)).body.toString(), streamOf(anthropic));
  assert.equal((await client.answer(2)).body.toString(), chat.json);
  client.close();
});

test('Connection: close is honoured', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json));
  const client = await connectRaw(lurus);
  await client.write(chatBytes({ headers: [['Connection', 'close']] }));
  const answer = await client.answer();
  assert.match(header(answer, 'connection') ?? '', /close/i);
  assert.equal(await client.closed(2000), 'end');
});

test('an HTTP/1.0 client gets its answer unchunked, ended by the connection or its length', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json), sse(streamOf(anthropic)));
  for (const [target, body, wanted] of [['/v1/chat/completions', chat.request(false), chat.json], ['/v1/messages', anthropic.request(true), streamOf(anthropic)]]) {
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', target, { body, version: 'HTTP/1.0' }));
    await client.closed(5000);
    const answer = await client.answer();
    assert.equal(answer.body.toString(), wanted);
    assert.equal(header(answer, 'transfer-encoding'), undefined);
  }
});

test('Expect: 100-continue is answered before the body is asked for', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json));
  const bytes = chatBytes({ headers: [['Expect', '100-continue']] });
  const cut = bytes.indexOf('\r\n\r\n') + 4;
  const client = await connectRaw(lurus);
  await client.write(bytes.subarray(0, cut));
  await client.until(() => client.informational.length === 1, '100 Continue', 3000);
  assert.equal(client.informational[0].status, 100);
  assert.equal(up.requests.length, 0);
  await client.write(bytes.subarray(cut));
  assert.equal((await client.answer()).body.toString(), chat.json);
  assert.equal(headerOf(up.last.headers, 'expect'), undefined);
  client.close();
});

test('Expect with a wrong key is refused without asking for the body', async () => {
  const { lurus } = context;
  const bytes = chatBytes({ headers: [['Expect', '100-continue'], ['Authorization', 'Bearer cr_wrong']] });
  const client = await connectRaw(lurus);
  await client.write(bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4));
  const answer = await client.answer();
  assert.equal(answer.status, 401);
  assert.equal(client.informational.length, 0);
  client.close();
});

test("the vendor's connections are kept and used again", async () => {
  const { up, lurus } = context;
  const before = up.connections;
  for (let n = 0; n < 10; n++) {
    up.next(n % 2 ? sse(streamOf(anthropic)) : json(anthropic.json));
    const answer = await ask(lurus, 'POST', '/v1/messages', { body: anthropic.request(n % 2 === 1) });
    assert.equal(answer.status, 200);
  }
  assert.ok(up.connections - before <= 2, `${up.connections - before} connections for 10 requests`);
});

test('a connection that the vendor closes is not used again', async () => {
  const { up, lurus } = context;
  for (let n = 0; n < 6; n++) {
    up.next(json(chat.json, { headers: [['Connection', 'close']], end: 'close' }));
    assert.equal((await ask(lurus, 'POST', '/v1/chat/completions', { body: chat.request(false) })).status, 200);
  }
  assert.equal(up.requests.length, 6);
});

test('60 concurrent streams on one shard all arrive whole', async () => {
  const { up, lurus } = context;
  up.always((request) => sse(request.target.includes('gemini') ? streamOf(gemini) : streamOf(anthropic), { split: 40, gap: 1 }));
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => (n % 2
    ? ask(lurus, 'POST', gemini.target(true), { body: gemini.request(), ms: 30_000 })
    : ask(lurus, 'POST', '/v1/messages', { body: anthropic.request(true), ms: 30_000 }))));
  answers.forEach((answer, n) => assert.equal(answer.body.toString(), streamOf(n % 2 ? gemini : anthropic)));
});

test('an absolute target and an odd Host are accepted, the path decides', async () => {
  const { up, lurus } = context;
  up.next(json(chat.json));
  const client = await connectRaw(lurus);
  const body = JSON.stringify(chat.request(false));
  await client.write(`POST http://gateway.test/v1/chat/completions HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer ${KEY}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const answer = await client.answer();
  assert.ok([200, 400].includes(answer.status), answer.body.toString());
  if (answer.status === 200) assert.equal(up.last.target, '/v1/chat/completions');
  client.close();
});

test('the memory of a burst goes back to the system when it is quiet', { skip: PATIENCE > 1 && 'sanitizers keep freed memory' }, async () => {
  const { up, lurus } = context;
  const resident = () => Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${lurus.process.pid}/status`, 'utf8'))[1]) / 1024;
  let arrived = 0;
  let release;
  const all = new Promise((resolve) => (release = resolve));
  const count = 64;
  up.always(async () => {
    if (++arrived === count) release();
    await all; // so that all bodies are there at once
    return json(chat.json);
  });
  const before = resident();
  let peak = 0;
  await Promise.all(
    Array.from({ length: count }, async () => {
      const answer = await post(lurus, '/v1/chat/completions', chat.request(false, { user: 'x'.repeat(400_000) }));
      peak = Math.max(peak, resident());
      assert.equal(answer.status, 200);
    }),
  );
  assert.ok(peak - before > 20, `${peak} MiB of ${before}: the bodies were not there at once`);
  const kept = before + (peak - before) / 2; // the program's own pages and caches come with the first requests
  let now = resident();
  for (let i = 0; i < 100 && now > kept; i++) {
    await sleep(100);
    now = resident();
  }
  assert.ok(now <= kept, `${now} MiB of ${before} after ${peak}`);
});
