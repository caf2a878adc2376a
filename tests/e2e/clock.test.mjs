// The machine's clock is set forward and back while the server runs: what was used up stays used up.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { post } from './lib/raw.mjs';
import { configFor, startLurus, tempFolder } from './lib/lurus.mjs';

// What the process takes for the machine's clock: as far ahead of it as the file says.
const LIBRARY = `
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static const volatile int64_t* ahead;
__attribute__((constructor)) static void begin(void) {
    const int file = open(getenv("CLOCK_AHEAD_FILE"), O_RDONLY);
    void* page = mmap(0, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) ahead = page;
}
int clock_gettime(clockid_t id, struct timespec* time) {
    const int result = (int)syscall(SYS_clock_gettime, id, time);
    if (result == 0 && id == CLOCK_REALTIME && ahead) time->tv_sec += *ahead;
    return result;
}
`;
const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
const missing = compiler ? false : 'no C compiler here';
const DAY = 86_400;
const ANSWER = JSON.stringify({ ...JSON.parse(anthropic.json), usage: { input_tokens: 1000, output_tokens: 1000 } }); // 0.018 USD at Sonnet's price
let up, lurus, folder, clock;

before(async () => {
  if (missing) return;
  folder = tempFolder();
  clock = path.join(folder, 'clock');
  fs.writeFileSync(clock, Buffer.alloc(8));
  const library = path.join(folder, 'clock.so');
  execFileSync(compiler, ['-shared', '-fPIC', '-O1', '-x', 'c', '-', '-o', library], { input: LIBRARY });
  up = await startUpstream();
  up.always(json(ANSWER));
  const env = { LD_PRELOAD: library, CLOCK_AHEAD_FILE: clock };
  lurus = await startLurus({ config: configFor(up), env, dataDir: folder });
});
after(async () => {
  await lurus?.close();
  await up?.close();
  if (folder) fs.rmSync(folder, { recursive: true, force: true });
});

// At once: the server has the file's page before it.
function set(days) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(days * DAY));
  const file = fs.openSync(clock, 'r+');
  fs.writeSync(file, bytes, 0, 8, 0);
  fs.closeSync(file);
}
async function makeKey(name, ...rules) {
  const made = await lurus.cli(['key', 'create', '--name', name, ...rules, '--json']);
  assert.equal(made.code, 0, made.stderr);
  return JSON.parse(made.stdout).key;
}
const ask = async (key) => (await post(lurus, anthropic.target(false), anthropic.request(false), { headers: anthropic.headers, key })).status;
async function useUp(key, times) {
  for (let i = 0; i < times; i += 1) assert.equal(await ask(key), 200, `request ${i}`);
  assert.equal(await ask(key), 429);
}

test('a used-up budget stays so when the clock is set forward and back, and after a restart', { skip: missing }, async () => {
  const key = await makeKey('budget', '--budget', '$0.03/day');
  await useUp(key, 2);
  for (const wrong of [1, 3, 1]) {
    set(wrong);
    assert.ok([200, 429].includes(await ask(key)));
    set(0);
    assert.equal(await ask(key), 429, `after ${wrong} days ahead`);
  }
  set(1);
  assert.equal(await ask(key), 429, 'what was used then is used up, too');
  set(0);
  assert.equal((await lurus.stop()).code, 0);
  await lurus.start();
  assert.equal(await ask(key), 429);
});

test('what was spent while the clock was ahead counts after a restart', { skip: missing }, async () => {
  const key = await makeKey('ahead', '--budget', '$0.03/total');
  set(2);
  await useUp(key, 2);
  set(0);
  assert.equal((await lurus.stop()).code, 0);
  await lurus.start();
  assert.equal(await ask(key), 429);
});

test('a limit a minute is not of the clock that people set', { skip: missing }, async () => {
  const key = await makeKey('minute', '--rpm', '2');
  await useUp(key, 2);
  for (const wrong of [1, -1, 0]) {
    set(wrong);
    assert.equal(await ask(key), 429, `${wrong} days ahead`);
  }
});

test('a change that is sent again is done once, whatever the clock says meanwhile', { skip: missing }, async () => {
  const create = ['key', 'create', '--name', 'once', '--json', '--idempotency-key', 'once'];
  const first = await lurus.cli(create);
  assert.equal(first.code, 0, first.stderr);
  for (const wrong of [2, 0]) {
    set(wrong);
    const other = await lurus.cli(['key', 'create', '--name', `other-${wrong}`, '--idempotency-key', `other-${wrong}`]);
    assert.equal(other.code, 0, other.stderr);
    assert.equal((await lurus.cli(create)).stdout, first.stdout, `${wrong} days ahead`);
  }
});
