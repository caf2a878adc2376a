// Which folder may join which database, what a node starts from while PostgreSQL is away, and how mirrors follow a database that
// was put back to an older state.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { KEY, Lurus, PATIENCE, configFor, httpGet, startLurus, tempFolder } from './lib/lurus.mjs';
import { ENVIRONMENT, Installation, backend, call, inMode, makeKey, refuses, takes, use } from './lib/installation.mjs';
import { header } from './lib/raw.mjs';
import { health, until } from './lib/until.mjs';

const here = new Installation();
const folders = [];
const folder = () => {
  folders.push(tempFolder());
  return folders.at(-1);
};

before(() => here.start());
after(async () => {
  try {
    await here.close();
  } finally {
    for (const each of folders) fs.rmSync(each, { recursive: true, force: true });
  }
});

const alone = (more = {}) => configFor(here.up, { keys: [], ...more });
/// Starts what is to end by itself; what it said.
async function refusedStart(options) {
  const lurus = new Lurus({ env: ENVIRONMENT, ...options });
  await lurus.start({ waitReady: false });
  const how = await lurus.exited;
  lurus.process = null;
  assert.notEqual(how.code, 0, lurus.output);
  assert.equal(how.signal, null);
  return lurus.output;
}
const listens = (lurus) => until('it to listen', async () => {
  try {
    return (await httpGet(`${lurus.url}/health`)).status === 200;
  } catch {
    return false;
  }
}, 20_000);

const AWAY = {
  stopped: { make: () => here.postgres.stop(), end: () => here.postgres.start() },
  'accepting and never answering': { make: () => here.postgres.freeze(), end: () => here.postgres.thaw() },
};

for (const [name, fault] of Object.entries(AWAY)) {
  test(`a node that knows its installation starts and serves while PostgreSQL is ${name}`, async (t) => {
    await here.newDatabase();
    const dataDir = folder();
    const first = await here.node({ dataDir });
    const { key } = await makeKey(first, 'of before');
    await here.end(first);
    await fault.make();
    try {
      const begun = Date.now();
      const again = await here.node({ dataDir, online: false });
      t.diagnostic(`ready after ${Date.now() - begun} ms`);
      assert.notEqual((await backend(again)).mode, 'online');
      for (const stream of [false, true]) assert.equal((await use(again, key, { stream })).status, 200);
      const change = await call(again, 'POST', 'keys', { body: { name: 'now' } });
      assert.equal(change.status, 503, JSON.stringify(change.body));
      await fault.end();
      await inMode(again, 'online');
      await makeKey(again, 'afterwards');
      await here.end(again);
    } finally {
      await fault.end();
    }
  });

  test(`a node that never saw its installation makes nothing while PostgreSQL is ${name}`, async () => {
    await here.newDatabase();
    await fault.make();
    const lurus = new Lurus({ config: here.config(), env: ENVIRONMENT });
    try {
      await lurus.start({ waitReady: false });
      await listens(lurus);
      await until('/ready to say why', async () => {
        const { status, body } = await httpGet(`${lurus.url}/ready`);
        assert.equal(status, 503);
        return /has not seen its installation yet: .*PostgreSQL/.test(JSON.parse(body).reason);
      });
      const answer = await use(lurus, KEY);
      assert.equal(answer.status, 503);
      assert.match(header(answer, 'retry-after'), /^\d+$/);
      assert.equal((await call(lurus, 'POST', 'keys', { body: { name: 'now' } })).status, 503);
      assert.ok(!fs.existsSync(path.join(lurus.dataDir, 'owner-link.txt')), 'there is a link for an owner');
      assert.doesNotMatch(lurus.output, /setup#token|cr_[0-9a-z]{16}/i);
      await fault.end();
      await lurus.ready();
      await inMode(lurus, 'online');
      const { key } = await makeKey(lurus, 'afterwards');
      assert.equal((await use(lurus, key)).status, 200);
    } finally {
      await fault.end();
      await lurus.close();
    }
  });
}

test('a folder with content and an empty database: refused, and nothing is made there', async () => {
  await here.newDatabase();
  const dataDir = folder();
  const before = await startLurus({ config: alone(), env: ENVIRONMENT, dataDir });
  const { key } = await makeKey(before, 'its own');
  await before.close();
  assert.match(await refusedStart({ config: here.config(), dataDir }), /is empty, and this folder has content \(api_key\): move it with `lurus migrate --to-postgres`/);
  assert.equal(await here.postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", here.database), '0');
  // It is as it was.
  const again = await startLurus({ config: alone(), env: ENVIRONMENT, dataDir });
  assert.equal((await use(again, key)).status, 200);
  await again.close();
});

test('a folder with content and a database that has an installation; one of another installation', async () => {
  await here.newDatabase();
  const dataDir = folder();
  const one = await here.node({ dataDir });
  const { key } = await makeKey(one, 'of the first');
  await here.end(one);
  const first = here.database;

  const own = folder();
  const before = await startLurus({ config: alone(), env: ENVIRONMENT, dataDir: own });
  await makeKey(before, 'its own');
  await before.close();
  assert.match(await refusedStart({ config: here.config(), dataDir: own }), /has an installation, and this folder has content of its own .*empty --data-dir/);

  await here.newDatabase();
  const other = await here.node();
  const said = await refusedStart({ config: here.config(), dataDir });
  assert.match(said, /belongs to another installation \([0-9a-f]{32}, this folder to [0-9a-f]{32}\)/);
  assert.deepEqual((await call(other, 'GET', 'keys')).body.data.map(({ name }) => name), ['default']);
  here.database = first;
  const again = await here.node({ dataDir });
  assert.equal((await use(again, key)).status, 200);
});

test('a folder of an installation without [postgres]: it serves, and changes nothing', async () => {
  await here.newDatabase();
  const dataDir = folder();
  const before = await here.node({ dataDir });
  const { key } = await makeKey(before, 'of before');
  await here.end(before);
  const lurus = await startLurus({ config: alone(), env: ENVIRONMENT, dataDir });
  try {
    assert.equal((await use(lurus, key)).status, 200);
    assert.equal((await backend(lurus)).mode, 'off');
    const change = await call(lurus, 'POST', 'keys', { body: { name: 'now' } });
    assert.equal(change.status, 503);
    assert.match(change.body.detail, /\[postgres\]/);
    assert.match(JSON.stringify(await health(lurus)), /\[postgres\]/);
  } finally {
    await lurus.close();
  }
});

/// Two ways of going back to an older state.
const BACKUPS = {
  'pg_restore into a new database': async () => here.postgres.dump(here.database),
  'a copy of the data folder': async () => here.postgres.copy(),
};
for (const [name, backup] of Object.entries(BACKUPS)) {
  test(`mirrors follow the restore of an older backup (${name})`, { timeout: 90_000 * PATIENCE }, async () => {
    await here.newDatabase();
    const [one, two] = await Promise.all([here.node(), here.node()]);
    const kept = await makeKey(one, 'in the backup');
    await takes(two, kept.key);
    const restore = await backup();
    await Promise.all([inMode(one, 'online'), inMode(two, 'online')]);
    // So many that the restored database gets to the same numbers with other changes.
    const lost = [];
    for (let i = 0; i < 3; i += 1) lost.push(await makeKey(one, `after the backup ${i}`));
    assert.equal((await call(two, 'DELETE', `keys/${kept.id}`)).status, 204);
    for (const lurus of [one, two]) {
      await takes(lurus, lost.at(-1).key);
      await refuses(lurus, kept.key);
    }
    await restore();
    for (const lurus of [one, two]) {
      await takes(lurus, kept.key);
      await refuses(lurus, lost[0].key);
      await inMode(lurus, 'online');
    }
    for (let i = 0; i < 4; i += 1) {
      const { key } = await makeKey([one, two][i % 2], `after the restore ${i}`);
      await Promise.all([takes(one, key), takes(two, key)]);
    }
    const names = async (lurus) => (await call(lurus, 'GET', 'keys')).body.data.map((each) => each.name).sort();
    assert.deepEqual(await names(one), await names(two));
    await here.end(one);
    await here.end(two);
  });
}

/// What a node has made and what it runs.
function made(lurus) {
  const database = path.join(lurus.dataDir, 'lurus.db');
  return {
    tables: execFileSync('sqlite3', [`file:${database}?mode=ro`, 'SELECT name FROM sqlite_master ORDER BY name'], { encoding: 'utf8' }).split('\n').filter(Boolean),
    files: fs.readdirSync(lurus.dataDir).sort(),
    threads: fs.readdirSync(`/proc/${lurus.process.pid}/task`).length,
  };
}

test('without [postgres] there is no table, no file and no thread of it', async () => {
  await here.newDatabase();
  const with_ = await here.node();
  await inMode(with_, 'online');
  const without = await startLurus({ config: alone(), env: ENVIRONMENT });
  try {
    assert.deepEqual((await health(without)).backends, {});
    await until('both to have their snapshot', () => [with_, without].every((lurus) => fs.existsSync(path.join(lurus.dataDir, 'lurus.db.snapshot'))));
    const [there, own] = [made(with_), made(without)];
    assert.deepEqual(there.tables.filter((name) => !own.tables.includes(name)), ['mirror', 'move']);
    assert.deepEqual(own.tables.filter((name) => !there.tables.includes(name)), []);
    assert.deepEqual(there.files, own.files);
    // One that follows, one that ends what waits for a silent server.
    assert.equal(there.threads - own.threads, 2);
  } finally {
    await without.close();
  }
});
