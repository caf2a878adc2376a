// Data folders that older executables wrote (make_data.mjs): each opens, everything in it is right, and it moves to PostgreSQL and back.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startLurus, tempFolder } from '../e2e/lib/lurus.mjs';
import { api, login } from '../e2e/lib/people.mjs';
import { startPostgres } from '../e2e/lib/postgres.mjs';
import { CONFIG, adminToken, ask, statuses, told, use } from './world.mjs';

const DATA = path.join(path.dirname(fileURLToPath(import.meta.url)), 'data');
/// When a key was used changes with each start; so does when a configured one was made.
const isCompared = (entry, name) => name !== 'last_used' && !(name === 'created' && entry.source === 'config');

/// What is expected is there, with its value; more may be.
function assertHolds(actual, expected, where) {
  if (Array.isArray(expected)) {
    assert.equal(actual?.length, expected.length, where);
    expected.forEach((one, i) => assertHolds(actual[i], one, `${where}[${i}]`));
  } else if (expected && typeof expected === 'object') {
    for (const [name, value] of Object.entries(expected)) if (isCompared(expected, name)) assertHolds(actual?.[name], value, `${where}.${name}`);
  } else {
    assert.deepEqual(actual, expected, where);
  }
}

/// An older executable told of teams by what they are now; who asked is not known of its records.
const teamsUnknown = (expected) => !('id' in (expected.statistics_team[0] ?? {}));

for (const file of fs.readdirSync(DATA).filter((one) => one.endsWith('.json'))) {
  const name = file.slice(0, -'.json'.length);
  test(`a folder of ${name}`, async (t) => {
    const expected = JSON.parse(fs.readFileSync(path.join(DATA, file), 'utf8'));
    const folder = tempFolder('lurus-upgrade-');
    execFileSync('tar', ['-xzf', path.join(DATA, `${name}.tar.gz`), '-C', folder]);
    const lurus = await startLurus({ config: structuredClone(CONFIG), dataDir: folder });
    const command = async (...args) => {
      const done = await lurus.cli([...args, '--json']);
      assert.equal(done.code, 0, `lurus ${args.join(' ')}: ${done.stderr}`);
      return done.stdout ? JSON.parse(done.stdout) : null;
    };
    const team = async (title) => (await ask(lurus, 'teams')).data.find((one) => one.name === title).id;
    const bySubject = async (by, id) => (await ask(lurus, `usage?by=${by}&since=2020-01-01`)).data.find((row) => row.id === id);
    try {
      await t.test('tells what it told before: people, keys, providers, prices, records, sums', async () => {
        const now = await told(lurus, expected.until);
        for (const [list, entries] of Object.entries(expected.told)) {
          if (list === 'statistics_team' && teamsUnknown(expected.told)) {
            const requests = entries.reduce((sum, row) => sum + row.requests, 0);
            assert.deepEqual(now[list].map((row) => [row.id, row.requests]), [[null, requests]]);
          } else {
            assertHolds(now[list], entries, list);
          }
        }
        assert.equal((await login(lurus, 'ann@example.com', expected.password)).status, 200);
        assert.equal((await lurus.cli(['audit', 'verify'])).code, 0);
      });

      await t.test('its records have ids of their own, which stay', async () => {
        const records = (await told(lurus, expected.until)).records;
        assert.equal(new Set(records.map((one) => one.record_id)).size, records.length);
        assert.equal(new Set(records.map((one) => one.node_id)).size, 1);
        for (const record of records) {
          assert.match(record.record_id, /^[0-9a-f]{12}7[0-9a-f]{19}$/);
          assert.equal((await ask(lurus, `records/${record.record_id}`)).id, record.id);
        }
        assert.equal((await lurus.stop()).code, 0);
        await lurus.start();
        assert.deepEqual((await told(lurus, expected.until)).records, records);
      });

      await t.test("what keys were bound to counts as set by an administrator", async () => {
        const all = [...(await ask(lurus, 'keys?org=default')).data, ...(await ask(lurus, 'keys?org=acme')).data].filter((key) => key.source === 'store');
        for (const key of all) {
          const bound = ['team', 'models', 'families', 'deny_models', 'ips', 'user_agents', 'expires', 'expires_after'].filter((field) => key[field]?.length);
          const expectedSet = { ...Object.fromEntries(bound.map((field) => [field, key[field]])), ...(key.disabled ? { disabled: true } : {}) };
          assert.deepEqual(key.set_by_admin, expectedSet, key.name);
        }
        assert.ok(all.some((key) => Object.keys(key.set_by_admin).length > 0), JSON.stringify(all));
      });

      await t.test('keys work or are refused as before, budgets that were used up too', async () => {
        assert.deepEqual(await statuses(lurus, expected.keys), expected.statuses);
      });

      await t.test('a key goes on from what it spent, not from what an older one of its name did', async () => {
        const [before] = (await ask(lurus, 'logs?key=ci&limit=1')).data;
        const next = (await ask(lurus, 'keys?org=default')).data.find((one) => one.name === 'ci');
        // Three or four requests of its own at 408,000 nano-USD; the revoked one spent five.
        await command('key', 'edit', 'ci', '--budget', '0.003 USD/total');
        assert.equal((await lurus.stop()).code, 0);
        await lurus.start();
        assert.equal((await use(lurus, expected.keys.next)).status, 200);
        await command('key', 'edit', 'ci', '--budget', '0.001 USD/total');
        assert.equal((await lurus.stop()).code, 0);
        await lurus.start();
        assert.equal((await use(lurus, expected.keys.next)).status, 429);
        await command('key', 'edit', 'ci', '--budget', 'none');
        assert.equal(before.key, 'ci');

        // What comes now is summed by ids.
        assert.equal((await use(lurus, expected.keys.next)).status, 200);
        const [record] = (await ask(lurus, 'logs?limit=1')).data;
        assert.equal(record.key_id, next.id);
        assert.equal(record.team_id, await team('blue'));
        assert.equal(record.org_id, '00000000000000000000000000000001');
        assert.equal(record.node_id, before.node_id);
        const sums = await bySubject('team', record.team_id);
        assert.equal(sums.name, 'blue');
        assert.equal((await bySubject('key', next.id)).cost_nano_usd, sums.cost_nano_usd);
      });

      await t.test('it takes changes', async () => {
        const made = await command('key', 'create', '--name', 'fresh', '--team', 'red', '--user', 'ann@example.com');
        assert.equal((await use(lurus, made.key)).status, 200);
        const changed = await api(lurus, 'PATCH', '/api/v1/providers/vendor', { token: adminToken(lurus), body: { models: ['up-*', 'claude-upgrade'] } });
        assert.equal(changed.status, 200, JSON.stringify(changed.body));
        assert.equal((await lurus.cli(['audit', 'verify'])).code, 0);
      });

      await t.test('it moves to PostgreSQL and back, and nothing is lost', async () => {
        const until = new Date().toISOString();
        const alone = await told(lurus, until);
        const works = await statuses(lurus, expected.keys);
        const pg = await startPostgres();
        try {
          assert.equal((await lurus.stop()).code, 0);
          const { listen } = lurus.config.server;
          lurus.writeConfig({ ...CONFIG, server: { ...CONFIG.server, listen }, postgres: { url: await pg.database('moved') } });
          await command('migrate', '--to-postgres');
          await lurus.start();
          for (const [list, entries] of Object.entries(await told(lurus, until))) {
            if (list !== 'audit') assertHolds(entries, alone[list], list);
          }
          assert.deepEqual(await statuses(lurus, expected.keys), works);
          assert.equal((await login(lurus, 'ann@example.com', expected.password)).status, 200);
          assert.equal((await lurus.stop()).code, 0);
          await command('migrate', '--to-sqlite');
          lurus.writeConfig({ ...CONFIG, server: { ...CONFIG.server, listen } });
          await lurus.start();
          for (const [list, entries] of Object.entries(await told(lurus, until))) {
            if (list !== 'audit') assertHolds(entries, alone[list], list);
          }
          assert.deepEqual(await statuses(lurus, expected.keys), works);
          assert.equal((await lurus.cli(['audit', 'verify'])).code, 0);
        } finally {
          await pg.close();
        }
      });
    } finally {
      await lurus.close().finally(() => fs.rmSync(folder, { recursive: true, force: true }));
    }
  });
}
