// Starts and drives one `lurus` process with its own data folder.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import net from 'node:net';
import http from 'node:http';
import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const LURUS_BIN = path.resolve(process.env.LURUS_BIN || path.join(ROOT, 'build/release/lurus'));
export const KEY = 'cr_e2e_0123456789abcdef0123456789abcdef';
export const UPSTREAM_KEY = 'sk-upstream-7f3c9a51e2';

// Sanitized builds are slower; everything that waits is multiplied.
export const PATIENCE = Number(process.env.LURUS_TEST_PATIENCE || 1);

/// Whether the program is that for Windows, which Wine runs here.
export const WINDOWS = process.env.LURUS_TEST_SYSTEM === 'windows';

// What asks a server to stop. Wine knows SIGINT, which is a Ctrl-C to the program, and ends it at once for SIGTERM.
const STOP_SIGNAL = WINDOWS ? 'SIGINT' : 'SIGTERM';

/// A path of this system as the program says it.
export const native = (file) => (WINDOWS ? `Z:${file.replaceAll('/', '\\')}` : file);

// Standard output and error end lines by \r\n on Windows.
const plainLines = (text) => (WINDOWS ? text.replaceAll('\r\n', '\n') : text);

export const tempFolder = (prefix = 'lurus-e2e-') => fs.mkdtempSync(path.join(os.tmpdir(), prefix));

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/// A TOML value; objects become inline tables.
function toml(value) {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  if (value && typeof value === 'object') return `{ ${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)} = ${toml(v)}`).join(', ')} }`;
  return String(value);
}

/// { server: {...}, log: {...}, provider: [{...}], route: [...], key: [...] } as TOML text.
export function tomlOf(config) {
  const out = [];
  const table = (name, value, bracket) => {
    out.push(bracket);
    const nested = [];
    for (const [key, item] of Object.entries(value)) {
      const isTables = Array.isArray(item) && item.length > 0 && typeof item[0] === 'object';
      if (isTables) nested.push([`${name}.${key}`, item]);
      else out.push(`${key} = ${toml(item)}`);
    }
    for (const [path_, items] of nested) for (const item of items) table(path_, item, `[[${path_}]]`);
    out.push('');
  };
  for (const [name, value] of Object.entries(config)) {
    if (Array.isArray(value)) for (const item of value) table(name, item, `[[${name}]]`);
    else table(name, value, `[${name}]`);
  }
  return out.join('\n');
}

/// The usual configuration: one key, one provider for each family at `up`.
export function configFor(up, { server = {}, providers, routes, keys, provider = {}, ...rest } = {}) {
  return {
    server: { threads: 2, ...server },
    ...rest,
    key: keys ?? [{ name: 'e2e', value: KEY }],
    provider: providers ?? [
      { name: 'ant', kind: 'anthropic', base_url: up.url, api_key: UPSTREAM_KEY, models: ['*'], ...provider },
      { name: 'oai', kind: 'openai', base_url: `${up.url}/v1`, api_key: UPSTREAM_KEY, models: ['*'], ...provider },
      { name: 'gem', kind: 'gemini', base_url: up.url, api_key: UPSTREAM_KEY, models: ['gem*'], ...provider },
    ],
    ...(routes ? { route: routes } : {}),
  };
}

export class Lurus {
  constructor({ config, dataDir, env = {}, listen, args = [], url, through = [] } = {}) {
    this.config = config;
    this.ownsFolder = dataDir === undefined;
    this.folder = this.ownsFolder ? tempFolder() : dataDir;
    this.dataDir = path.join(this.folder, 'data');
    this.configFile = path.join(this.folder, 'lurus.toml');
    this.env = env;
    this.listen = listen;
    this.args = args;
    this.fixedUrl = url;
    this.through = through; // a command that runs another
    this.output = '';
  }

  writeConfig(config = this.config) {
    this.config = config;
    fs.writeFileSync(this.configFile, typeof config === 'string' ? config : tomlOf(config), { mode: 0o600 });
  }

  async start({ waitReady = true } = {}) {
    if (this.config && typeof this.config === 'object') {
      this.config.server ??= {};
      if (!this.config.server.listen) {
        this.port ??= await freePort();
        this.config.server.listen = `127.0.0.1:${this.port}`;
      }
    }
    if (this.config) this.writeConfig();
    const args = ['serve'];
    if (this.config) args.push('--config', this.configFile);
    args.push('--data-dir', this.dataDir, ...(this.listen ? ['--listen', this.listen] : []), ...this.args);
    const [command, ...before] = [...this.through, LURUS_BIN];
    this.process = spawn(command, [...before, ...args], { cwd: this.folder, env: this.childEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = new Promise((resolve) => {
      this.process.once('error', (error) => resolve({ code: null, signal: null, error }));
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output = plainLines(this.output + text).slice(-200_000);
      });
    }
    if (waitReady) await this.ready();
    return this;
  }

  childEnv() {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(LURUS_|ANTHROPIC_|OPENAI_|GEMINI_|GOOGLE_)/.test(name)));
    return { ...clean, HOME: this.folder, XDG_CONFIG_HOME: path.join(this.folder, '.config'), NO_COLOR: '1', ...this.env };
  }

  get url() {
    return this.fixedUrl ?? `http://127.0.0.1:${this.port}`;
  }

  async ready(ms = 10_000 * PATIENCE) {
    const until = Date.now() + ms;
    let gone = null;
    this.exited.then((how) => (gone = how));
    while (Date.now() < until) {
      if (gone) throw new Error(`lurus ended at start: ${JSON.stringify(gone)}\n${gone.error ?? ''}${this.output}`);
      try {
        const answer = await httpGet(`${this.url}/ready`, { timeout: 1000 });
        if (answer.status === 200) return;
      } catch { /* not there yet */ }
      await sleep(15);
    }
    throw new Error(`lurus was not ready after ${ms} ms\n${this.output}`);
  }

  /// Asks it to stop; resolves with how it ended: { code, signal, ms }.
  async stop({ signal = STOP_SIGNAL, ms = 15_000 * PATIENCE } = {}) {
    if (!this.process) return null;
    const started = Date.now();
    this.process.kill(signal);
    const how = await Promise.race([this.exited, sleep(ms, null, { ref: false })]);
    if (!how) {
      this.process.kill('SIGKILL');
      await this.exited;
      throw new Error(`lurus did not end within ${ms} ms after ${signal}\n${this.output}`);
    }
    this.process = null;
    return { ...how, ms: Date.now() - started };
  }

  /// Asks it to read its configuration again, by the management API where there is no SIGHUP.
  async reload() {
    if (!WINDOWS) {
      this.process.kill('SIGHUP');
      return;
    }
    const token = fs.readFileSync(path.join(this.dataDir, 'admin.token'), 'utf8').trim();
    await httpGet(`${this.url}/api/v1/reload`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  }

  async kill9() {
    this.process.kill('SIGKILL');
    const how = await this.exited;
    this.process = null;
    return how;
  }

  /// Stops, checks that it ended well, and removes the folder.
  async close() {
    try {
      if (this.process) {
        const how = await this.stop();
        if (how.code !== 0) throw new Error(`lurus ended with ${JSON.stringify(how)}\n${this.output.slice(-4000)}`);
      }
    } finally {
      if (this.ownsFolder) fs.rmSync(this.folder, { recursive: true, force: true });
    }
  }

  /// Runs a command of the CLI on this server's data folder: { code, stdout, stderr }.
  cli(args, { env = {}, input, timeout = 20_000 * PATIENCE } = {}) {
    const all = [...args, '--data-dir', this.dataDir, ...(this.config ? ['--config', this.configFile] : [])];
    return new Promise((resolve) => {
      const child = execFile(LURUS_BIN, all, { cwd: this.folder, env: { ...this.childEnv(), ...env }, timeout, maxBuffer: 64 << 20 },
        (error, stdout, stderr) => resolve({ code: error ? (error.code ?? 1) : 0, signal: error?.signal ?? null, stdout: plainLines(stdout), stderr: plainLines(stderr) }));
      child.stdin.on('error', () => {}); // it may end without reading
      child.stdin.end(input ?? '');
    });
  }

  /// The newest `limit` rows of the request log.
  async logs(limit = 50, filters = []) {
    const result = await this.cli(['logs', '--json', '--limit', String(limit), ...filters]);
    if (result.code !== 0) throw new Error(`lurus logs: exit ${result.code}\n${result.stderr}${result.stdout}`);
    return result.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  /// The log row of one trace id. The record is committed before an answer's last bytes, so one look is enough
  /// for an answer that ended; `patience` is for the others.
  async row(traceId, { patience = 0 } = {}) {
    const until = Date.now() + patience * PATIENCE;
    for (;;) {
      const found = (await this.logs(200)).find((row) => row.trace_id === traceId);
      if (found) return found;
      if (Date.now() >= until) throw new Error(`no log row for trace ${traceId}`);
      await sleep(100);
    }
  }
}

export async function startLurus(options) {
  const lurus = new Lurus(options);
  try {
    return await lurus.start();
  } catch (error) {
    if (lurus.process && lurus.process.exitCode === null) await lurus.kill9();
    if (lurus.ownsFolder) fs.rmSync(lurus.folder, { recursive: true, force: true });
    throw error;
  }
}

/// A plain request through node:http: { status, headers, body }.
export function httpGet(url, { method = 'GET', headers = {}, body, timeout = 10_000 * PATIENCE, agent } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent, timeout }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer from ${url} in ${timeout} ms`)));
    request.on('error', reject);
    request.end(body);
  });
}
