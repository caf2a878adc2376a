// `lurus version`, and what it says of the parts that not every executable has.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Lurus, tempFolder } from './lib/lurus.mjs';

const run = async (args, options) => {
  const lurus = new Lurus();
  try {
    return await lurus.cli(args, options);
  } finally {
    fs.rmSync(lurus.folder, { recursive: true, force: true });
  }
};

test('version --features says of each part whether it is here, and why not where it is not', async () => {
  const { code, stdout } = await run(['version', '--features', '--json']);
  assert.equal(code, 0);
  const { version, features } = JSON.parse(stdout);
  assert.match(version, /^\d+\.\d+\.\d+$/);
  const names = features.map((feature) => feature.name);
  for (const name of ['io_uring', 'mail', 'ldap', 'bcrypt', 'unix_sockets', 'allocator', 'service', 'sealed_key', 'time_zones', 'system_roots', 'postgres']) {
    assert.ok(names.includes(name), name);
  }
  for (const { name, present, how } of features) {
    assert.equal(typeof present, 'boolean', name);
    assert.ok(how.length > 3, name);
  }
  const plain = await run(['version', '--features']);
  for (const { name, how } of features) assert.ok(plain.stdout.includes(name) && plain.stdout.includes(how), `${name}\n${plain.stdout}`);
});

test('a library that is loaded when it is needed, and is not there, is said to be missing', async (t) => {
  const folder = tempFolder();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  for (const name of ['libldap-2.5.so.0', 'libldap.so.2']) fs.writeFileSync(path.join(folder, name), 'no library');
  const of = async (env) => JSON.parse((await run(['version', '--features', '--json'], { env })).stdout).features.find(({ name }) => name === 'ldap');
  if ((await of({})).how.includes('linked in')) return t.skip('it is linked in');
  const without = await of({ LD_LIBRARY_PATH: folder });
  assert.equal(without.present, false);
  assert.match(without.how, /not installed/);
});
