// Answers of the management API that are made while they are sent: exports of any size, and lists that are followed.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import http from 'node:http';
import readline from 'node:readline';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startUpstream, chat, json } from '../upstream/index.mjs';
import { configFor, startLurus, LURUS_BIN, PATIENCE } from './lib/lurus.mjs';
import { hasSqlite } from './lib/database.mjs';
import { api } from './lib/people.mjs';
import { post } from './lib/raw.mjs';

const ENTRIES = 40_000, ENTRY_BYTES = 2000;
const BOUND_MIB = 40; // how much more memory an export may take than the server had; it is 90 MiB
const skip = hasSqlite ? false : 'no sqlite3 here';
let lurus, up, admin;

before(async () => {
  up = await startUpstream();
  lurus = await startLurus({ config: configFor(up) });
  admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  if (!hasSqlite) return;
  await lurus.stop();
  execFileSync('sqlite3', [path.join(lurus.dataDir, 'lurus.db'), `
    WITH RECURSIVE n(i) AS (SELECT number + 1 FROM audit_head UNION ALL SELECT i + 1 FROM n LIMIT ${ENTRIES})
    INSERT INTO audit SELECT i, 1800000000000000 + i, '', 'system', '', '', '', '', 'filler', '/filler', 200, '',
      '{"text":"' || hex(zeroblob(${ENTRY_BYTES / 2})) || '"}', NULL, zeroblob(32) FROM n;
    UPDATE audit_head SET number = (SELECT max(number) FROM audit), hash = zeroblob(32);`]);
  await lurus.start();
});
after(async () => {
  await lurus?.close();
  await up?.close();
});

const resident = () => Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${lurus.process.pid}/status`, 'utf8'))[1]) / 1024;

async function open(target, { method = 'GET', headers = {} } = {}) {
  const request = http.request(new URL(target, lurus.url), { method, agent: false, headers: { authorization: `Bearer ${admin}`, ...headers } });
  request.on('error', () => {}); // it is destroyed in the middle
  request.end();
  const [response] = await once(request, 'response');
  response.on('error', () => {});
  return { request, response };
}

test('a large export to a slow reader is whole, and never in memory', { skip }, async () => {
  await api(lurus, 'GET', '/api/v1/audit', { token: admin });
  const start = resident();
  const { response } = await open('/api/v1/audit/export');
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'application/x-ndjson');
  assert.equal(response.headers['transfer-encoding'], 'chunked');
  let most = 0, bytes = 0, lines = 0, wrong = 0, rest = '';
  await sleep(500); // nothing is read yet
  most = Math.max(most, resident());
  for await (const piece of response) {
    const parts = (rest + piece).split('\n');
    rest = parts.pop();
    for (const line of parts) if (!line.includes(`"number":${++lines},`)) ++wrong;
    if (Math.floor((bytes + piece.length) / 8e6) > Math.floor(bytes / 8e6)) {
      await sleep(20);
      most = Math.max(most, resident());
    }
    bytes += piece.length;
  }
  console.log(`exported ${(bytes / 2 ** 20).toFixed(0)} MiB; resident ${start.toFixed(0)} MiB before, at most ${most.toFixed(0)} MiB`);
  assert.deepEqual([rest, wrong], ['', 0]);
  assert.ok(lines >= ENTRIES, `${lines} lines`);
  assert.ok(bytes > 80 * 2 ** 20);
  assert.ok(most - start < BOUND_MIB, `${most - start} MiB more`);
});

test('who leaves ends the export, and the server goes on', { skip }, async () => {
  const clients = await Promise.all(Array.from({ length: 12 }, () => open('/api/v1/audit/export')));
  for (const { response } of clients) await once(response, 'data');
  for (const { request } of clients) request.destroy();
  const busy = () => fs.readFileSync(`/proc/${lurus.process.pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((a, b) => a + Number(b), 0);
  // Ticks of processor time: it comes to rest long before a dozen exports would have been made.
  let last = -1, still = 0;
  for (let i = 0; i < 200 * PATIENCE && still < 5; ++i) {
    await sleep(100);
    const now = busy();
    still = now - last <= 2 ? still + 1 : 0;
    last = now;
  }
  assert.equal(still, 5, 'it still works for nobody');
  assert.equal((await api(lurus, 'GET', '/api/v1/status', { token: admin })).status, 200);
});

test('a part of the export, its head, and a command without a server', { skip }, async () => {
  const part = await api(lurus, 'GET', '/api/v1/audit/export?limit=3&cursor=100', { token: admin });
  assert.deepEqual(part.body.trim().split('\n').map((line) => JSON.parse(line).number), [101, 102, 103]);
  const head = await open('/api/v1/audit/export', { method: 'HEAD' });
  assert.equal(head.response.statusCode, 200);
  for await (const _ of head.response) assert.fail('a body');
  await lurus.stop();
  const file = path.join(lurus.folder, 'audit.jsonl'), out = fs.openSync(file, 'w');
  const command = spawnSync(LURUS_BIN, ['audit', 'export', '--data-dir', lurus.dataDir, '--config', lurus.configFile], { env: lurus.childEnv(), stdio: ['ignore', out, 'pipe'] });
  fs.closeSync(out);
  await lurus.start();
  assert.equal(command.status, 0, `${command.stderr}`);
  const numbers = fs.readFileSync(file, 'latin1').match(/"number":\d+/g);
  assert.ok(numbers.length >= ENTRIES);
  assert.equal(new Set(numbers).size, numbers.length);
});

test('the log is followed: what comes arrives, a number goes on after it, and a stop ends it well', async () => {
  const ask = async () => {
    up.next(json(chat.json));
    assert.equal((await post(lurus, chat.target(false), chat.request(false, { model: 'followed' }))).status, 200);
  };
  await ask();
  const follow = async (target, headers) => {
    const { response } = await open(target, { headers });
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['content-type'], 'text/event-stream');
    const lines = readline.createInterface({ input: response })[Symbol.asyncIterator]();
    return async () => {
      const event = {};
      for (;;) {
        const { value, done } = await lines.next();
        if (done) return null;
        if (value === '' && event.data) return { id: Number(event.id), record: JSON.parse(event.data) };
        const colon = value.indexOf(': ');
        if (colon > 0) event[value.slice(0, colon)] = value.slice(colon + 2);
      }
    };
  };
  const live = await follow('/api/v1/logs/stream?model=followed');
  await ask();
  const second = await live();
  assert.equal(second.record.model, 'followed');
  assert.equal(second.record.id, second.id);
  await ask();
  const third = await live();
  assert.ok(third.id > second.id);
  const all = await follow('/api/v1/logs/stream?after_id=0');
  assert.ok((await all()).id < second.id, 'from the beginning');
  const after = await follow('/api/v1/logs/stream', { 'last-event-id': String(second.id) });
  assert.equal((await after()).id, third.id);
  assert.equal((await api(lurus, 'GET', '/api/v1/logs/stream?status=x', { token: admin })).status, 400);
  assert.equal((await api(lurus, 'GET', '/api/v1/logs/stream?after_id=x', { token: admin })).status, 400);
  assert.equal((await api(lurus, 'GET', '/api/v1/logs/stream')).status, 401);
  const how = await lurus.stop();
  assert.equal(how.code, 0);
  assert.equal(await live(), null);
  await lurus.start();
});
