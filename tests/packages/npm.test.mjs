// The npm packages as `./dev package` made them: installed by a real npm from a registry and from files, run through npx and node.
// LURUS_PACKAGES is the folder they are in, build/package by default. No network is needed.
import test from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const PACKAGES = path.resolve(process.env.LURUS_PACKAGES || path.join(ROOT, 'build/package'));
const VERSION = fs.readFileSync(path.join(ROOT, 'CMakeLists.txt'), 'utf8').match(/^project\(lurus VERSION ([\d.]+)/m)[1];
const MAIN = path.join(PACKAGES, `lurus-switch-${VERSION}.tgz`);
const LINUX = path.join(PACKAGES, `lurus-switch-linux-x64-${VERSION}.tgz`);
const WINDOWS = path.join(PACKAGES, `lurus-switch-win32-x64-${VERSION}.tgz`);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lurus-npm-'));
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

const fileIn = (archive, name) => execFileSync('tar', ['xzOf', archive, `package/${name}`], { maxBuffer: 64 << 20 });
const manifest = (archive) => JSON.parse(fileIn(archive, 'package.json'));

/// Resolves with { code, stdout, stderr }, whatever the exit code.
const run = (command, args, { cwd = folder, env = {}, ms = 60_000 } = {}) => new Promise((resolve) => {
  execFile(command, args, { cwd, env: { ...clean, ...env }, timeout: ms }, (error, stdout, stderr) => {
    resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr });
  });
});
// What an npm that runs this test has set would reach the one under test.
const clean = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS|NODE_TEST|LURUS_)/i.test(name))),
  HOME: folder, npm_config_cache: path.join(folder, 'cache'), npm_config_update_notifier: 'false', npm_config_audit: 'false', npm_config_fund: 'false',
  npm_config_fetch_retries: '0', NO_COLOR: '1',
};

/// A registry that has just these packages.
async function registry(archives) {
  const documents = new Map(), files = new Map();
  const server = http.createServer((request, answer) => {
    const name = decodeURIComponent(request.url.slice(1));
    if (documents.has(name)) answer.setHeader('content-type', 'application/json').end(JSON.stringify(documents.get(name)));
    else if (files.has(name)) answer.end(files.get(name));
    else answer.writeHead(404).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/`;
  for (const archive of archives) {
    const bytes = fs.readFileSync(archive), about = manifest(archive);
    const integrity = `sha512-${crypto.createHash('sha512').update(bytes).digest('base64')}`;
    files.set(path.basename(archive), bytes);
    documents.set(about.name, {
      name: about.name,
      'dist-tags': { latest: about.version },
      versions: { [about.version]: { ...about, dist: { tarball: url + path.basename(archive), integrity } } },
    });
  }
  return { url, close: () => { server.closeAllConnections(); return new Promise((resolve) => server.close(resolve)); } };
}

const made = (name) => { const at = path.join(folder, name); fs.mkdirSync(at); fs.writeFileSync(path.join(at, 'package.json'), '{}'); return at; };

// One installation from files, without a registry, that the tests below run.
const installed = made('installed');
const result = await run('npm', ['install', '--ignore-scripts', '--offline', MAIN, LINUX], { cwd: installed });
assert.equal(result.code, 0, result.stderr);
const command = path.join(installed, 'node_modules/.bin/lurus');
const executable = path.join(installed, 'node_modules/@lurus-switch/linux-x64/bin/lurus');
process.env.LURUS_BIN = command;
const { startLurus, configFor } = await import('../e2e/lib/lurus.mjs');
const { anthropic, sse, startUpstream } = await import('../upstream/index.mjs');
const { connectRaw, requestBytes } = await import('../e2e/lib/raw.mjs');

test('npx runs it from a registry, by both of its names', async () => {
  const archives = [MAIN, LINUX, ...(fs.existsSync(WINDOWS) ? [WINDOWS] : [])];
  const from = await registry(archives);
  try {
    const env = { npm_config_registry: from.url };
    const direct = await run(executable, ['version', '--json']);
    const one = await run('npx', ['--yes', `lurus-switch@${VERSION}`, 'version', '--json'], { env });
    assert.deepEqual([one.code, one.stdout], [0, direct.stdout], one.stderr);
    const other = await run('npx', ['--yes', '--package', 'lurus-switch', 'lurus', 'version', '--json'], { env });
    assert.deepEqual([other.code, other.stdout], [0, direct.stdout], other.stderr);
    const wrong = await run('npx', ['--yes', 'lurus-switch', 'no-such-command'], { env });
    const wrongDirect = await run(executable, ['no-such-command']);
    assert.notEqual(wrongDirect.code, 0);
    assert.deepEqual([wrong.code, wrong.stderr], [wrongDirect.code, wrongDirect.stderr]);
  } finally {
    await from.close();
  }
});

test('npx runs it from the two files, without any registry', async () => {
  const answer = await run('npx', ['--yes', '--offline', '--package', MAIN, '--package', LINUX, 'lurus-switch', 'version'], { cwd: made('npx') });
  assert.equal(answer.code, 0, answer.stderr);
  assert.match(answer.stdout, new RegExp(`\\b${VERSION.replaceAll('.', '\\.')}\\b`));
});

test('the packages have no install script, nothing but what they need, and their platform', () => {
  for (const [archive, files] of [[MAIN, ['bin/lurus.js']], [LINUX, ['NOTICES', 'bin/lurus']], [WINDOWS, ['NOTICES', 'bin/lurus.exe']]]) {
    if (archive === WINDOWS && !fs.existsSync(WINDOWS)) continue;
    const names = execFileSync('tar', ['tzf', archive], { encoding: 'utf8' }).trim().split('\n').sort();
    assert.deepEqual(names, ['LICENSE', 'README.md', ...files, 'package.json'].map((name) => `package/${name}`).sort());
    const about = manifest(archive);
    assert.equal(about.version, VERSION);
    assert.equal(about.scripts, undefined);
  }
  assert.deepEqual([manifest(LINUX).os, manifest(LINUX).cpu, manifest(LINUX).libc], [['linux'], ['x64'], ['glibc']]);
  const platforms = [`@lurus-switch/linux-x64`, ...(fs.existsSync(WINDOWS) ? ['@lurus-switch/win32-x64'] : [])];
  assert.deepEqual(manifest(MAIN).optionalDependencies, Object.fromEntries(platforms.map((name) => [name, VERSION])));
  if (fs.existsSync(WINDOWS)) {
    assert.deepEqual([manifest(WINDOWS).os, manifest(WINDOWS).cpu], [['win32'], ['x64']]);
    assert.equal(fileIn(WINDOWS, 'bin/lurus.exe').subarray(0, 2).toString(), 'MZ');
  }
});

test('packed again they are the same bytes', async () => {
  const again = path.join(folder, 'again');
  const unpacked = path.join(folder, 'lurus-again');
  fs.writeFileSync(unpacked, fileIn(LINUX, 'bin/lurus'), { mode: 0o700 });
  const args = ['--out', again, '--linux', unpacked];
  if (fs.existsSync(WINDOWS)) {
    fs.writeFileSync(`${unpacked}.exe`, fileIn(WINDOWS, 'bin/lurus.exe'));
    args.push('--windows', `${unpacked}.exe`);
  }
  const packed = await run('bash', [path.join(ROOT, 'packaging/npm.sh'), ...args]);
  assert.equal(packed.code, 0, packed.stderr);
  for (const archive of [MAIN, LINUX, WINDOWS].filter((each) => fs.existsSync(each))) {
    const other = path.join(again, path.basename(archive));
    // What the compression made of them is zlib's.
    assert.ok(zlib.gunzipSync(fs.readFileSync(archive)).equals(zlib.gunzipSync(fs.readFileSync(other))), other);
  }
});

test('the main package alone says which other file to give', async () => {
  const alone = made('alone');
  const install = await run('npm', ['install', '--offline', MAIN], { cwd: alone });
  assert.equal(install.code, 0, install.stderr);
  const answer = await run(path.join(alone, 'node_modules/.bin/lurus-switch'), ['version']);
  assert.equal(answer.code, 1);
  assert.equal(answer.stdout, '');
  assert.match(answer.stderr, /^lurus-switch: the package @lurus-switch\/linux-x64, .* is not installed\..*\n$/);
  assert.ok(answer.stderr.includes(`npm install ${path.basename(MAIN)} ${path.basename(LINUX)}`), answer.stderr);
});

const preload = (name, text) => { const file = path.join(folder, name); fs.writeFileSync(file, text); return ['--require', file]; };

test('other platforms and other C libraries get one line', async () => {
  const mac = preload('mac.cjs', "Object.defineProperty(process, 'platform', { value: 'darwin' }); Object.defineProperty(process, 'arch', { value: 'arm64' });");
  const answer = await run('node', [...mac, command, 'version']);
  assert.equal(answer.code, 1);
  assert.match(answer.stderr, /^lurus-switch: there is no executable for darwin-arm64; there is one for linux-x64( and win32-x64)?\n$/);
  const musl = preload('musl.cjs', "const fs = require('node:fs'); const real = fs.existsSync; fs.existsSync = (file) => !String(file).includes('ld-linux') && real(file);");
  const other = await run('node', [...musl, command, 'version']);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /^lurus-switch: the executable needs glibc 2\.31 or newer, .*\n$/);
});

// A Node without process.execve, as before 22.15 and on Windows, stays beside the executable.
const ways = { 'the way of this Node': [], 'as a child': ['node', ...preload('no_execve.cjs', 'process.execve = undefined;')] };

for (const [name, through] of Object.entries(ways)) {
  test(`serve answers, and SIGTERM lets a stream end (${name})`, async () => {
    const up = await startUpstream();
    const lurus = await startLurus({ config: configFor(up), through });
    try {
      up.next(sse('', { pieces: [anthropic.events.slice(0, 4).join(''), 700, anthropic.events.slice(4).join('')] }));
      const client = await connectRaw(lurus);
      await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
      await client.until(() => client.answers.length && client.bodySoFar().length > 100, 'the stream');
      const how = await lurus.stop();
      assert.deepEqual([how.code, how.signal], [0, null]);
      assert.match(client.bodySoFar().toString(), /message_stop/);
    } finally {
      if (lurus.process) await lurus.kill9();
      await up.close();
      fs.rmSync(lurus.folder, { recursive: true, force: true });
    }
  });

  test(`the exit code is the executable's (${name})`, async () => {
    const [program, ...args] = [...through, command, 'trace', 'no-such-trace', '--url', 'http://127.0.0.1:9'];
    const answer = await run(program, args);
    const direct = await run(executable, args.slice(args.indexOf('trace')));
    assert.notEqual(direct.code, 0);
    assert.deepEqual([answer.code, answer.stdout, answer.stderr], [direct.code, direct.stdout, direct.stderr]);
  });
}
