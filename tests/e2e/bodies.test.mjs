// What requests' bodies may take of the process's memory: nothing before their sender is known, little where no body
// belongs, together no more than is kept for them; and an allocation that fails ends one request.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS, anthropic, chat, json, startUpstream } from '../upstream/index.mjs';
import { assertError } from './lib/suite.mjs';
import { ask, connectRaw, header, jsonOf, post, requestBytes } from './lib/raw.mjs';
import { configFor, httpGet, startLurus } from './lib/lurus.mjs';

const MiB = 1 << 20;
let up;
before(async () => { up = await startUpstream(); });
after(async () => { await up?.close(); });

async function withLurus(more, use, options = {}) {
  up.clear().always(json(chat.json));
  const lurus = await startLurus({ config: configFor(up, more), ...options });
  try {
    await use(lurus);
  } finally {
    await lurus.close();
  }
}

const metric = async (lurus, name) => {
  const text = (await httpGet(`${lurus.url}/metrics`)).body.toString();
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))?.split(' ').at(-1));
};
const peak = (lurus) => Number(/VmHWM:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${lurus.process.pid}/status`, 'utf8'))[1]) * 1024;
const chatHead = (more) => `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n`;
const bearer = 'Authorization: Bearer cr_e2e_0123456789abcdef0123456789abcdef\r\n';
const bigChat = (bytes) => JSON.stringify(chat.request(false, { padding: 'x'.repeat(bytes) }));

test('who is not known, or asks for what takes no body, is answered before the body, which is not kept', async () => {
  await withLurus({}, async (lurus) => {
    const before = peak(lurus);
    const heads = [
      [chatHead(`Content-Length: ${64 * MiB}\r\n`), 401],
      [chatHead(`Authorization: Bearer cr_wrong\r\nTransfer-Encoding: chunked\r\n`), 401],
      [`POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: ${64 * MiB}\r\n\r\n`, 405],
      [`GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: ${64 * MiB}\r\n\r\n`, 413],
      [`GET /v1/models HTTP/1.1\r\nHost: x\r\n${bearer}Content-Length: ${MiB}\r\n\r\n`, 413],
      [`POST /v1/nowhere HTTP/1.1\r\nHost: x\r\n${bearer}Content-Length: ${MiB}\r\n\r\n`, 404],
      [`POST /api/v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: ${64 * MiB}\r\n\r\n`, 401],
      [`POST /api/v1/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: ${64 * MiB}\r\n\r\n`, 401],
      [`POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: ${MiB}\r\n\r\n`, 413],
    ];
    const piece = Buffer.alloc(MiB, 0x61);
    for (const [head, status] of heads) {
      const client = await connectRaw(lurus);
      await client.write(head);
      const answer = await client.answer();
      assert.equal(answer.status, status, head);
      assert.match(client.text(), /connection: close/i);
      assert.equal(client.ended === 'reset', false, head);
      client.close();
      // The same from a client that sends without looking: it sees the answer, not a reset.
      const blind = await connectRaw(lurus);
      blind.write(head);
      for (let n = 0; n < 8; ++n) blind.write(head.includes('chunked') ? Buffer.from(`100000\r\n${piece.toString('latin1')}\r\n`) : piece);
      assert.equal((await blind.answer()).status, status, head);
      blind.close();
    }
    assert.ok(peak(lurus) - before < 24 * MiB, `${(peak(lurus) - before) / MiB} MiB`);
    assert.equal(up.requests.length, 0);
  });
});

test('Expect: 100-continue is answered only where the body will be read', async () => {
  await withLurus({}, async (lurus) => {
    const expect = 'Expect: 100-continue\r\n';
    const token = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
    const refused = [
      [chatHead(`${expect}Content-Length: ${MiB}\r\n`), 401],
      [chatHead(`${bearer}${expect}Content-Length: ${65 * MiB}\r\n`), 413],
      [`POST /v1/nowhere HTTP/1.1\r\nHost: x\r\n${bearer}${expect}Content-Length: 9\r\n\r\n`, 404],
      [`POST /metrics HTTP/1.1\r\nHost: x\r\n${expect}Content-Length: 9\r\n\r\n`, 405],
      [`POST /api/v1/keys HTTP/1.1\r\nHost: x\r\n${expect}Content-Length: 9\r\n\r\n`, 401],
      [`POST /api/v1/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${expect}Content-Length: ${2 * MiB}\r\n\r\n`, 413],
    ];
    for (const [head, status] of refused) {
      const client = await connectRaw(lurus);
      await client.write(head);
      assert.equal((await client.answer()).status, status, head);
      assert.equal(client.informational.length, 0, head);
      client.close();
    }
    for (const [target, key, text, status] of [['/v1/chat/completions', undefined, bigChat(100_000), 200], ['/api/v1/keys', token, '{"name":"by-expect"}', 201]]) {
      const bytes = requestBytes('POST', target, { body: text, headers: [['Expect', '100-continue']], ...(key ? { key } : {}) });
      const cut = bytes.indexOf('\r\n\r\n') + 4;
      const client = await connectRaw(lurus);
      await client.write(bytes.subarray(0, cut));
      await client.until(() => client.informational.length === 1, '100 Continue');
      await client.write(bytes.subarray(cut));
      assert.equal((await client.answer()).status, status, client.text());
      client.close();
    }
  });
});

test('bodies wait for room; who waits too long is told 503 in their dialect and when to come again', async () => {
  await withLurus({ server: { threads: 2, max_body: '4MiB', body_memory: '4MiB', body_wait: '600ms' } }, async (lurus) => {
    const holder = await connectRaw(lurus);
    await holder.write(chatHead(`${bearer}Content-Length: ${3 * MiB}\r\n`));
    await holder.write('{');
    await holder.until(() => true, 'nothing');
    while ((await metric(lurus, 'gateway_body_memory_bytes')) !== 3 * MiB) await sleep(10);
    for (const dialect of DIALECTS) {
      const client = await connectRaw(lurus);
      await client.write(requestBytes('POST', dialect.target(false), { headers: [...(dialect.headers ?? []), ['Content-Type', 'application/json'], ['Content-Length', String(2 * MiB)]] }));
      const answer = await client.answer();
      assertError(dialect, answer, 503, /memory/);
      assert.ok(Number(header(answer, 'retry-after')) > 0);
      client.close();
    }
    // What is small needs no room, and what waits goes on when there is some.
    assert.equal((await post(lurus, '/v1/chat/completions', bigChat(1000))).status, 200);
    const waiting = await connectRaw(lurus);
    const text = bigChat(2 * MiB);
    waiting.write(requestBytes('POST', '/v1/chat/completions', { body: text }));
    await sleep(100);
    assert.equal(waiting.answers.length, 0);
    holder.close();
    assert.equal((await waiting.answer()).status, 200);
    assert.equal(up.last.body.toString(), text);
    waiting.close();
    // A body that says no length takes its room as it comes.
    const chunked = await connectRaw(lurus);
    await chunked.write(chatHead(`${bearer}Transfer-Encoding: chunked\r\n`));
    for (let at = 0; at < text.length; at += 300_000) {
      const piece = text.slice(at, at + 300_000);
      await chunked.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    }
    await chunked.write('0\r\n\r\n');
    assert.equal((await chunked.answer()).status, 200);
    assert.equal(up.last.body.toString(), text);
    chunked.close();
    while ((await metric(lurus, 'gateway_body_memory_bytes')) !== 0) await sleep(10);
    assert.ok((await metric(lurus, 'gateway_body_waits_total')) >= 5);
  });
});

test('8 connections with 64 MiB each, under a limit of 1 GiB: all are answered, and the memory is bounded', async () => {
  const through = ['sh', '-c', 'ulimit -v 1048576 && exec "$0" "$@"'];
  await withLurus({ server: { threads: 2, body_wait: '60s' } }, async (lurus) => {
    const text = Buffer.from(bigChat(64 * MiB - 200));
    assert.ok(text.length <= 64 * MiB);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(lurus, '/v1/chat/completions', text, { ms: 60_000 })));
    assert.deepEqual(answers.map((answer) => answer.status), Array(8).fill(200));
    assert.ok(peak(lurus) < 450 * MiB, `${peak(lurus) / MiB} MiB`);
    up.clear().always(json(anthropic.json));
    assert.equal((await post(lurus, '/v1/messages', anthropic.request(false))).status, 200);
  }, { through });
});

test('an allocation that fails ends that one request with 503, and a record says so', async () => {
  const through = ['sh', '-c', 'ulimit -v 700000 && exec "$0" "$@"'];
  await withLurus({ server: { threads: 1, max_body: '4GiB', body_memory: '64GiB' } }, async (lurus) => {
    const small = await connectRaw(lurus);
    await small.write(chatHead(`${bearer}Content-Length: 100\r\n`));
    for (let round = 0; round < 3; ++round) {
      const client = await connectRaw(lurus);
      await client.write(chatHead(`${bearer}Content-Length: ${2048 * MiB}\r\n`));
      const answer = await client.answer();
      assertError(chat, answer, 503, /memory/);
      assert.ok(Number(header(answer, 'retry-after')) > 0);
      client.close();
    }
    const text = bigChat(0);
    await small.write(text.padEnd(100).slice(0, 100));
    assert.equal((await small.answer()).status === 503, false, 'another request of the shard ended with it');
    small.close();
    assert.equal((await post(lurus, '/v1/chat/completions', text)).status, 200);
    assert.equal((await ask(lurus, 'GET', '/v1/models')).status, 200);
    assert.ok((await metric(lurus, 'gateway_refused_total{path="chat.completions",reason="no_memory"')) !== 0);
  }, { through });
});

test('a refused request ends its connection, so nothing behind it is taken for another; one without a body does not', async () => {
  await withLurus({}, async (lurus) => {
    const next = `GET /v1/models HTTP/1.1\r\nHost: x\r\n${bearer}\r\n`;
    for (const first of [chatHead(`Content-Length: 10\r\n`), chatHead('Transfer-Encoding: chunked\r\n'), chatHead(`${bearer}Transfer-Encoding: chunked\r\n`) + 'zz\r\n']) {
      const client = await connectRaw(lurus);
      await client.write(first + next);
      await client.closed();
      assert.equal(client.answers.length, 1, client.text());
      client.close();
    }
    const client = await connectRaw(lurus);
    await client.write(`GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/none HTTP/1.1\r\nHost: x\r\n${bearer}\r\n${next}`);
    assert.deepEqual([(await client.answer(1)).status, (await client.answer(2)).status, (await client.answer(3)).status], [401, 404, 200]);
    assert.ok(Array.isArray(jsonOf(client.answers[2]).data));
    client.close();
    const old = await connectRaw(lurus);
    await old.write(`POST /v1/chat/completions HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n`);
    assert.equal((await old.answer()).status, 401);
    await old.closed();
  });
});
