// A backup while the server is under load, restored elsewhere: every answer that ended before it began has its record, keys and
// secrets work, and neither a damaged backup nor a killed restore leaves anything half.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { KEY, LURUS_BIN, Lurus, UPSTREAM_KEY, WINDOWS, configFor, startLurus, tempFolder } from './lib/lurus.mjs';
import { api } from './lib/people.mjs';
import { post } from './lib/raw.mjs';

const PHRASE = 'correct horse battery staple';

async function started(t) {
  const up = await startUpstream();
  t.after(() => up.close());
  up.always(json(anthropic.json));
  const lurus = await startLurus({ config: { server: { threads: 2 }, key: [{ name: 'e2e', value: KEY }] } });
  const folder = tempFolder('lurus-backup-');
  t.after(async () => {
    if (lurus.process) await lurus.kill9();
    fs.rmSync(lurus.folder, { recursive: true, force: true });
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  const call = async (method, target, body) => {
    const answer = await api(lurus, method, target, { token: admin, body });
    assert.ok(answer.status < 300, `${method} ${target}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  // Its credential is sealed under the master key.
  await call('POST', '/api/v1/providers', { name: 'ant', kind: 'anthropic', base_url: up.url, api_key: UPSTREAM_KEY, models: ['*'] });
  const stored = (await call('POST', '/api/v1/keys', { name: 'stored' })).key;
  return { up, lurus, folder, call, stored, file: path.join(folder, 'one.backup') };
}

async function ask(lurus, key) {
  const answer = await post(lurus, '/v1/messages', anthropic.request(false), { key });
  assert.equal(answer.status, 200, answer.body.toString());
  return answer.trace;
}

const done = ({ code, stdout, stderr }) => {
  assert.equal(code, 0, stdout + stderr);
  return stdout;
};

/// Another data folder with the same configuration; nothing is in it yet.
function elsewhere(t, context) {
  const other = new Lurus({ config: { server: { threads: 2 }, key: [{ name: 'e2e', value: KEY }] } });
  other.writeConfig();
  t.after(async () => {
    if (other.process) await other.kill9();
    fs.rmSync(other.folder, { recursive: true, force: true });
  });
  return other;
}

async function load(lurus, key, ended, state) {
  while (!state.over) {
    const trace = await ask(lurus, key);
    ended.push(trace);
  }
}

test('a backup under load holds every answer that ended before it began; restored, keys and secrets work', async (t) => {
  const context = await started(t);
  const { lurus, file, stored } = context;
  const ended = [], state = { over: false };
  const workers = Array.from({ length: 4 }, () => load(lurus, stored, ended, state));
  while (ended.length < 60) await sleep(5);
  const before = [...ended];
  const manifest = JSON.parse(done(await lurus.cli(['backup', file, '--json', '--with-keys'], { env: { LURUS_BACKUP_PASSPHRASE: PHRASE } })));
  state.over = true;
  await Promise.all(workers);
  assert.deepEqual(manifest.files.map((one) => one.name).sort(), ['log.db', 'lurus.db']);
  assert.equal(manifest.with_keys, true);
  assert.match(manifest.master_key_id, /^[0-9a-f]{8}$/);
  assert.match(manifest.node, /^[0-9a-f]{32}$/);
  assert.ok(manifest.files.every((one) => /^[0-9a-f]{64}$/.test(one.sha256) && Object.keys(one.schema).length > 0));
  // Wine shows the administrators' rights as those of the group.
  assert.equal(fs.statSync(file).mode & (WINDOWS ? 0o607 : 0o777), 0o600);
  const bytes = fs.readFileSync(file);
  for (const secret of ['master.key', 'admin.token']) {
    const text = fs.readFileSync(path.join(lurus.dataDir, secret), 'utf8').trim();
    assert.ok(!bytes.includes(text), `${secret} is not readable in it`);
    // Windows keeps the master key sealed.
    if (/^[0-9a-f]+$/.test(text)) assert.ok(!bytes.includes(Buffer.from(text, 'hex')), `${secret} is not readable in it`);
  }
  assert.match(done(await lurus.cli(['restore', file, '--verify'])), /is whole/);

  const other = elsewhere(t, context);
  const restored = JSON.parse(done(await other.cli(['restore', file, '--json'], { env: { LURUS_BACKUP_PASSPHRASE: PHRASE } })));
  assert.equal(restored.needs_master_key, false);
  assert.equal(restored.moved_to, null);
  // Windows seals it anew, and nobody but the program can open that.
  const [there, here] = [other, lurus].map((one) => fs.readFileSync(path.join(one.dataDir, 'master.key'), 'utf8'));
  if (WINDOWS) assert.match(there, /^dpapi:/);
  else assert.equal(there, here);
  assert.deepEqual(fs.readdirSync(other.dataDir).sort(), ['admin.token', 'log.db', 'lurus.db', 'lurus.lock', 'master.key']);
  await other.start();
  const traces = new Set((await other.logs(100000)).map((row) => row.trace_id));
  assert.deepEqual(before.filter((trace) => !traces.has(trace)), []);
  await ask(other, stored);
  await other.stop();
});

test('without keys the backup says which master key it needs, and another one is refused', async (t) => {
  const context = await started(t);
  const { lurus, file, stored } = context;
  await ask(lurus, stored);
  await lurus.stop(); // without a server as well
  const manifest = JSON.parse(done(await lurus.cli(['backup', file, '--json'])));
  assert.equal(manifest.with_keys, false);
  assert.match((await lurus.cli(['backup', file])).stderr, /is there already/);
  done(await lurus.cli(['backup', file, '--replace']));
  assert.deepEqual(fs.readdirSync(context.folder), ['one.backup']);

  const other = elsewhere(t, context);
  fs.mkdirSync(other.dataDir, { mode: 0o700 });
  fs.writeFileSync(path.join(other.dataDir, 'master.key'), '11'.repeat(32), { mode: 0o600 });
  const wrong = await other.cli(['restore', file]);
  assert.equal(wrong.code, 5);
  assert.match(wrong.stderr, new RegExp(`master key ${manifest.master_key_id}`));
  assert.ok(!fs.existsSync(path.join(other.dataDir, 'lurus.db')));
  fs.rmSync(path.join(other.dataDir, 'master.key'));
  const without = await other.cli(['restore', file]);
  done(without);
  assert.match(without.stderr, new RegExp(`before the start put the master key ${manifest.master_key_id}`));
  fs.copyFileSync(path.join(lurus.dataDir, 'master.key'), path.join(other.dataDir, 'master.key'));
  await other.start();
  await ask(other, stored);
  assert.equal((await other.logs(10)).length, 2);
  await other.stop();
});

test('a restore refuses a running server and a folder with data; --replace moves that aside', async (t) => {
  const context = await started(t);
  const { lurus, file, stored } = context;
  await ask(lurus, stored);
  done(await lurus.cli(['backup', file]));
  await context.call('POST', '/api/v1/keys', { name: 'later' });
  const running = await lurus.cli(['restore', file, '--replace']);
  assert.equal(running.code, 5);
  assert.match(running.stderr, /a server uses .*: stop it first/);
  await lurus.kill9(); // the write-ahead logs stay
  const refused = await lurus.cli(['restore', file]);
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /is not empty .*--replace/);
  const old = Object.fromEntries(fs.readdirSync(lurus.dataDir).filter((name) => /\.db/.test(name)).map((name) => [name, fs.readFileSync(path.join(lurus.dataDir, name))]));
  const restored = JSON.parse(done(await lurus.cli(['restore', file, '--replace', '--json'])));
  const aside = path.join(lurus.dataDir, path.win32.basename(restored.moved_to));
  for (const [name, bytes] of Object.entries(old)) assert.deepEqual(fs.readFileSync(path.join(aside, name)), bytes, name);
  await lurus.start();
  const listed = done(await lurus.cli(['key', 'list', '--json']));
  assert.ok(listed.includes('"stored"') && !listed.includes('"later"'));
  await ask(lurus, stored);
  await lurus.stop();
});

test('what is no whole backup is refused, and nothing is touched', async (t) => {
  const context = await started(t);
  const { lurus, folder, file, stored } = context;
  for (let i = 0; i < 20; ++i) await ask(lurus, stored);
  done(await lurus.cli(['backup', file, '--with-keys'], { env: { LURUS_BACKUP_PASSPHRASE: PHRASE } }));
  const whole = fs.readFileSync(file);
  const broken = path.join(folder, 'broken.backup');
  const other = elsewhere(t, context);
  const refuses = async (what, bytes, says = /is not a whole backup|no backup of lurus/) => {
    fs.writeFileSync(broken, bytes);
    for (const args of [['restore', broken, '--verify'], ['restore', broken]]) {
      const { code, stderr } = await other.cli(args);
      assert.equal(code === 1 || code === 2, true, `${what}: ${code} ${stderr}`);
      assert.match(stderr, says, what);
    }
    assert.ok(!fs.existsSync(path.join(other.dataDir, 'lurus.db')), what);
  };
  await refuses('half of it', whole.subarray(0, whole.length / 2));
  await refuses('a text', Buffer.from('not a backup '.repeat(1000)), /not a database|no backup|whole backup/);
  await refuses('another database', fs.readFileSync(path.join(lurus.dataDir, 'lurus.db')), /no backup of lurus|not a whole/);
  // A byte of each block of content.
  for (let at = 65536 * 3 + 40_000; at < whole.length; at += Math.ceil(whole.length / 4)) {
    const changed = Buffer.from(whole);
    changed[at] ^= 1;
    fs.writeFileSync(broken, changed);
    const { code } = await other.cli(['restore', broken, '--verify']);
    if (code === 0) continue; // it was of no content: unused bytes of a page
    assert.equal(code, 1);
  }
  assert.equal((await other.cli(['restore', path.join(folder, 'none')])).code, 3);
  const wrong = await other.cli(['restore', file], { env: { LURUS_BACKUP_PASSPHRASE: 'another pass phrase' } });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /another pass phrase/);
  const short = await lurus.cli(['backup', path.join(folder, 'short'), '--with-keys'], { env: { LURUS_BACKUP_PASSPHRASE: 'short' } });
  assert.equal(short.code, 2);
  const none = await lurus.cli(['backup', path.join(folder, 'short'), '--with-keys']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /--passphrase-file/);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['broken.backup', 'one.backup']);
});

test('a restore that is killed leaves the old data, or all of the new', async (t) => {
  const context = await started(t);
  const { lurus, file, stored } = context;
  for (let i = 0; i < 30; ++i) await ask(lurus, stored);
  done(await lurus.cli(['backup', file]));
  await context.call('POST', '/api/v1/keys', { name: 'later' });
  await lurus.stop();
  const seen = { old: 0, fresh: 0 };
  for (let round = 0; round < 12; ++round) {
    const copy = tempFolder('lurus-killed-');
    fs.cpSync(lurus.dataDir, path.join(copy, 'data'), { recursive: true });
    const other = new Lurus({ config: lurus.config, dataDir: copy });
    other.port = undefined;
    other.config = { server: { threads: 2 }, key: [{ name: 'e2e', value: KEY }] };
    other.writeConfig();
    const child = spawn(LURUS_BIN, ['restore', file, '--replace', '--data-dir', other.dataDir, '--config', other.configFile], { env: other.childEnv(), stdio: 'ignore' });
    const exited = once(child, 'exit');
    await sleep(round * 6);
    child.kill('SIGKILL');
    await exited;
    const listed = done(await other.cli(['key', 'list', '--json']));
    const isOld = listed.includes('"later"');
    isOld ? ++seen.old : ++seen.fresh;
    assert.ok(listed.includes('"stored"'));
    assert.equal((await other.logs(1000)).length, 30);
    assert.ok(!fs.existsSync(path.join(other.dataDir, 'restore.ready')));
    fs.rmSync(copy, { recursive: true, force: true });
  }
  assert.equal(seen.old + seen.fresh, 12);
});

test('a restore that ended while its files were put in place is finished by the next start', async (t) => {
  const context = await started(t);
  const { lurus, file, stored } = context;
  await ask(lurus, stored);
  done(await lurus.cli(['backup', file]));
  await context.call('POST', '/api/v1/keys', { name: 'later' });
  await lurus.stop();
  const data = lurus.dataDir, ready = path.join(data, 'restore.ready');
  const other = elsewhere(t, context);
  done(await other.cli(['restore', file]));
  // As it is right after lurus.db took its place.
  fs.mkdirSync(ready);
  fs.mkdirSync(path.join(data, 'replaced-x'));
  fs.writeFileSync(path.join(ready, 'plan.json'), JSON.stringify({ aside: 'replaced-x', files: ['lurus.db', 'log.db'] }));
  fs.renameSync(path.join(data, 'lurus.db'), path.join(data, 'replaced-x', 'lurus.db'));
  fs.copyFileSync(path.join(other.dataDir, 'lurus.db'), path.join(data, 'lurus.db'));
  fs.copyFileSync(path.join(other.dataDir, 'log.db'), path.join(ready, 'log.db'));
  await lurus.start();
  const listed = done(await lurus.cli(['key', 'list', '--json']));
  assert.ok(listed.includes('"stored"') && !listed.includes('"later"'));
  assert.ok(!fs.existsSync(ready));
  assert.ok(fs.existsSync(path.join(data, 'replaced-x', 'log.db')));
  await ask(lurus, stored);
  await lurus.stop();
});
