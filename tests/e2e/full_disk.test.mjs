// A disk that fills up under a running server, at its restart and after a kill: known keys go on being served, /health and the
// doctor say what is the matter, and with room again everything works by itself, with nothing lost.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { Lurus, PATIENCE, configFor, httpGet } from './lib/lurus.mjs';
import { api } from './lib/people.mjs';
import { post } from './lib/raw.mjs';
import { hasSqlite } from './lib/database.mjs';
import { noSmallDisk, smallDisk } from './lib/small_disk.mjs';

async function started(t, mebibytes = 16) {
  const disk = smallDisk(t, mebibytes);
  const up = await startUpstream();
  t.after(() => up.close());
  up.always(json(anthropic.json));
  const lurus = new Lurus({ config: configFor(up), dataDir: disk.folder });
  t.after(async () => {
    if (lurus.process) await lurus.kill9();
  });
  await lurus.start();
  const admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  const made = await api(lurus, 'POST', '/api/v1/keys', { token: admin, body: { name: 'stored' } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return { disk, lurus, admin, stored: made.body.key, traces: [] };
}

async function ask(context, count = 1) {
  for (let i = 0; i < count; ++i) {
    const answer = await post(context.lurus, '/v1/messages', anthropic.request(false), { key: context.stored });
    assert.equal(answer.status, 200, answer.body.toString());
    context.traces.push(answer.trace);
  }
}

async function until(what, look) {
  const end = Date.now() + 20_000 * PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await sleep(50);
  }
}

const health = async ({ lurus }) => JSON.parse((await httpGet(`${lurus.url}/health`)).body);
const create = ({ lurus, admin }, name) => api(lurus, 'POST', '/api/v1/keys', { token: admin, body: { name } });

async function assertFull(context) {
  const found = await until('degraded', async () => {
    const now = await health(context);
    return now.problems.some((problem) => /disk .*full/.test(problem)) && now;
  });
  assert.equal(found.status, 'degraded');
  const { code, stdout, stderr } = await context.lurus.cli(['doctor', '--json']);
  assert.equal(code, 1);
  const findings = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const disk = findings.find((finding) => finding.check === 'disk');
  assert.ok(disk, stdout + stderr);
  assert.match(disk.detail, /full/);
  assert.match(disk.fix, /make room/);
  assert.ok(!/rm -|backup|\.snapshot/.test(findings.map((finding) => `${finding.detail} ${finding.fix}`).join()), stdout);
}

async function assertWell(context, name) {
  await until('healthy', async () => (await health(context)).status === 'healthy');
  const made = await create(context, name);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.deepEqual(fs.readdirSync(context.lurus.dataDir).filter((file) => file.includes('stand-in')), []);
  await ask(context);
  const rows = await context.lurus.logs(1000);
  assert.equal(rows.length, context.traces.length, 'every answer has its record');
}

test('a disk that fills up under a running server', { skip: noSmallDisk }, async (t) => {
  const context = await started(t);
  await ask(context, 3);
  context.disk.fill();
  await ask(context);
  await assertFull(context);
  // Some room may be left in the files themselves; then none.
  const refused = await until('a change is refused', async () => {
    const made = await create(context, `more-${Math.random().toString(36).slice(2)}`);
    context.disk.fill();
    return made.status === 201 ? null : made;
  });
  assert.equal(refused.status, 503, JSON.stringify(refused.body));
  assert.match(refused.body.detail, /full/);
  await ask(context);
  context.disk.empty();
  await assertWell(context, 'after');
  await context.lurus.stop();
});

for (const how of ['stop', 'kill9']) {
  test(`a restart on a full disk (${how}) serves, and is well when there is room`, { skip: noSmallDisk }, async (t) => {
    const context = await started(t);
    await ask(context, 5);
    context.disk.fill();
    await context.lurus[how]();
    context.disk.fill();
    await context.lurus.start();
    await ask(context);
    await assertFull(context);
    context.disk.empty();
    await assertWell(context, 'after');
    await context.lurus.stop();
    // Other programs can read the files again.
    if (hasSqlite) assert.equal(`${execFileSync('sqlite3', [path.join(context.lurus.dataDir, 'lurus.db'), 'PRAGMA integrity_check'])}`, 'ok\n');
    await context.lurus.start();
    await assertWell(context, 'again');
    await context.lurus.stop();
  });
}

test('a checkpoint that a full disk broke off leaves a database that is whole', { skip: noSmallDisk || !hasSqlite }, async (t) => {
  const context = await started(t, 24);
  const file = path.join(context.lurus.dataDir, 'lurus.db');
  for (let i = 0; i < 60; ++i) {
    const made = await api(context.lurus, 'POST', '/api/v1/keys', { token: context.admin, body: { name: `key-${i}`, note: 'n'.repeat(400) } });
    assert.equal(made.status, 201);
  }
  context.disk.fill();
  try {
    execFileSync('sqlite3', [file, 'PRAGMA wal_checkpoint(PASSIVE)'], { stdio: 'pipe' });
  } catch (error) {
    assert.match(`${error.stderr}`, /full|I\/O/);
  }
  await sleep(1200); // the server looks at its files once a second
  assert.ok(!(await health(context)).problems.some((problem) => /damaged|cut short/.test(problem)));
  await context.lurus.kill9();
  await context.lurus.start();
  const before = context.lurus.output;
  assert.doesNotMatch(before, /snapshot of|damaged/);
  await ask(context);
  context.disk.empty();
  await assertWell(context, 'after');
  const listed = await context.lurus.cli(['key', 'list', '--json']);
  assert.ok(listed.stdout.includes('key-59'));
  await context.lurus.stop();
});
