// Several nodes over one PostgreSQL, and what their clients and administrators see.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { anthropic, chat, sse, json, startUpstream } from '../../upstream/index.mjs';
import { PATIENCE, configFor, startLurus } from './lurus.mjs';
import { api } from './people.mjs';
import { startPostgres, startProxy } from './postgres.mjs';
import { post } from './raw.mjs';
import { health, until } from './until.mjs';

/// Nodes of one installation have one master key.
export const ENVIRONMENT = { LURUS_MASTER_KEY: '5'.repeat(64) };

export const token = (lurus) => fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
export const call = (lurus, method, target, more = {}) => api(lurus, method, `/api/v1/${target}`, { token: token(lurus), ...more });

export async function makeKey(lurus, name) {
  const made = await call(lurus, 'POST', 'keys', { body: { name } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body;
}

/// One request with a key: the answer, checked to be whole when it is a 200.
export async function use(lurus, key, { stream = false, dialect = anthropic } = {}) {
  const answer = await post(lurus, dialect.target(stream), dialect.request(stream), { key });
  if (answer.status === 200) {
    assert.ok(answer.complete, 'an answer was cut');
    if (stream) assert.ok(answer.body.toString().includes(dialect.end), `a stream without its end: ${answer.body.toString().slice(-200)}`);
  }
  return answer;
}

export const takes = (lurus, key) => until('a key to be taken', async () => (await use(lurus, key)).status === 200);
export const refuses = (lurus, key) => until('a key to be refused', async () => (await use(lurus, key)).status === 401);

export const backend = async (lurus) => (await health(lurus)).backends.postgres;
export const inMode = (lurus, mode) => until(`PostgreSQL to be ${mode}`, async () => {
  const now = await backend(lurus);
  return now.mode === mode && now;
}, 20_000);

export const answersOf = (request) => {
  const dialect = request.target.includes('/messages') ? anthropic : chat;
  if (!request.body.includes('"stream":true')) return json(dialect.json);
  return sse('', { pieces: dialect.events });
};

/// Asks all the time, JSON and streams in turn, until it is told to stop; then what it saw that was not 200.
export function traffic(nodes, key, { unknown } = {}) {
  const seen = { requests: 0, failures: [], unknown: new Map() };
  let over = false;
  const worker = async (lurus, dialect) => {
    for (let i = 0; !over; i += 1) {
      try {
        const answer = await use(lurus, key, { stream: i % 2 === 1, dialect });
        if (answer.status !== 200) seen.failures.push(`${answer.status}: ${answer.body}`);
      } catch (error) {
        seen.failures.push(error.message);
      }
      seen.requests += 1;
      if (unknown && i % 4 === 0) {
        const { status } = await use(lurus, unknown);
        seen.unknown.set(status, (seen.unknown.get(status) ?? 0) + 1);
      }
    }
  };
  const workers = nodes.flatMap((lurus) => [worker(lurus, anthropic), worker(lurus, chat)]);
  return {
    seen,
    /// Resolves when so many more were answered.
    more: (count = 8) => {
      const wanted = seen.requests + count;
      return until(`${count} more requests`, () => seen.requests >= wanted, 30_000);
    },
    async stop() {
      over = true;
      await Promise.all(workers);
      return seen;
    },
  };
}

export class Installation {
  nodes = [];

  constructor() {
    this.databases = 0;
  }

  async start() {
    this.up = await startUpstream();
    this.up.always(answersOf);
    this.postgres = await startPostgres();
    this.proxy = await startProxy(this.postgres.port);
    await this.newDatabase();
    return this;
  }

  /// What nodes are started over from now on.
  async newDatabase() {
    this.database = `lurus${(this.databases += 1)}`;
    await this.postgres.database(this.database);
    return this.database;
  }

  /// By the proxy.
  get url() {
    return this.postgres.url(this.database, this.proxy.port);
  }

  config({ mode, keys = [], ...more } = {}) {
    return configFor(this.up, { postgres: { url: this.url, ...(mode ? { mode } : {}) }, keys, ...more });
  }

  /// Started, and online unless it is to start without.
  async node({ env = {}, dataDir, online = true, ...more } = {}) {
    const lurus = await startLurus({ config: this.config(more), env: { ...ENVIRONMENT, ...env }, dataDir });
    this.nodes.push(lurus);
    if (online) await inMode(lurus, 'online');
    return lurus;
  }

  async end(lurus) {
    this.nodes = this.nodes.filter((each) => each !== lurus);
    await lurus.close();
  }

  async close() {
    const ends = await Promise.allSettled(this.nodes.map((lurus) => lurus.close()));
    await this.proxy?.close();
    await this.postgres?.close();
    await this.up?.close();
    for (const { reason } of ends) if (reason) throw reason;
  }
}

