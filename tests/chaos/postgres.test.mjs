// Three nodes over one PostgreSQL that is stopped, killed, frozen, slow and cut off, and nodes that are killed, under traffic and
// while administrators change things: no client sees an error, and in the end all nodes and the database agree.
//   LURUS_CHAOS_SECONDS: how long (each fault comes once at least)     LURUS_SEED: which way
import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, chat } from '../upstream/index.mjs';
import { PATIENCE } from '../e2e/lib/lurus.mjs';
import { randomOf } from '../e2e/lib/suite.mjs';
import { Installation, backend, call, makeKey, takes } from '../e2e/lib/installation.mjs';
import { until } from '../e2e/lib/until.mjs';

const SECONDS = Number(process.env.LURUS_CHAOS_SECONDS || 0);
const CALM = 1000;
const HELD = SECONDS > 0 ? 6000 : 1500; // how long a fault stays after it was noticed, ms

/// One client of one node, on a connection that it keeps: notes each answer's time and what is wrong with it.
async function client(world, index, dialect, random) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (stream) => new Promise((resolve, reject) => {
    const body = JSON.stringify(dialect.request(stream));
    const request = http.request(`${world.nodes[index].url}${dialect.target(stream)}`, {
      method: 'POST',
      agent,
      timeout: 20_000 * PATIENCE,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${world.key}` },
    }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, text: Buffer.concat(parts).toString() }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
    request.end(body);
  });
  while (!world.over) {
    if (world.away.has(index)) {
      await sleep(20);
      continue;
    }
    const stream = random.below(3) === 0;
    const begun = performance.now();
    const { phase } = world;
    world.asking[index] += 1;
    try {
      const { status, text } = await ask(stream);
      if (status !== 200) world.errors.push(`${phase}: ${status} ${text.slice(0, 300)}`);
      else if (stream && !text.includes(dialect.end)) world.errors.push(`${phase}: a stream ends with ${text.slice(-100)}`);
    } catch (error) {
      world.errors.push(`${phase}: ${error.message}`);
    }
    world.asking[index] -= 1;
    (world.times[phase] ??= []).push(performance.now() - begun);
    await sleep(random.below(10));
  }
  agent.destroy();
}

/// Makes keys and revokes them, at any node, and keeps in mind what was promised. A 503 that says that nobody knows leaves
/// either.
async function administrator(world, random) {
  for (let n = 0; !world.over; n += 1) {
    const node = random.below(world.nodes.length);
    if (world.away.has(node)) {
      await sleep(20);
      continue;
    }
    world.asking[node] += 1;
    try {
      if (random.below(3) > 0 || world.made.length === 0) {
        const { status, body } = await call(world.nodes[node], 'POST', 'keys', { body: { name: `chaos ${n}` } });
        if (status === 201) world.made.push(body);
        else if (status !== 503) world.wrong.push(`${world.phase}: making a key: ${status} ${JSON.stringify(body)}`);
        world.changes[status] = (world.changes[status] ?? 0) + 1;
      } else {
        const key = world.made[random.below(world.made.length)];
        const { status, body } = await call(world.nodes[node], 'DELETE', `keys/${key.id}`);
        // A mirror that is behind does not know it yet, or does not know that it is gone.
        if (status === 204) key.revoked = true;
        else if (status === 503 && !key.revoked) key.unsure ||= /not known/.test(body.detail);
        else if (status !== 503 && status !== 404) world.wrong.push(`${world.phase}: revoking a key: ${status} ${JSON.stringify(body)}`);
      }
    } catch (error) {
      world.wrong.push(`${world.phase}: ${error.message}`);
    }
    world.asking[node] -= 1;
    await sleep(30 + random.below(60));
  }
}

const modes = async (world) => Promise.all(world.nodes.map(async (lurus, i) => (world.away.has(i) ? 'away' : (await backend(lurus)).mode)));
const allAre = (world, mode) => until(`all to be ${mode}`, async () => (await modes(world)).every((each) => each === mode), 30_000);

/// All nodes take a key that one of them makes now.
async function converged(world) {
  await allAre(world, 'online');
  const { key } = await makeKey(world.nodes[0], `after ${world.phase} ${performance.now()}`);
  await Promise.all(world.nodes.map((lurus) => takes(lurus, key)));
}

const faults = (here) => ({
  stopped: { make: () => here.postgres.stop(), end: () => here.postgres.start() },
  killed: { make: () => here.postgres.kill9(), end: () => here.postgres.start() },
  frozen: { make: () => here.postgres.freeze(), end: () => here.postgres.thaw() },
  'cut off': { make: () => here.proxy.cut(), end: () => here.proxy.open() },
  'slow (300 ms)': {
    stays: true,
    make: () => {
      here.proxy.delay = 150; // there, and back
    },
    end: () => here.proxy.open(),
  },
});

const percentile = (times, part) => {
  const sorted = [...(times ?? [])].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
};
const ms = (value) => (Number.isFinite(value) ? value.toFixed(value < 100 ? 1 : 0) : '-').padStart(9);

function print(world, figures) {
  console.log('phase            requests   p50 ms   p99 ms  offline after  converged after');
  for (const phase of Object.keys(world.times)) {
    const times = world.times[phase];
    const { offline, converge } = figures[phase] ?? {};
    console.log(`${phase.padEnd(16)} ${String(times.length).padStart(8)}${ms(percentile(times, 0.5))}${ms(percentile(times, 0.99))}      ${ms(offline)}        ${ms(converge)}`);
  }
  const added = percentile(world.times.frozen, 0.99) - percentile(world.times.calm, 0.99);
  console.log(`a frozen PostgreSQL adds ${added.toFixed(1)} ms to the 99th percentile; changes: ${JSON.stringify(world.changes)}; ${world.errors.length} errors`);
}

test('PostgreSQL and nodes come and go under traffic', { timeout: (SECONDS + 110) * 1000 * PATIENCE }, async () => {
  const seed = Number(process.env.LURUS_SEED || Date.now() % 1e9);
  const random = randomOf(seed);
  const here = await new Installation().start();
  const world = { phase: 'calm', nodes: [], away: new Set(), asking: [0, 0, 0], over: false, errors: [], wrong: [], times: {}, made: [], changes: {} };
  const figures = {};
  let workers = [];
  try {
    for (let i = 0; i < 3; i += 1) world.nodes.push(await here.node());
    world.key = (await makeKey(world.nodes[0], 'clients')).key;
    await Promise.all(world.nodes.map((lurus) => takes(lurus, world.key)));
    const begun = performance.now();
    workers = world.nodes.flatMap((_, i) => [anthropic, chat].map((dialect) => client(world, i, dialect, random)));
    workers.push(administrator(world, random));

    const kinds = faults(here);
    const once = async (name) => {
      world.phase = 'calm';
      await sleep(CALM);
      const { make, end, stays } = kinds[name];
      figures[name] ??= {};
      world.phase = name;
      const made = performance.now();
      await make();
      try {
        if (!stays) {
          await allAre(world, 'offline');
          figures[name].offline = Math.max(figures[name].offline ?? 0, performance.now() - made);
        }
        await sleep(HELD);
      } finally {
        await end();
      }
      world.phase = 'coming back';
      const back = performance.now();
      await converged(world);
      figures[name].converge = Math.max(figures[name].converge ?? 0, performance.now() - back);
    };
    const nodeKilled = async () => {
      world.phase = 'a node killed';
      world.away.add(2);
      await until('its clients to be gone', () => world.asking[2] === 0);
      await world.nodes[2].kill9();
      await sleep(HELD / 2);
      const back = performance.now();
      await world.nodes[2].start();
      world.away.delete(2);
      await converged(world);
      figures['a node killed'] = { converge: performance.now() - back };
    };
    for (const name of Object.keys(kinds)) await once(name);
    await nodeKilled();
    while (performance.now() - begun < SECONDS * 1000) {
      if (random.below(6) === 0) await nodeKilled();
      else await once(random.pick(Object.keys(kinds)));
    }
    world.over = true;
    await Promise.all(workers);
    print(world, figures);

    assert.deepEqual(world.errors.slice(0, 5), [], `${world.errors.length} errors, seed ${seed}`);
    assert.deepEqual(world.wrong.slice(0, 5), [], `seed ${seed}`);
    // What was promised is there, what was revoked is not, and all say the same.
    const listOf = async (lurus) => {
      const out = new Map();
      for (let after = ''; ;) {
        const { status, body } = await call(lurus, 'GET', `keys?limit=100${after}`);
        assert.equal(status, 200, JSON.stringify(body));
        for (const key of body.data) out.set(key.id, `${key.name} ${key.version}`);
        if (!body.next) return out;
        after = `&cursor=${encodeURIComponent(body.next)}`;
      }
    };
    const rows = await here.postgres.sql('SELECT id FROM api_key WHERE revoked_us IS NULL ORDER BY id', here.database);
    const wanted = rows.split('\n');
    let lists;
    await until('all to have what the database has', async () => {
      lists = await Promise.all(world.nodes.map(listOf));
      return lists.every((list) => JSON.stringify([...list.keys()].sort()) === JSON.stringify(wanted));
    });
    assert.deepEqual(lists[1], lists[0], `seed ${seed}`);
    assert.deepEqual(lists[2], lists[0], `seed ${seed}`);
    for (const { id, revoked, unsure } of world.made) {
      if (unsure && !revoked) continue;
      assert.equal(lists[0].has(id), !revoked, `key ${id}, ${revoked ? 'revoked' : 'made'}, seed ${seed}`);
    }
    console.log(`${world.made.length} keys made, ${wanted.length} there; seed ${seed}`);
  } finally {
    world.over = true;
    await Promise.allSettled(workers);
    await here.close();
  }
});
