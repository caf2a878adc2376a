// lurus.exe as a service of Windows' service control manager; Wine's where this is not Windows. LURUS_EXE names it.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFile, spawnSync } from 'node:child_process';
import { anthropic, json, sse, startUpstream, streamOf } from '../upstream/index.mjs';
import { KEY, PATIENCE, configFor, freePort, tempFolder, tomlOf } from '../e2e/lib/lurus.mjs';
import { connectRaw, post, requestBytes } from '../e2e/lib/raw.mjs';

const exe = process.env.LURUS_EXE && path.resolve(process.env.LURUS_EXE);
const windows = process.platform === 'win32';
const skip = !exe && 'LURUS_EXE does not name lurus.exe';
const NAME = 'lurus-test';
const started = Number(process.env.LURUS_TEST_START_MS || 120_000) * PATIENCE;

let folder, prefix, up, port, lurus;

function run(args, { timeout = started } = {}) {
  const command = windows ? [exe, ...args] : ['wine', exe, ...args];
  const env = windows ? process.env : { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all' };
  return new Promise((resolve) => {
    execFile(command[0], command.slice(1), { timeout, env, maxBuffer: 16 << 20 },
      (error, stdout, stderr) => resolve({ code: error ? (error.code ?? 1) : 0, stdout, stderr }));
  });
}
const service = (verb, ...more) => run(['service', verb, '--name', NAME, ...more]);
const ok = (result) => {
  assert.equal(result.code, 0, result.stderr + result.stdout);
  return result;
};
const parsed = (result) => JSON.parse(result.stdout);
/// Where the service keeps what is its own, as this system reaches it.
const own = (...names) => path.join(windows ? process.env.ProgramData : path.join(prefix, 'drive_c/ProgramData'), NAME, ...names);

before(async () => {
  if (skip) return;
  folder = tempFolder('lurus-windows-');
  prefix = process.env.WINEPREFIX || path.join(folder, 'wine');
  if (!windows) {
    fs.mkdirSync(prefix, { recursive: true });
    spawnSync('wineserver', ['-p600'], { stdio: 'ignore', env: { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all' } });
    // The first program makes the prefix and starts what stays, which would keep a pipe of ours open. Not by wineboot: beside it there would be
    // a second service control manager.
    const first = spawnSync('wine', [exe, 'version'], { stdio: 'ignore', timeout: started, env: { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all' } });
    assert.equal(first.status, 0);
  }
  up = await startUpstream();
  port = await freePort();
  lurus = { port, url: `http://127.0.0.1:${port}` };
});
after(async () => {
  if (skip) return;
  await service('uninstall');
  if (!windows) spawnSync('wineserver', ['-k'], { stdio: 'ignore', env: { ...process.env, WINEPREFIX: prefix } });
  await up?.close();
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

test('it is not installed: status says so', { skip }, async () => {
  const status = await service('status', '--json');
  assert.equal(status.code, 3, status.stderr);
  assert.deepEqual(parsed(status), { name: NAME, installed: false });
});

test('install makes the service, its folders and a configuration', { skip }, async () => {
  const made = parsed(ok(await service('install', '--json')));
  assert.match(made.config_file, /lurus-test\\lurus\.toml$/);
  assert.ok(fs.readFileSync(own('lurus.toml'), 'utf8').includes('[server]'));
  const config = configFor(up, { server: { listen: `127.0.0.1:${port}`, threads: 2 } });
  fs.writeFileSync(own('lurus.toml'), tomlOf(config));
  ok(await service('install', '--json')); // again: it is brought up to date
  const status = parsed(await service('status', '--json'));
  assert.equal(status.state, 'stopped');
  assert.equal(status.at_boot, true);
  assert.match(status.data_dir, /lurus-test\\data$/);
});

test('it starts, and answers ten requests, JSON and streams', { skip }, async () => {
  assert.match(ok(await service('start')).stdout, /is ready on/);
  for (let i = 0; i < 5; ++i) {
    up.next(json(anthropic.json));
    const whole = await post(lurus, '/v1/messages', anthropic.request(false), { key: KEY });
    assert.equal(whole.status, 200, whole.body.toString());
    assert.deepEqual(JSON.parse(whole.body.toString()), JSON.parse(anthropic.json));
    up.next(sse(anthropic.events.join('')));
    const streamed = await post(lurus, '/v1/messages', anthropic.request(true), { key: KEY });
    assert.equal(streamed.body.toString(), streamOf(anthropic));
  }
  const status = parsed(ok(await service('status', '--json')));
  assert.equal(status.state, 'running');
  assert.equal(status.ready, true);
  assert.match(fs.readFileSync(own('data', 'master.key'), 'utf8'), /^dpapi:/);
});

test('stop lets the stream in flight end; all is in the records and the log', { skip }, async () => {
  up.next(sse('', { pieces: [anthropic.events.slice(0, 4).join(''), 3000, anthropic.events.slice(4).join('')] }));
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true), key: KEY }));
  await client.until(() => client.answers.length && client.bodySoFar().length > 100, 'the stream');
  ok(await service('stop'));
  assert.equal((await client.answer()).body.toString(), streamOf(anthropic));
  assert.equal(parsed(await service('status', '--json')).state, 'stopped');
  const { config_file: config, data_dir: data } = parsed(await service('status', '--json'));
  const rows = ok(await run(['logs', '--json', '--limit', '50', '--config', config, '--data-dir', data])).stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(rows.length, 11);
  assert.ok(rows.every((row) => row.end === 'complete'));
  const log = ok(await service('logs', '-n', '100')).stdout;
  assert.match(log, /ended/);
});

test('it does not start with a mistake in its file, and says which', { skip }, async () => {
  const good = fs.readFileSync(own('lurus.toml'), 'utf8');
  fs.writeFileSync(own('lurus.toml'), good.replace('[server]', '[server]\nlistn = 1'));
  const refused = await service('start');
  fs.writeFileSync(own('lurus.toml'), good);
  assert.equal(refused.code, 4, refused.stderr);
  assert.match(refused.stderr, /does not start: .*listn/);
});

test('uninstall leaves the data', { skip }, async () => {
  ok(await service('uninstall'));
  assert.equal((await service('status')).code, 3);
  assert.ok(fs.existsSync(own('data', 'lurus.db')));
});
