// `lurus migrate`: a folder's content moves into PostgreSQL and back, also where it is cut off by kill -9; and the commands about what nodes share.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { execFile } from 'node:child_process';
import { KEY, LURUS_BIN, startLurus, tempFolder } from './lib/lurus.mjs';
import { PASSWORD, api, login } from './lib/people.mjs';
import { startPostgres } from './lib/postgres.mjs';
import { health, until } from './lib/until.mjs';
import { inMode } from './lib/installation.mjs';
import { anthropic } from '../upstream/index.mjs';
import { post } from './lib/raw.mjs';

const ENV = { LURUS_MASTER_KEY: '6'.repeat(64) };
const config = (url) => ({
  server: { threads: 1 },
  provider: [{ name: 'demo', kind: 'demo', models: ['*'] }],
  key: [{ name: 'configured', value: KEY }],
  ...(url ? { postgres: { url } } : {}),
});

let pg;
let databases = 0;
const folders = [];
const running = new Set();

before(async () => {
  pg = await startPostgres();
});
after(async () => {
  for (const lurus of running) if (lurus.process) await lurus.kill9();
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
  await pg?.close();
});

const newDatabase = () => pg.database(`m${(databases += 1)}`).then((url) => ({ url, name: `m${databases}` }));

async function node(url, dataDir) {
  if (!dataDir) folders.push((dataDir = tempFolder()));
  const lurus = await startLurus({ config: config(url), env: ENV, dataDir });
  running.add(lurus);
  return lurus;
}
async function stop(lurus) {
  assert.equal((await lurus.stop()).code, 0, lurus.output);
}
/// With another configuration from the next start on.
const configured = (lurus, url) => {
  const next = config(url);
  next.server.listen = lurus.config.server.listen;
  lurus.writeConfig(next);
};
const token = (lurus) => fs.readFileSync(`${lurus.dataDir}/admin.token`, 'utf8').trim();
const call = (lurus, method, target, body) => api(lurus, method, `/api/v1/${target}`, { token: token(lurus), body });
const use = async (lurus, key) => (await post(lurus, anthropic.target(false), anthropic.request(false, { model: 'm' }), { key, headers: anthropic.headers })).status;

async function command(lurus, ...args) {
  const done = await lurus.cli([...args, '--json']);
  assert.equal(done.code, 0, `lurus ${args.join(' ')}: ${done.stderr}`);
  const lines = done.stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return lines.length === 1 ? lines[0] : lines;
}

/// What the folder tells of itself, without what changes by itself.
async function told(lurus) {
  const out = {};
  for (const list of ['keys', 'providers', 'routes', 'users', 'members', 'teams', 'prices?model=m', 'orgs']) {
    const answer = await call(lurus, 'GET', list);
    assert.equal(answer.status, 200, `${list}: ${JSON.stringify(answer.body)}`);
    out[list] = answer.body.data.filter((one) => one.source !== 'config').map(({ last_used: _, ...one }) => one);
  }
  return out;
}

/// A folder with something of each kind; stopped.
async function filled(lurus) {
  const made = await command(lurus, 'key', 'create', '--name', 'stored');
  await command(lurus, 'user', 'add', 'ann@example.com', '--role', 'owner');
  const reset = await command(lurus, 'user', 'reset-password', 'ann@example.com');
  await api(lurus, 'POST', 'password/reset/confirm', { body: { token: reset.token, new_password: PASSWORD } });
  await command(lurus, 'provider', 'add', 'vendor', '--kind', 'demo', '--model', 'up-*');
  await command(lurus, 'route', 'add', 'm', '--to', 'vendor/m');
  await command(lurus, 'team', 'create', 'red');
  const price = await call(lurus, 'PUT', 'prices/m', { provider: 'vendor', rates: { standard: { input: '3', output: '15' } } });
  assert.ok(price.status < 300, JSON.stringify(price.body));
  return made.key;
}

/// The command, killed with -9 once `blocked` says so.
async function killedMigrating(lurus, direction, blocked) {
  const child = execFile(LURUS_BIN, ['migrate', direction, '--data-dir', lurus.dataDir, '--config', lurus.configFile], { env: lurus.childEnv() });
  let ended = null;
  const end = new Promise((resolve) => child.once('exit', (code, signal) => resolve((ended = { code, signal }))));
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  await until(`lurus migrate ${direction} to wait`, async () => {
    assert.equal(ended, null, said);
    return blocked();
  });
  child.kill('SIGKILL');
  assert.equal((await end).signal, 'SIGKILL');
}

/// Holds a lock on a table until it is let go.
function locked(database, table, mode) {
  const holds = pg.sql(`BEGIN; LOCK TABLE ${table} IN ${mode} MODE; SELECT pg_sleep(300)`, database).catch(() => {});
  const held = `SELECT pid FROM pg_locks WHERE relation = '${table}'::regclass AND mode = '${mode.split(' ').map((word) => word[0] + word.slice(1).toLowerCase()).join('')}Lock' AND granted`;
  return {
    ready: () => until(`a lock of ${table}`, async () => (await pg.sql(held, database)) !== ''),
    waited: async () => (await pg.sql(`SELECT count(*) FROM pg_locks WHERE relation = '${table}'::regclass AND NOT granted`, database)) !== '0',
    async release() {
      await pg.sql(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = '${table}'::regclass AND granted`, database);
      await holds;
    },
  };
}

/// The schema, with nothing in it.
async function schema({ url, name }) {
  const first = await node(url);
  await until('the first node to be online', async () => (await command(first, 'mode')).mode === 'online');
  await stop(first);
  await pg.sql('DELETE FROM installation', name);
}

async function verified(lurus) {
  const done = await lurus.cli(['audit', 'verify']);
  assert.equal(done.code, 0, done.stderr);
}

test('a folder without [postgres] says what is missing', async () => {
  const lurus = await node();
  assert.deepEqual(await command(lurus, 'mode'), []);
  assert.match((await lurus.cli(['mode'])).stdout, /\[postgres\] url/);
  const set = await lurus.cli(['mode', 'offline']);
  assert.equal(set.code, 5);
  assert.match(set.stderr, /\[postgres\] url/);
  const sync = await command(lurus, 'sync', 'status');
  assert.deepEqual([sync.mode, sync.installation, sync.backlog], ['off', null, { log: 0, changes: 0 }]);
  assert.deepEqual(await command(lurus, 'nodes'), []);
  await stop(lurus);
  const there = await lurus.cli(['migrate', '--to-postgres']);
  assert.equal(there.code, 2);
  assert.match(there.stderr, /\[postgres\] url/);
  assert.equal((await lurus.cli(['migrate'])).code, 2);
});

test('there and back: nothing is lost, and nodes share it meanwhile', async () => {
  const { url } = await newDatabase();
  const lurus = await node();
  const key = await filled(lurus);
  const session = await login(lurus, 'ann@example.com');
  assert.equal(session.status, 200, JSON.stringify(session.body));
  const before_ = await told(lurus);

  configured(lurus, url);
  const running_ = await lurus.cli(['migrate', '--to-postgres']);
  assert.equal(running_.code, 5, running_.stderr);
  assert.match(running_.stderr, /stop it/);
  await stop(lurus);
  const refused = await lurus.cli(['serve'], { timeout: 20_000 });
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /lurus migrate --to-postgres/);
  const moved = await command(lurus, 'migrate', '--to-postgres');
  assert.match(moved.installation, /^[0-9a-f]{32}$/);
  assert.equal(moved.resumed, false);
  assert.equal((await lurus.cli(['migrate', '--to-postgres'])).code, 5);
  await verified(lurus);

  await lurus.start();
  await inMode(lurus, 'online');
  assert.deepEqual(await told(lurus), before_);
  assert.equal(await use(lurus, key), 200);
  // The session went along.
  assert.equal((await api(lurus, 'GET', 'sessions', { token: session.body.access_token })).status, 200);

  const second = await node(url);
  await until('the other node to have it', async () => (await use(second, key)) === 200);
  assert.deepEqual(await told(second), before_);
  const status = await command(second, 'sync', 'status');
  assert.equal(status.installation, moved.installation);
  assert.equal(status.mode, 'online');
  assert.ok(status.number >= 1 && status.mirror_age_seconds < 60, JSON.stringify(status));

  const nodes = await until('both nodes to be seen', async () => {
    const seen = await command(lurus, 'nodes');
    return seen.length === 2 && seen;
  });
  assert.ok(nodes.every((one) => one.alive && one.version && one.address.startsWith('http')), JSON.stringify(nodes));
  assert.equal((await lurus.cli(['nodes', 'forget', nodes[0].id])).code, 5);
  assert.equal((await lurus.cli(['nodes', 'forget', 'nobody'])).code, 3);

  // A manual outage of one node.
  const off = await command(second, 'mode', 'offline');
  assert.deepEqual([off.name, off.setting, off.mode], ['postgres', 'off', 'off']);
  assert.equal((await call(second, 'POST', 'keys', { name: 'not now' })).status, 503);
  assert.equal(await use(second, key), 200);
  await stop(second);
  await second.start();
  assert.equal((await command(second, 'mode')).mode, 'off');
  await command(second, 'mode', 'auto');
  await until('the node to be online again', async () => (await command(second, 'mode')).mode === 'online');
  await stop(second);
  second.args = ['--offline'];
  await second.start();
  assert.equal((await command(second, 'mode')).mode, 'off');
  await command(second, 'mode', 'auto');
  await until('the node to be online again', async () => (await command(second, 'mode')).mode === 'online');
  const audit = await call(second, 'GET', 'audit?action=setBackend');
  assert.ok(audit.body.data.length >= 3, JSON.stringify(audit.body));

  await stop(lurus);
  const back = await command(lurus, 'migrate', '--to-sqlite');
  assert.equal(back.installation, moved.installation);
  // The other one goes on serving, and says why it takes no changes.
  await until('the other node to know', async () => /--to-sqlite/.test((await health(second)).backends.postgres.reason ?? ''));
  assert.equal((await call(second, 'POST', 'keys', { name: 'never' })).status, 503);
  assert.equal(await use(second, key), 200);
  await stop(second);

  configured(lurus, null);
  await lurus.start();
  assert.deepEqual(await told(lurus), before_);
  assert.equal(await use(lurus, key), 200);
  assert.equal((await api(lurus, 'GET', 'sessions', { token: session.body.access_token })).status, 200);
  assert.equal((await call(lurus, 'POST', 'keys', { name: 'alone again' })).status, 201);
  assert.deepEqual((await health(lurus)).backends, {});
  await verified(lurus);
  await stop(lurus);
});

test('killed while it copies: the folder is as before', async () => {
  const database = await newDatabase();
  await schema(database);
  const lurus = await node();
  const key = await filled(lurus);
  await stop(lurus);
  configured(lurus, database.url);
  const lock = locked(database.name, 'model_list', 'EXCLUSIVE');
  await lock.ready();
  await killedMigrating(lurus, '--to-postgres', lock.waited);
  await lock.release();
  assert.equal(await pg.sql('SELECT count(*) FROM installation', database.name), '0');
  assert.equal(await pg.sql('SELECT count(*) FROM api_key', database.name), '0');
  configured(lurus, null);
  await lurus.start();
  assert.equal(await use(lurus, key), 200);
  assert.equal((await call(lurus, 'POST', 'keys', { name: 'more' })).status, 201);
  const now = await told(lurus);
  await verified(lurus);
  await stop(lurus);

  configured(lurus, database.url);
  assert.equal((await command(lurus, 'migrate', '--to-postgres')).resumed, false);
  await lurus.start();
  assert.deepEqual(await told(lurus), now);
  await verified(lurus);
  await stop(lurus);
});

test('killed between the two commits: nobody takes changes until it is run again', async () => {
  const database = await newDatabase();
  await schema(database);
  const lurus = await node();
  const key = await filled(lurus);
  const before_ = await told(lurus);
  await stop(lurus);
  configured(lurus, database.url);
  // A commit that waits for a standby is on the disk, and is not answered.
  const standby = async (name) => {
    await pg.sql(name ? `ALTER SYSTEM SET synchronous_standby_names = '${name}'` : 'ALTER SYSTEM RESET synchronous_standby_names', 'postgres');
    await pg.sql('SELECT pg_reload_conf()', 'postgres');
    await until('the setting to count', async () => (await pg.sql('SHOW synchronous_standby_names', 'postgres')) === (name ?? ''));
  };
  await standby('nobody');
  try {
    await killedMigrating(lurus, '--to-postgres', async () => (await pg.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", 'postgres')) !== '0');
  } finally {
    await standby(null);
  }
  await until('the commit to be there', async () => (await pg.sql('SELECT count(*) FROM installation', database.name)) === '1');

  // Without PostgreSQL it is not known who has the say.
  configured(lurus, null);
  await lurus.start();
  assert.equal(await use(lurus, key), 200);
  const change = await call(lurus, 'POST', 'keys', { name: 'whose' });
  assert.equal(change.status, 503);
  assert.match(change.body.detail, /--to-postgres/);
  await stop(lurus);

  configured(lurus, database.url);
  assert.equal((await command(lurus, 'migrate', '--to-postgres')).resumed, true);
  await lurus.start();
  await inMode(lurus, 'online');
  assert.deepEqual(await told(lurus), before_);
  assert.equal((await call(lurus, 'POST', 'keys', { name: 'more' })).status, 201);
  await verified(lurus);
  await stop(lurus);
});

test('killed on the way back: the installation is retired, and the folder that began it ends it', async () => {
  const database = await newDatabase();
  const lurus = await node();
  const key = await filled(lurus);
  const before_ = await told(lurus);
  await stop(lurus);
  configured(lurus, database.url);
  await command(lurus, 'migrate', '--to-postgres');
  const second = await node(database.url);
  const lock = locked(database.name, 'session', 'ACCESS EXCLUSIVE');
  await lock.ready();
  await killedMigrating(lurus, '--to-sqlite', lock.waited);
  await lock.release();
  await until('the other node to know', async () => /--to-sqlite/.test((await health(second)).backends.postgres.reason ?? ''));
  assert.equal((await call(second, 'POST', 'keys', { name: 'never' })).status, 503);
  const other = await second.cli(['migrate', '--to-sqlite']);
  assert.notEqual(other.code, 0);
  await stop(second);
  const taken = await second.cli(['migrate', '--to-sqlite']);
  assert.equal(taken.code, 5);
  assert.match(taken.stderr, /another node/);

  assert.equal((await command(lurus, 'migrate', '--to-sqlite')).resumed, true);
  configured(lurus, null);
  await lurus.start();
  assert.deepEqual(await told(lurus), before_);
  assert.equal(await use(lurus, key), 200);
  assert.equal((await call(lurus, 'POST', 'keys', { name: 'alone again' })).status, 201);
  await verified(lurus);
  await stop(lurus);
});
