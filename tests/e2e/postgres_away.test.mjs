// PostgreSQL goes away in every way there is, and comes back: clients notice nothing, changes wait, nobody is told that a good
// key is wrong.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { PATIENCE, httpGet } from './lib/lurus.mjs';
import { Installation, backend, call, inMode, makeKey, takes, traffic, use } from './lib/installation.mjs';
import { header, jsonOf } from './lib/raw.mjs';
import { health, until } from './lib/until.mjs';

const here = new Installation();
let one, two;

before(async () => {
  await here.start();
  one = await here.node();
  two = await here.node({ mode: 'on' });
});
after(() => here.close());

const UNKNOWN = 'cr_nobody_0123456789abcdef0123456789abcdef';
const ready = async (lurus) => {
  const { status, body } = await httpGet(`${lurus.url}/ready`);
  return { status, ...JSON.parse(body) };
};

const FAULTS = {
  stopped: { make: () => here.postgres.stop(), end: () => here.postgres.start() },
  'killed with -9': { make: () => here.postgres.kill9(), end: () => here.postgres.start() },
  frozen: { make: () => here.postgres.freeze(), end: () => here.postgres.thaw() },
  'cut off': { make: () => here.proxy.cut(), end: () => here.proxy.open() },
  'behind a silent firewall': { make: () => here.proxy.silence(), end: () => here.proxy.open() },
};

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`PostgreSQL is ${name}`, { timeout: 120_000 * PATIENCE }, async (t) => {
    await Promise.all([inMode(one, 'online'), inMode(two, 'online')]);
    const { key, id } = await makeKey(one, `before it is ${name}`);
    await takes(two, key);
    const clients = traffic([one, two], key, { unknown: UNKNOWN });
    try {
      await clients.more();
      const begun = Date.now();
      await fault.make();
      try {
        const states = await Promise.all([inMode(one, 'offline'), inMode(two, 'offline')]);
        t.diagnostic(`offline after ${Date.now() - begun} ms: ${states[0].reason}`);
        for (const { reason, since, mirror } of states) {
          assert.match(reason, /PostgreSQL/);
          assert.ok(Date.parse(since) >= begun - 5 && Date.parse(since) <= Date.now() + 5, `${since}, begun ${new Date(begun).toISOString()}`);
          assert.ok(Date.parse(mirror) <= Date.parse(since) + 5, `mirror of ${mirror}, offline since ${since}`);
        }
        await clients.more();
        clients.seen.unknown.clear();
        assert.equal((await health(one)).status, 'degraded');
        assert.match(`${(await httpGet(`${one.url}/metrics`)).body}`, /gateway_backend_mode\{backend="postgres",mode="offline"\} 1\n/);
        assert.deepEqual(await ready(one), { status: 'ready' });
        const waiting = await httpGet(`${two.url}/ready`);
        assert.equal(waiting.status, 503);
        assert.match(JSON.parse(waiting.body).reason, /PostgreSQL is offline, and mode = "on" needs it/);

        // At once: each of these would wait for seconds if it asked.
        const asked = Date.now();
        for (let i = 0; i < 20; i += 1) {
          const change = i % 2 === 0
            ? await call(one, 'POST', 'keys', { body: { name: `while it is ${name}` } })
            : await call(one, 'PATCH', `keys/${id}`, { body: { note: 'no' } });
          assert.equal(change.status, 503, JSON.stringify(change.body));
          assert.match(change.headers['content-type'], /^application\/problem\+json/);
          assert.match(change.body.detail, /nothing can be changed while PostgreSQL is away: .*PostgreSQL/);
        }
        assert.ok(Date.now() - asked < 20_000 * PATIENCE, `20 changes took ${Date.now() - asked} ms to be refused`);
        assert.equal((await call(one, 'GET', `keys/${id}`)).status, 200);

        const refused = await use(two, UNKNOWN);
        assert.equal(refused.status, 503);
        assert.match(header(refused, 'retry-after'), /^\d+$/);
        assert.equal(jsonOf(refused).type, 'error');
        await clients.more();
        assert.deepEqual([...clients.seen.unknown.keys()], [503]);
      } finally {
        await fault.end();
      }
      await Promise.all([inMode(one, 'online'), inMode(two, 'online')]);
      t.diagnostic(`online ${Date.now() - begun} ms after it began`);
      await until('both to be ready', async () => (await ready(one)).status === 'ready' && (await ready(two)).status === 'ready');
      assert.equal((await health(one)).backends.postgres.reason, null);
      const made = await makeKey(two, `after it was ${name}`);
      await takes(one, made.key);
      assert.equal((await call(one, 'PATCH', `keys/${id}`, { body: { note: 'yes' } })).status, 200);
      await until('the other to follow', async () => (await call(two, 'GET', `keys/${id}`)).body.note === 'yes');
    } finally {
      const { failures, requests } = await clients.stop();
      t.diagnostic(`${requests} requests`);
      assert.deepEqual(failures.slice(0, 5), []);
    }
  });
}

test('a slow PostgreSQL is still one', { timeout: 60_000 * PATIENCE }, async () => {
  await inMode(one, 'online');
  here.proxy.delay = 100;
  try {
    const { key } = await makeKey(one, 'slowly');
    await takes(two, key);
    assert.equal((await backend(one)).mode, 'online');
  } finally {
    here.proxy.open();
  }
});
