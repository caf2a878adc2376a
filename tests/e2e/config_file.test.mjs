// What happens to a running server when its configuration file is emptied, cut short, taken away or led elsewhere.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chat, json, startUpstream } from '../upstream/index.mjs';
import { KEY, configFor, startLurus, tomlOf } from './lib/lurus.mjs';
import { post } from './lib/raw.mjs';
import { health, healthy, told, until } from './lib/until.mjs';

let up;
before(async () => {
  up = await startUpstream();
  up.always(() => json(chat.json));
});
after(() => up?.close());

const status = async (lurus, key = KEY) => (await post(lurus, '/v1/chat/completions', chat.request(false), { key })).status;

async function doctor(lurus, pattern) {
  const { code, stdout } = await lurus.cli(['doctor', '--json']);
  const findings = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  assert.ok(findings.some((finding) => finding.level === 'broken' && pattern.test(finding.detail)), stdout);
  assert.equal(code, 1);
}

async function withServer(run, options = {}) {
  const lurus = await startLurus({ config: configFor(up, options) });
  try {
    await run(lurus, fs.readFileSync(lurus.configFile, 'utf8'));
  } finally {
    await lurus.close();
  }
}

for (const [name, text, says] of [
  ['emptied', '', /says nothing any more/],
  ['only comments', '# nothing\n\n  # but this\n', /says nothing any more/],
  ['without its keys', null, /has no \[\[key\]\] any more, of 1/],
]) {
  test(`a file that is ${name} is not taken before somebody asks for it`, () => withServer(async (lurus, whole) => {
    const { key, ...rest } = lurus.config;
    const lost = text ?? tomlOf(rest);
    fs.writeFileSync(lurus.configFile, lost);
    await told(lurus, says);
    assert.equal(await status(lurus), 200);
    assert.match(lurus.output, says);
    assert.match(lurus.output, /if it is meant so, (send SIGHUP|POST \/api\/v1\/reload)/);
    await doctor(lurus, says);
    fs.writeFileSync(lurus.configFile, whole);
    await healthy(lurus);
    assert.equal(await status(lurus), 200);
    fs.writeFileSync(lurus.configFile, lost);
    await told(lurus, says);
    await lurus.reload();
    await healthy(lurus);
    assert.equal(await status(lurus), 401, 'what was asked for is taken');
    fs.writeFileSync(lurus.configFile, whole);
    await until('the key', async () => (await status(lurus)) === 200);
  }));
}

test('a file without its providers is not taken before somebody asks for it', () => withServer(async (lurus) => {
  const { provider, ...rest } = lurus.config;
  fs.writeFileSync(lurus.configFile, tomlOf(rest));
  await told(lurus, /has no \[\[provider\]\] any more, of 3/);
  assert.equal(await status(lurus), 200);
}));

test('a file that is cut anywhere takes no key away', () => withServer(async (lurus, whole) => {
  // From the end to the beginning: each cut loses something more.
  for (const part of [0.98, 0.7, 0.4, 0.1]) {
    const cut = whole.slice(0, Math.floor(whole.length * part)).trimEnd();
    fs.writeFileSync(lurus.configFile, cut);
    await until('the refusal', async () => (await health(lurus)).status === 'degraded');
    for (const key of [KEY, 'cr_e2e_second_0123456789abcdef']) assert.equal(await status(lurus, key), 200, `cut to ${part}`);
    fs.writeFileSync(lurus.configFile, whole);
    await healthy(lurus);
  }
}, { keys: [{ name: 'e2e', value: KEY }, { name: 'second', value: 'cr_e2e_second_0123456789abcdef' }] }));

test('a key that is taken out of the file is refused soon, as long as others are there', () => withServer(async (lurus) => {
  lurus.writeConfig({ ...lurus.config, key: lurus.config.key.slice(1) });
  await until('the refusal', async () => (await status(lurus)) === 401);
  assert.equal((await health(lurus)).status, 'healthy');
}, { keys: [{ name: 'e2e', value: KEY }, { name: 'second', value: 'cr_e2e_second_0123456789abcdef' }] }));

test('a file that is gone changes nothing, and is told until it is back', () => withServer(async (lurus, whole) => {
  fs.renameSync(lurus.configFile, `${lurus.configFile}.away`);
  await told(lurus, /lurus\.toml is gone/);
  assert.equal(await status(lurus), 200);
  fs.writeFileSync(lurus.configFile, whole);
  await healthy(lurus);
}));

test('a symbolic link that is led elsewhere, as Kubernetes mounts it', () => withServer(async (lurus, whole) => {
  const { folder, configFile } = lurus;
  const next = 'cr_e2e_mounted_0123456789abcdef';
  for (const version of ['v1', 'v2']) fs.mkdirSync(path.join(folder, version));
  fs.writeFileSync(path.join(folder, 'v1', 'lurus.toml'), whole);
  fs.writeFileSync(path.join(folder, 'v2', 'lurus.toml'), tomlOf({ ...lurus.config, key: [...lurus.config.key, { name: 'mounted', value: next }] }));
  fs.symlinkSync('v1', path.join(folder, '..data'));
  fs.symlinkSync('..data/lurus.toml', `${configFile}.link`);
  fs.renameSync(`${configFile}.link`, configFile);
  assert.equal(await status(lurus, next), 401);
  fs.symlinkSync('v2', path.join(folder, '..data_tmp'));
  fs.renameSync(path.join(folder, '..data_tmp'), path.join(folder, '..data'));
  await until('the new key', async () => (await status(lurus, next)) === 200);
  assert.equal((await health(lurus)).status, 'healthy');
}));

const inDays = (days) => new Date(Date.now() + days * 86_400_000).toISOString();

test('keys that end within 30 days are told', () => withServer(async (lurus) => {
  const { code, stdout } = await lurus.cli(['doctor', '--json']);
  const keys = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter((finding) => finding.check === 'keys');
  assert.deepEqual(keys.map((finding) => finding.level), ['good', 'warning'], stdout);
  assert.equal(keys[1].detail, `within 30 days expire soon (${inDays(5).slice(0, 10)}), next (${inDays(29).slice(0, 10)})`);
  assert.equal(code, 0, stdout);
}, { keys: [{ name: 'e2e', value: KEY }, { name: 'next', value: 'cr_e2e_next_0123456789abcdef', expires: inDays(29) },
  { name: 'soon', value: 'cr_e2e_soon_0123456789abcdef', expires: inDays(5) }, { name: 'later', value: 'cr_e2e_later_0123456789abcdef', expires: inDays(60) },
  { name: 'past', value: 'cr_e2e_past_0123456789abcdef', expires: inDays(-1) }] }));
