// Mistakes of a configuration: each is a line with its place and the way out, whoever is asked.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lurus, PATIENCE, freePort, native, startLurus, tempFolder } from './lib/lurus.mjs';

// What the file's reader sees, and what only a start sees.
const WRITTEN = `[server]
threds = 2
[log]
level = "loud"
[[key]]
name = "x"
`;
const MEANT = `[[provider]]
name = "one"
kind = "nonsense"
[[provider]]
name = "two"
kind = "openai-compatible"
[[provider]]
name = "good"
kind = "openai"
api_key = "sk-0123456789abcdef"
[[route]]
model = "m"
to = ["one/x"]
[[key]]
name = "k1"
value = "cr_same_0123456789abcdef"
[[key]]
name = "k2"
value = "cr_same_0123456789abcdef"
`;

function folderWith(t, text) {
  const folder = tempFolder();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const lurus = new Lurus({ dataDir: folder, config: text });
  lurus.writeConfig();
  return lurus;
}

const places = (lurus, text) => {
  const before = `lurus: ${native(lurus.configFile)}:`;
  return text.split('\n').filter((line) => line.startsWith(before)).map((line) => Number(line.slice(before.length).split(':')[0]));
};

for (const [name, text, lines] of [['of its text', WRITTEN, [2, 4, 5]], ['of its meaning', MEANT, [1, 4, 17]]]) {
  test(`mistakes ${name}: config check, serve, doctor and commands say each on a line`, async (t) => {
    const lurus = folderWith(t, text);
    const checked = await lurus.cli(['config', 'check']);
    assert.equal(checked.code, 2, checked.stderr);
    assert.deepEqual(places(lurus, checked.stderr).sort((a, b) => a - b), lines, checked.stderr);
    assert.equal(checked.stderr.trim().split('\n').length, lines.length);

    const json = await lurus.cli(['config', 'check', '--json']);
    assert.equal(json.code, 2);
    const { valid, mistakes } = JSON.parse(json.stdout);
    assert.equal(valid, false);
    assert.deepEqual(mistakes.map((mistake) => `lurus: ${mistake}`), checked.stderr.trim().split('\n'));
    assert.ok(!fs.existsSync(lurus.dataDir), 'the check made a data folder');

    await lurus.start({ waitReady: false });
    assert.equal((await lurus.exited).code, 1);
    assert.deepEqual(places(lurus, lurus.output).sort((a, b) => a - b), lines, lurus.output);

    const doctor = await lurus.cli(['doctor', '--json']);
    assert.equal(doctor.code, 1);
    const broken = doctor.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter(({ level }) => level === 'broken');
    assert.deepEqual(broken.filter(({ check }) => check === 'configuration').map(({ detail }) => detail).sort(), mistakes.toSorted());
  });
}

test('a reload tells each mistake on a line, and doctor does', async () => {
  const lurus = await startLurus({ config: { server: { threads: 1 } } });
  const good = fs.readFileSync(lurus.configFile, 'utf8');
  try {
    lurus.writeConfig(`${good}\n[log]\nlevel = "loud"\n[billing]\ndurability = "perhaps"\n`);
    await lurus.reload();
    const logged = () => lurus.output.split('\n').filter((line) => line.includes('configuration refused')).map((line) => line.slice(line.indexOf(native(lurus.configFile))));
    const until = Date.now() + 10_000 * PATIENCE;
    while (logged().length < 2 && Date.now() < until) await sleep(20);
    assert.equal(logged().filter((line) => /lurus\.toml:\d+:\d+: .*(level|durability)/.test(line)).length, 2, lurus.output);
    const other = path.join(lurus.folder, 'good.toml');
    fs.writeFileSync(other, good, { mode: 0o600 });
    const { config } = lurus;
    lurus.config = undefined; // the command reads the good one, the server was told the other
    const doctor = (await lurus.cli(['doctor', '--config', other])).stdout;
    lurus.config = config;
    assert.equal(doctor.split('\n').filter((line) => /goes on with its old configuration: .*lurus\.toml:\d+:\d+:/.test(line)).length, 2, doctor);
  } finally {
    await lurus.close();
  }
});

test('a master key that is none is a mistake with the way to make one', async (t) => {
  const lurus = folderWith(t, `[server]\nlisten = "127.0.0.1:${await freePort()}"\n`);
  const right = 'ab'.repeat(32);
  for (const LURUS_MASTER_KEY of [right, ` ${right.toUpperCase()}\n`, Buffer.alloc(32, 7).toString('base64')]) {
    assert.equal((await lurus.cli(['config', 'check'], { env: { LURUS_MASTER_KEY } })).code, 0, LURUS_MASTER_KEY);
  }
  for (const LURUS_MASTER_KEY of ['short', right.slice(1), `${right}0`, `${right.slice(1)}x`, Buffer.alloc(16, 7).toString('base64')]) {
    const checked = await lurus.cli(['config', 'check'], { env: { LURUS_MASTER_KEY } });
    assert.equal(checked.code, 2, LURUS_MASTER_KEY);
    assert.match(checked.stderr, /^lurus: LURUS_MASTER_KEY: .*32 bytes.*openssl rand -hex 32\n$/);
    assert.ok(!checked.stderr.includes(LURUS_MASTER_KEY));
  }
  assert.match((await lurus.cli(['config', 'check'], { env: { LURUS_MASTER_KEY: '' } })).stdout, /warning: LURUS_MASTER_KEY is empty/);

  // Another one than what is stored was sealed under.
  assert.equal((await lurus.cli(['provider', 'add', 'kept', '--kind', 'openai', '--api-key', '-', '--no-check'], { input: 'sk-0123456789abcdef' })).code, 0);
  assert.equal((await lurus.cli(['config', 'check'])).code, 0);
  const another = await lurus.cli(['config', 'check'], { env: { LURUS_MASTER_KEY: right } });
  assert.equal(another.code, 2);
  assert.match(another.stderr, /^lurus: provider 'kept': .*another master key.*: give the key that it was stored under, or store it again: lurus provider edit kept --api-key -\n$/);

  fs.rmSync(lurus.dataDir, { recursive: true });
  fs.mkdirSync(lurus.dataDir, { mode: 0o700 });
  const file = path.join(lurus.dataDir, 'master.key');
  fs.writeFileSync(file, `${right}\n`, { mode: 0o600 });
  assert.equal((await lurus.cli(['config', 'check'])).code, 0);
  fs.writeFileSync(file, 'short\n');
  const checked = await lurus.cli(['config', 'check']);
  assert.equal(checked.code, 2);
  assert.match(checked.stderr, /master\.key does not hold a master key .*: put back the one from your backup/);
});
