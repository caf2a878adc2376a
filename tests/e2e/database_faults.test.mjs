// The databases deleted, replaced, locked, read-only, overwritten, cut short under a running server and before its start: who is
// known goes on being served (after a start from the snapshot of lurus.db), changes are refused with 503 and the reason, the doctor
// names it and what to do, and nobody is told 401.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { configFor, httpGet, KEY, modeOf, startLurus, WINDOWS } from './lib/lurus.mjs';
import { api, login, users } from './lib/people.mjs';
import { post } from './lib/raw.mjs';
import { FAULTS } from './lib/database.mjs';

const ADA = 'ada@example.com';

/// A server with a configured and a stored key, a stored provider and somebody signed in.
async function started(t) {
  const up = await startUpstream();
  t.after(() => up.close());
  up.always(json(anthropic.json));
  const people = users([{ email: ADA, role: 'owner' }]);
  const lurus = await startLurus({ config: { ...configFor(up), user: people.user }, env: people.env });
  const undos = [];
  t.after(async () => {
    for (const undo of undos) await undo();
    if (lurus.process) await lurus.kill9();
    fs.rmSync(lurus.folder, { recursive: true, force: true });
  });
  const admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  const made = await api(lurus, 'POST', '/api/v1/keys', { token: admin, body: { name: 'stored' } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const signedIn = await login(lurus, ADA);
  assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body));
  return { lurus, admin, undos, stored: made.body.key, access: signedIn.body.access_token, file: (name) => path.join(lurus.dataDir, name) };
}

/// Does what the doctor says. On Windows that is PowerShell's, which Wine does not have: the paths are taken from it.
function takeSteps(fix) {
  if (!WINDOWS) {
    execFileSync('sh', ['-c', /then: (.*) \(to begin/.exec(fix)[1]]);
    return;
  }
  const here = (named) => named.replace(/^'(.*)'$/, '$1').replace(/^Z:/, '').replaceAll('\\', '/');
  const moves = /then in PowerShell: foreach \(\$end in '', '-wal', '-shm'\) \{ \$from = (\S+) \+ \$end; .* -LiteralPath \$from \((\S+) \+ \$end\) \} \}; Move-Item -LiteralPath (\S+) (\S+) \(to begin/;
  const [, from, to, snapshot, file] = moves.exec(fix).map(here);
  for (const end of ['', '-wal', '-shm']) if (fs.existsSync(from + end)) fs.renameSync(from + end, to + end);
  fs.renameSync(snapshot, file);
}

async function assertServed({ lurus, stored }) {
  for (const key of [KEY, stored]) {
    const answer = await post(lurus, '/v1/messages', anthropic.request(false), { key });
    assert.equal(answer.status, 200, answer.body.toString());
  }
  const unknown = await post(lurus, '/v1/messages', anthropic.request(false), { key: 'cr_nobody' });
  assert.equal(unknown.status, 401); // who was never known is still nobody
}

const CHANGES = [
  ['POST', '/api/v1/keys', { name: 'another' }],
  ['PATCH', '/api/v1/keys/stored', { note: 'changed' }],
  ['DELETE', '/api/v1/keys/stored'],
  ['POST', '/api/v1/providers', { name: 'more', kind: 'anthropic', api_key: 'sk-x' }],
  ['POST', '/api/v1/routes', { model: 'fast', to: ['ant/claude-sonnet-4-5'] }],
  ['PUT', '/api/v1/prices/my-model', { vendor: 'me', input: '1', output: '2' }],
  ['POST', '/api/v1/auth/invitations', { email: 'new@example.com', role: 'member' }],
];

async function assertRefused({ lurus, admin, access }, names, changes = CHANGES) {
  for (const token of [admin, access]) {
    for (const [method, target, body] of changes) {
      const answer = await api(lurus, method, target, { token, body });
      assert.equal(answer.status, 503, `${method} ${target}: ${JSON.stringify(answer.body)}`);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      assert.equal(answer.body.status, 503);
      assert.match(answer.body.detail, names);
    }
  }
  const again = await login(lurus, ADA);
  assert.equal(again.status, 503, JSON.stringify(again.body));
}

async function assertReads({ lurus, admin, access }) {
  for (const [token, target] of [[admin, '/api/v1/keys'], [admin, '/api/v1/providers'], [admin, '/api/v1/status'], [access, '/api/v1/keys'], [access, '/api/v1/logs']]) {
    const answer = await api(lurus, 'GET', target, { token });
    assert.ok([200, 503].includes(answer.status), `${target}: ${answer.status} ${JSON.stringify(answer.body)}`);
    if (target.endsWith('keys') && token === admin) assert.ok(answer.body.data.length >= 2);
  }
}

async function assertNamed({ lurus }, names) {
  const { code, stdout, stderr } = await lurus.cli(['doctor', '--json']);
  assert.equal(code, 1, stdout + stderr);
  const findings = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const named = findings.filter((f) => f.level === 'broken' && names.test(f.detail));
  assert.ok(named.length > 0, stdout);
  assert.ok(named.some((finding) => finding.fix), 'the doctor says what to do');
}

for (const [fault, { names, make, skip }] of Object.entries(FAULTS)) {
  test(`lurus.db ${fault} under a running server`, { skip }, async (t) => {
    const context = await started(t);
    const undo = await make(context.file('lurus.db'));
    if (undo) context.undos.push(undo);
    await assertServed(context);
    // Each of these waits for the lock before it gives up.
    await assertRefused(context, names, fault === 'locked' ? CHANGES.slice(0, 5) : CHANGES);
    await assertReads(context);
    await assertNamed(context, names);
    if (!undo) return;
    await undo();
    const changed = await api(context.lurus, 'PATCH', '/api/v1/keys/stored', { token: context.admin, body: { note: 'back' } });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    await context.lurus.stop();
  });

  test(`log.db ${fault} under a running server`, { skip }, async (t) => {
    const context = await started(t);
    const undo = await make(context.file('log.db'));
    if (undo) context.undos.push(undo);
    await assertServed(context);
    const made = await api(context.lurus, 'POST', '/api/v1/keys', { token: context.admin, body: { name: 'another' } });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    await assertReads(context);
    await assertNamed(context, names);
  });
}

test('/health says what is wrong with a file, and when it is well again', async (t) => {
  const context = await started(t);
  const status = async () => JSON.parse((await httpGet(`${context.lurus.url}/health`)).body);
  const until = async (wanted) => {
    for (let i = 0; i < 100; ++i) {
      const health = await status();
      if (health.status === wanted) return health;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`not ${wanted}: ${JSON.stringify(await status())}`);
  };
  await until('healthy');
  const undo = FAULTS.deleted.make(context.file('lurus.db'));
  assert.match((await until('degraded')).problems.join(), /lurus\.db was deleted/);
  undo();
  await until('healthy');
});

async function restarted({ lurus }, waitReady = true) {
  lurus.output = '';
  await lurus.start({ waitReady });
  return lurus;
}

for (const fault of ['locked', 'read-only', 'overwritten']) {
  for (const name of ['lurus.db', 'log.db']) {
    const { names, make, skip } = FAULTS[fault];
    test(`a start with ${name} ${fault} and no snapshot is refused with the reason`, { skip }, async (t) => {
      const context = await started(t);
      await context.lurus.stop();
      fs.rmSync(context.file('lurus.db.snapshot'));
      const undo = await make(context.file(name));
      if (undo) context.undos.push(undo);
      const again = await restarted(context, false);
      const how = await again.exited;
      assert.equal(how.code, 1, again.output);
      assert.match(again.output, new RegExp(name.replace('.', '\\.')));
      assert.match(again.output, fault === 'overwritten' ? /not a database|damaged/ : names);
      again.process = null;
      await assertNamed(context, fault === 'overwritten' ? /not a database|damaged/ : names);
    });
  }
}

const damagedPage = {
  names: /damaged|malformed/,
  make(file) {
    const handle = fs.openSync(file, 'r+');
    const { size } = fs.fstatSync(handle);
    fs.writeSync(handle, Buffer.alloc(size - 4096, 0xee), 0, size - 4096, 4096);
    fs.closeSync(handle);
    return null;
  },
};
for (const fault of ['deleted', 'locked', 'read-only', 'overwritten', 'truncated', 'damaged behind its first page']) {
  const { names, make, skip } = FAULTS[fault] ?? damagedPage;
  const lasting = ['deleted', 'overwritten', 'truncated', 'damaged behind its first page'].includes(fault);
  test(`a start with lurus.db ${fault} goes on from the snapshot`, { skip }, async (t) => {
    const context = await started(t);
    await context.lurus.stop();
    const file = context.file('lurus.db');
    const undo = await make(file);
    if (undo) context.undos.push(undo);
    const found = fault === 'overwritten' ? /not a database|damaged/ : names;
    const before = fs.existsSync(file) ? fs.readFileSync(file) : null;
    await restarted(context);
    await assertServed(context);
    await assertRefused(context, found);
    assert.match(context.lurus.output, /Warning: .*lurus\.db.*snapshot of 20\d\d-/);
    await assertReads(context);
    await assertNamed(context, found);
    const health = JSON.parse((await httpGet(`${context.lurus.url}/health`)).body);
    assert.equal(health.status, 'degraded');
    const { stdout } = await context.lurus.cli(['doctor', '--json']);
    await context.lurus.stop();
    assert.deepEqual(fs.existsSync(file) ? fs.readFileSync(file) : null, before, 'the damaged file is left as it was');
    assert.deepEqual(fs.readdirSync(context.lurus.dataDir).filter((name) => name.includes('stand-in')), []);
    if (!lasting) {
      await undo();
    } else {
      assert.notEqual((await context.lurus.cli(['key', 'list'])).code, 0, 'no command begins a new database');
      assert.equal(fs.existsSync(file), before !== null);
      // What the doctor says to do.
      const { fix } = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((one) => one.check === 'lurus.db' && one.fix);
      takeSteps(fix);
    }
    await restarted(context);
    await assertServed(context);
    const changed = await api(context.lurus, 'PATCH', '/api/v1/keys/stored', { token: context.admin, body: { note: 'back' } });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    assert.equal((await login(context.lurus, ADA)).status, 200);
  });
}

test('the snapshot follows a change while the server runs, is private, and a broken one is not served', async (t) => {
  const context = await started(t);
  const snapshot = context.file('lurus.db.snapshot');
  const made = await api(context.lurus, 'POST', '/api/v1/keys', { token: context.admin, body: { name: 'late' } });
  for (let i = 0; !(fs.existsSync(snapshot) && fs.readFileSync(snapshot).includes(made.body.id)); ++i) {
    assert.ok(i < 200, 'the new key is in the snapshot');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(modeOf(snapshot), 0o600);
  await context.lurus.kill9();
  for (const end of ['', '-wal', '-shm']) fs.rmSync(context.file(`lurus.db${end}`), { force: true });
  await restarted(context);
  await assertServed({ ...context, stored: made.body.key });
  await context.lurus.stop();
  const bytes = fs.readFileSync(snapshot);
  bytes[Math.floor(bytes.length / 2)] ^= 1;
  fs.writeFileSync(snapshot, bytes);
  const again = await restarted(context, false);
  assert.equal((await again.exited).code, 1, again.output);
  assert.match(again.output, /lurus\.db is gone; and .*lurus\.db\.snapshot is not a whole snapshot/);
  again.process = null;
});

test('a start without lurus.db and without its snapshot begins anew: configured keys are served', async (t) => {
  const context = await started(t);
  await context.lurus.stop();
  fs.rmSync(context.file('lurus.db'));
  fs.rmSync(context.file('lurus.db.snapshot'));
  await context.lurus.start();
  const answer = await post(context.lurus, '/v1/messages', anthropic.request(false));
  assert.equal(answer.status, 200);
});

/// The first page of the write-ahead log's newest copy, as a checkpoint that was broken off has written it into the file.
function beginCheckpoint(file) {
  const log = fs.readFileSync(`${file}-wal`);
  let first = null;
  for (let at = 32; at + 24 + 4096 <= log.length; at += 24 + 4096) if (log.readUInt32BE(at) === 1) first = log.subarray(at + 24, at + 24 + 4096);
  assert.ok(first, 'the log has the first page');
  const handle = fs.openSync(file, 'r+');
  fs.writeSync(handle, first, 0, first.length, 0);
  fs.closeSync(handle);
  assert.ok(fs.statSync(file).size < first.readUInt32BE(28) * 4096, 'the file is shorter than it says');
}

for (const name of ['lurus.db', 'log.db']) {
  test(`${name} is whole while a checkpoint has moved a part of it, and after a kill in the midst`, async (t) => {
    const context = await started(t);
    for (let i = 0; i < 20; ++i) {
      const made = await api(context.lurus, 'POST', '/api/v1/keys', { token: context.admin, body: { name: `more-${i}`, note: 'n'.repeat(300) } });
      assert.equal(made.status, 201);
    }
    await assertServed(context);
    beginCheckpoint(context.file(name));
    const changed = await api(context.lurus, 'PATCH', '/api/v1/keys/stored', { token: context.admin, body: { note: 'changed' } });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    const { stdout } = await context.lurus.cli(['doctor', '--json']);
    const findings = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    assert.deepEqual(findings.filter((one) => one.check === 'database' && one.level !== 'good'), []);
    assert.equal(JSON.parse((await httpGet(`${context.lurus.url}/health`)).body).status, 'healthy');
    await context.lurus.kill9();
    const alone = await context.lurus.cli(['doctor', '--json']);
    assert.deepEqual(alone.stdout.split('\n').filter((line) => line.includes('"broken"') && /\.db/.test(line)), []);
    await restarted(context);
    assert.doesNotMatch(context.lurus.output, /snapshot of|damaged/);
    await assertServed(context);
    assert.equal(JSON.parse((await httpGet(`${context.lurus.url}/health`)).body).status, 'healthy');
    assert.ok((await context.lurus.cli(['key', 'list', '--json'])).stdout.includes('more-19'));
  });
}

test('eight restarts after a kill under load are healthy', async (t) => {
  const context = await started(t);
  for (let round = 0; round < 8; ++round) {
    let over = false;
    const load = async (i) => {
      for (let n = 0; !over; ++n) {
        await post(context.lurus, '/v1/messages', anthropic.request(false), { key: KEY }).catch(() => {});
        if (i === 0) await api(context.lurus, 'POST', '/api/v1/keys', { token: context.admin, body: { name: `k-${round}-${n}` } }).catch(() => {});
      }
    };
    const workers = [0, 1, 2].map(load);
    await new Promise((resolve) => setTimeout(resolve, 40 + round * 20));
    await context.lurus.kill9();
    over = true;
    await Promise.all(workers);
    await restarted(context);
    assert.doesNotMatch(context.lurus.output, /snapshot of|damaged/);
    const health = JSON.parse((await httpGet(`${context.lurus.url}/health`)).body);
    assert.equal(health.status, 'healthy', JSON.stringify(health));
    await assertServed(context);
  }
});

test('a damaged database is put aside with its write-ahead log, and an earlier one is not written over', async (t) => {
  const context = await started(t);
  await context.lurus.stop();
  const file = context.file('lurus.db');
  damagedPage.make(file);
  fs.writeFileSync(`${file}-wal`, 'what was stored last');
  fs.writeFileSync(`${file}.damaged`, 'an earlier one');
  const damaged = fs.readFileSync(file);
  const { stdout } = await context.lurus.cli(['doctor', '--json']);
  const { fix } = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((one) => one.check === 'lurus.db' && one.fix);
  assert.doesNotMatch(fix, /rm /);
  takeSteps(fix);
  assert.deepEqual(fs.readFileSync(`${file}.damaged-2`), damaged);
  assert.ok(fs.existsSync(`${file}.damaged-2-wal`));
  assert.equal(fs.readFileSync(`${file}.damaged`, 'utf8'), 'an earlier one');
  await restarted(context);
  await assertServed(context);
});

test('a lurus.db that was copied without its write-ahead log is noticed, and the snapshot kept', async (t) => {
  const context = await started(t);
  const snapshot = context.file('lurus.db.snapshot');
  const copy = context.file('old');
  await context.lurus.stop();
  fs.copyFileSync(context.file('lurus.db'), copy);
  await restarted(context);
  const made = await api(context.lurus, 'POST', '/api/v1/keys', { token: context.admin, body: { name: 'late' } });
  assert.equal(made.status, 201);
  await context.lurus.stop();
  fs.renameSync(copy, context.file('lurus.db'));
  const noticed = async () => {
    const { stdout } = await context.lurus.cli(['doctor', '--json']);
    return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((one) => /copied without its -wal/.test(one.detail));
  };
  assert.equal((await noticed()).level, 'warning');
  await restarted(context);
  assert.match(context.lurus.output, /lacks changes that its snapshot has/);
  assert.ok(fs.existsSync(`${snapshot}.ahead`));
  const told = await noticed();
  await context.lurus.stop();
  takeSteps(told.fix);
  await restarted(context);
  await assertServed({ ...context, stored: made.body.key });
  assert.equal(await noticed(), undefined);
});
