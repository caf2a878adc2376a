// A PostgreSQL of the test's own, and what goes wrong with one: it is stopped, killed, frozen, slow, cut off.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PATIENCE, freePort, tempFolder } from './lurus.mjs';

const run = promisify(execFile);
const RELEASES = '/usr/lib/postgresql';
const asRoot = process.getuid?.() === 0;

function programs() {
  const found = fs.existsSync(RELEASES)
    ? fs.readdirSync(RELEASES).map((release) => path.join(RELEASES, release, 'bin')).filter((bin) => fs.existsSync(path.join(bin, 'initdb')))
    : [];
  if (found.length === 0) throw new Error(`there is no PostgreSQL in ${RELEASES} (./dev test installs one)`);
  return found.at(-1);
}

/// Processes whose parent is `pid`.
function childrenOf(pid) {
  return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((each) => {
    try {
      const stat = fs.readFileSync(`/proc/${each}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
    } catch {
      return false; // it ended meanwhile
    }
  });
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

class Postgres {
  #bin = programs();
  #process = null;
  #frozen = [];
  folder = tempFolder('lurus-pg-');

  /// It refuses to run as root. Whatever becomes of the test, it does not stay behind.
  #command(program, args) {
    const command = [path.join(this.#bin, program), ...args];
    if (!asRoot) return ['setpriv', '--pdeathsig=KILL', ...command];
    return ['setpriv', '--pdeathsig=KILL', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...command];
  }

  async #run(program, args, options = {}) {
    const [command, ...all] = this.#command(program, args);
    return (await run(command, all, { cwd: this.folder, timeout: 60_000 * PATIENCE, maxBuffer: 64 << 20, ...options })).stdout;
  }

  async make() {
    if (asRoot) await run('chown', ['postgres', this.folder]);
    await this.#run('initdb', ['-D', this.data, '-U', 'lurus', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']);
    this.port = await freePort();
    return this.start();
  }

  get data() {
    return path.join(this.folder, 'data');
  }

  get logFile() {
    return `${this.folder}.log`;
  }

  async start() {
    if (this.#process) return this;
    const [command, ...args] = this.#command('postgres', ['-D', this.data, '-p', String(this.port), '-k', this.folder,
      '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'max_connections=60', '-c', 'shared_buffers=16MB']);
    const log = fs.openSync(this.logFile, 'a', 0o600);
    this.#process = spawn(command, args, { cwd: this.folder, stdio: ['ignore', log, log] });
    fs.closeSync(log);
    this.exited = once(this.#process, 'exit');
    const end = Date.now() + 20_000 * PATIENCE;
    for (;;) {
      try {
        await this.sql('SELECT 1', 'postgres');
        return this;
      } catch (error) {
        if (this.#process.exitCode !== null || Date.now() > end) throw new Error(`PostgreSQL did not start: ${error.message}\n${this.log()}`);
        await sleep(30);
      }
    }
  }

  log() {
    return fs.readFileSync(this.logFile, 'utf8').slice(-4000);
  }

  /// Ends it as its administrator would, whatever is connected.
  async stop() {
    if (!this.#process) return;
    signal(this.#process.pid, 'SIGINT');
    await this.#ended();
  }

  /// As when its machine is switched off.
  async kill9() {
    const family = [this.#process.pid, ...childrenOf(this.#process.pid)];
    for (const pid of family) signal(pid, 'SIGKILL');
    await this.#ended();
    // The children have to be gone before it starts again.
    for (const end = Date.now() + 10_000 * PATIENCE; family.some((pid) => fs.existsSync(`/proc/${pid}`)); await sleep(10)) {
      if (Date.now() > end) throw new Error('processes of PostgreSQL are still there after kill -9');
    }
  }

  async #ended() {
    if ((await Promise.race([this.exited, sleep(20_000 * PATIENCE, null, { ref: false })])) === null) throw new Error(`PostgreSQL does not end\n${this.log()}`);
    this.#process = null;
  }

  /// It keeps its connections, the kernel takes new ones for it, and nobody answers.
  freeze() {
    signal(this.#process.pid, 'SIGSTOP'); // first, so that it makes no more of them
    this.#frozen = [this.#process.pid, ...childrenOf(this.#process.pid)];
    for (const pid of this.#frozen) signal(pid, 'SIGSTOP');
  }

  thaw() {
    for (const pid of this.#frozen.splice(0).reverse()) signal(pid, 'SIGCONT');
  }

  /// Lines of `|`-separated columns.
  async sql(statement, database = 'lurus') {
    return (await this.#run('psql', ['-h', this.folder, '-p', String(this.port), '-U', 'lurus', '-d', database, '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', statement])).trim();
  }

  async database(name) {
    await this.sql(`CREATE DATABASE ${name}`, 'postgres');
    return this.url(name);
  }

  url(name = 'lurus', port = this.port) {
    return `postgresql://lurus@127.0.0.1:${port}/${name}`;
  }

  /// A backup of a database, and what puts it back in place of what is there by then.
  async dump(name) {
    const file = path.join(this.folder, `${name}.dump`);
    const where = ['-h', this.folder, '-p', String(this.port), '-U', 'lurus'];
    await this.#run('pg_dump', [...where, '-Fc', '-f', file, name]);
    return async () => {
      await this.sql(`DROP DATABASE ${name} WITH (FORCE)`, 'postgres');
      await this.sql(`CREATE DATABASE ${name}`, 'postgres');
      await this.#run('pg_restore', [...where, '-d', name, '--exit-on-error', file]);
    };
  }

  /// The same by a copy of everything it has.
  async copy() {
    const kept = path.join(this.folder, 'kept');
    await this.stop();
    await run('cp', ['-a', this.data, kept]);
    await this.start();
    return async () => {
      await this.stop();
      fs.rmSync(this.data, { recursive: true });
      fs.renameSync(kept, this.data);
      await this.start();
    };
  }

  async close() {
    try {
      this.thaw();
      await this.stop();
    } finally {
      fs.rmSync(this.folder, { recursive: true, force: true });
      fs.rmSync(this.logFile, { force: true });
    }
  }
}

export const startPostgres = () => new Postgres().make();

/// Between a client and a server: passes on, delays each piece by `delay` ms, takes connections and stays silent, or cuts.
class Proxy {
  delay = 0;
  #mode = 'open';
  #pairs = new Set();

  constructor(target) {
    this.target = target;
    this.server = net.createServer((client) => this.#accept(client));
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    return this;
  }

  #accept(client) {
    client.on('error', () => {});
    if (this.#mode === 'cut') return client.resetAndDestroy();
    const pair = { client };
    this.#pairs.add(pair);
    client.once('close', () => {
      this.#pairs.delete(pair);
      pair.server?.destroy();
    });
    if (this.#mode === 'silent') return client.pause();
    pair.server = net.connect(this.target, '127.0.0.1');
    pair.server.on('error', () => client.destroy());
    pair.server.once('close', () => client.destroy());
    for (const [from, to] of [[client, pair.server], [pair.server, client]]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (this.#mode === 'silent') return;
        if (this.delay === 0) to.write(bytes);
        else setTimeout(() => to.destroyed || to.write(bytes), this.delay);
      });
    }
    return undefined;
  }

  /// What is open ends in the middle, and nothing new lives.
  cut() {
    this.#mode = 'cut';
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server?.destroy();
    }
  }

  /// Connections are taken, and nothing comes through.
  silence() {
    this.#mode = 'silent';
  }

  /// As at the start; what was kept silent is cut, as by a firewall that forgot it.
  open() {
    const silent = this.#mode === 'silent';
    this.#mode = 'open';
    this.delay = 0;
    if (silent) for (const { client } of this.#pairs) client.resetAndDestroy();
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const startProxy = (target) => new Proxy(target).listen();
