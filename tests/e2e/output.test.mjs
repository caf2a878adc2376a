// What a command prints goes to a full disk, or to a pipe that nobody reads: it fails with a message, and a secret that is shown
// only once is taken back.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { KEY, LURUS_BIN, STOP_SIGNAL, configFor, freePort, startLurus, tempFolder } from './lib/lurus.mjs';
import { post } from './lib/raw.mjs';

async function started(t) {
  const up = await startUpstream();
  t.after(() => up.close());
  up.always(json(anthropic.json));
  const lurus = await startLurus({ config: configFor(up) });
  t.after(() => lurus.close());
  assert.equal((await post(lurus, '/v1/messages', anthropic.request(false), { key: KEY })).status, 200);
  for (const args of [['key', 'create', '--name', 'first'], ['route', 'add', 'fast', '--to', 'ant/claude-sonnet-4-5']]) {
    const { code, stdout, stderr } = await lurus.cli(args);
    assert.equal(code, 0, stdout + stderr);
  }
  return lurus;
}

/// A command with its standard output there: { code, signal, stderr }.
async function printing(lurus, args, stdout) {
  const child = spawn(LURUS_BIN, [...args, '--data-dir', lurus.dataDir, '--config', lurus.configFile],
    { cwd: lurus.folder, env: lurus.childEnv(), stdio: ['ignore', stdout, 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const [code, signal] = await once(child, 'close');
  return { code, signal, stderr };
}

async function toFullDisk(lurus, args) {
  const full = fs.openSync('/dev/full', 'w');
  try {
    return await printing(lurus, args, full);
  } finally {
    fs.closeSync(full);
  }
}

async function toClosedPipe(lurus, args) {
  const quoted = [LURUS_BIN, ...args, '--data-dir', lurus.dataDir, '--config', lurus.configFile].map((word) => `'${word}'`).join(' ');
  const notes = tempFolder('lurus-pipe-');
  // The reader is gone before the command begins.
  const child = spawn('bash', ['-c', `{ sleep 0.2; ${quoted} 2>${notes}/err; echo $? >${notes}/code; } | true; cat ${notes}/code`], { cwd: lurus.folder, env: lurus.childEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
  let code = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (code += text));
  await once(child, 'close');
  const stderr = fs.readFileSync(path.join(notes, 'err'), 'utf8');
  fs.rmSync(notes, { recursive: true });
  return { code: Number(code), signal: null, stderr };
}

const COMMANDS = [
  ['audit', 'export'], ['audit', 'list'], ['audit', 'verify', '--json'], ['logs'], ['logs', '--json'], ['trace', 'last'], ['usage'], ['usage', '--json'],
  ['key', 'list'], ['key', 'list', '--json'], ['provider', 'list'], ['provider', 'kinds'], ['route', 'list', '--json'], ['user', 'list'], ['org', 'list'],
  ['prices', 'list'], ['config', 'show'], ['config', 'default'], ['config', 'check'], ['config', 'flags'], ['completion', 'bash'], ['completion', 'fish'],
  ['version'], ['version', '--json'], ['doctor'], ['doctor', '--json'], ['--version'], ['--help'], ['key', 'create', '--help'],
];

for (const [where, print, why] of [['a full disk', toFullDisk, /No space left|not enough space|Disk full/], ['a closed pipe', toClosedPipe, /Broken pipe/]]) {
  test(`every command that prints to ${where} fails and says so`, async (t) => {
    const lurus = await started(t);
    for (const args of COMMANDS) {
      const { code, signal, stderr } = await print(lurus, args);
      assert.equal(signal, null, args.join(' '));
      assert.ok(code > 0, `${args.join(' ')}: ${code} ${stderr}`);
      assert.match(stderr, /standard output could not be written/, args.join(' '));
      assert.match(stderr, why, args.join(' '));
    }
  });

  test(`a key that is printed to ${where} is taken back`, async (t) => {
    const lurus = await started(t);
    for (const [i, more] of [[], ['--json'], ['--rpm', '5']].entries()) {
      const made = await print(lurus, ['key', 'create', '--name', `lost-${i}`, ...more]);
      assert.equal(made.code, 1, made.stderr);
      assert.match(made.stderr, /was revoked again/);
    }
    const keys = (await lurus.cli(['key', 'list', '--json'])).stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    assert.deepEqual(keys.filter((key) => key.name.startsWith('lost') && key.status === 'active'), []);
    await lurus.cli(['key', 'create', '--name', 'kept']);
    const rotated = await print(lurus, ['key', 'rotate', 'kept', '--overlap', '2h']);
    assert.equal(rotated.code, 1);
    assert.match(rotated.stderr, /the new value is lost, and taken still: .* until .*: lurus key rotate/);
  });
}

test('the first key is not left behind when the start could not show it', async (t) => {
  const folder = tempFolder();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const full = fs.openSync('/dev/full', 'w');
  const child = spawn(LURUS_BIN, ['serve', '--data-dir', path.join(folder, 'data'), '--listen', `127.0.0.1:${await freePort()}`],
    { cwd: folder, env: { PATH: process.env.PATH, HOME: folder }, stdio: ['ignore', full, 'pipe'] });
  fs.closeSync(full);
  let stderr = '';
  const told = new Promise((resolve) => child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
    if (/first key/.test(stderr)) resolve();
  }));
  const exited = once(child, 'exit');
  await Promise.race([told, exited]);
  assert.match(stderr, /could not be written to standard output/);
  assert.match(stderr, /the first key was revoked again/);
  child.kill(STOP_SIGNAL);
  assert.equal((await exited)[0], 0, stderr);
});
