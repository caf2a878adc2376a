// Runs a real command-line client in the home folder of a test's own server.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { startUpstream } from '../../upstream/index.mjs';
import { startLurus } from '../../e2e/lib/lurus.mjs';

const cache = process.env.LURUS_NODE_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'lurus/node');
const FOLDER = process.env.LURUS_NODE_CLI || path.join(cache, 'cli');
const CLIENT_MS = 110_000;

/// A server with the given providers (a function of the upstream), and, where there is one, the client connected by `lurus connect`.
export function connected(client, providersOf) {
  const context = {};
  before(async () => {
    context.up = await startUpstream();
    context.lurus = await startLurus({ config: { server: { threads: 2 }, provider: providersOf(context.up) } });
    context.home = context.lurus.folder;
    context.work = path.join(context.home, 'work');
    fs.mkdirSync(context.work);
    if (client) {
      const made = await context.lurus.cli(['connect', client]);
      assert.equal(made.code, 0, made.stderr + made.stdout);
      context.connectOutput = made.stdout;
    }
  });
  beforeEach(() => {
    context.up.clear();
  });
  after(async () => {
    try {
      await context.lurus?.close();
    } finally {
      await context.up?.close();
    }
  });
  return context;
}

/// { code, stdout, stderr, ms }. Killed, with all it started, after its time.
export function runClient(context, program, args, env = {}) {
  const started = Date.now();
  const child = spawn(path.join(FOLDER, 'node_modules/.bin', program), args, {
    cwd: context.work, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, HOME: context.home, XDG_CONFIG_HOME: path.join(context.home, '.config'),
      XDG_DATA_HOME: path.join(context.home, '.local/share'), XDG_CACHE_HOME: path.join(context.home, '.cache'), TERM: 'dumb', NO_COLOR: '1', TMPDIR: os.tmpdir(), ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  return new Promise((resolve, reject) => {
    const endAll = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch { /* all gone */ }
    };
    const timer = setTimeout(endAll, CLIENT_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      endAll();
      resolve({ code, signal, stdout, stderr, ms: Date.now() - started });
    });
  });
}

export function assertRan(result, pattern) {
  assert.equal(result.code, 0, `exit ${result.code} ${result.signal ?? ''} after ${result.ms} ms\n${result.stdout}\n${result.stderr}`);
  assert.match(result.stdout, pattern, result.stderr);
}

/// The log's rows, oldest first, that `wanted` says yes to.
export async function rowsOf(context, wanted = () => true) {
  return (await context.lurus.logs(50)).reverse().filter(wanted);
}

export function assertRow(row, { dialect, client, usage, session = true }) {
  assert.equal(row.dialect, dialect);
  assert.match(row.client, client);
  if (session) assert.ok(row.session, 'no session');
  assert.equal(row.end, 'complete');
  assert.equal(row.status, 200);
  for (const [name, value] of Object.entries(usage)) assert.equal(row.usage[name], value, name);
}
