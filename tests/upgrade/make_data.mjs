// make_data.mjs OLD_LURUS NAME: what the executable OLD_LURUS makes of two organisations with people, keys, a provider, a route, a price, limits
// and requests: the folder as tests/upgrade/data/NAME.tar.gz, and what its API tells of it as NAME.json.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [old, name] = process.argv.slice(2);
if (!old || !name) {
  console.error('usage: node make_data.mjs OLD_LURUS NAME');
  process.exit(2);
}
process.env.LURUS_BIN = old;
const { startLurus, tempFolder } = await import('../e2e/lib/lurus.mjs');
const { PASSWORD, api } = await import('../e2e/lib/people.mjs');
const { DIALECTS } = await import('../upstream/index.mjs');
const { post } = await import('../e2e/lib/raw.mjs');
const { CONFIG, adminToken, statuses, told, use } = await import('./world.mjs');

const folder = tempFolder('lurus-upgrade-');
const lurus = await startLurus({ config: structuredClone(CONFIG), dataDir: folder });
process.on('exit', () => lurus.process?.kill('SIGKILL'));
async function command(...args) {
  const done = await lurus.cli([...args, '--json']);
  if (done.code !== 0) throw new Error(`lurus ${args.join(' ')}: ${done.stderr}`);
  return done.stdout ? JSON.parse(done.stdout) : null;
}
const keys = { configured: CONFIG.key[0].value };
async function makeKey(as, keyName, ...more) {
  const made = await command('key', 'create', '--name', keyName, ...more);
  keys[as] = made.key;
  return made;
}
async function spend(as, times) {
  for (let i = 0; i < times; i += 1) await use(lurus, keys[as]);
}

await command('org', 'create', 'acme', '--owner', 'boss@acme.example');
await command('user', 'add', 'ann@example.com', '--role', 'admin');
await command('user', 'add', 'bob@example.com');
await command('user', 'add', 'ann@example.com', '--role', 'member', '--org', 'acme');
await command('service', 'add', 'robot', '--role', 'viewer');
for (const [team, ...more] of [['red'], ['blue'], ['tight'], ['red', '--org', 'acme']]) await command('team', 'create', team, ...more);
await command('team', 'add', 'red', 'ann@example.com');
await command('team', 'edit', 'tight', '--budget', '0.0001 USD/total');
await command('team', 'edit', 'red', '--rpm', '1000', '--budget', '50 USD/total');
await command('user', 'edit', 'bob@example.com', '--budget', '0.0001 USD/total');

await command('provider', 'add', 'vendor', '--kind', 'demo', '--model', 'up-*');
await command('route', 'add', 'claude-upgrade', '--to', 'vendor/claude-upgrade');
const priced = await api(lurus, 'PUT', '/api/v1/prices/claude-upgrade', { token: adminToken(lurus), body: { provider: 'vendor', rates: { standard: { input: '3', output: '15' } } } });
if (priced.status >= 300) throw new Error(JSON.stringify(priced.body));

await makeKey('ann', 'laptop', '--user', 'ann@example.com', '--team', 'red', '--tag', 'home');
await makeKey('bob', 'desk', '--user', 'bob@example.com');
await makeKey('acme', 'ci', '--org', 'acme', '--team', 'red');
await makeKey('revoked', 'ci', '--team', 'red');
await makeKey('disabled', 'paused');
await makeKey('spent', 'spent', '--budget', '0.0001 USD/total');
await makeKey('tight', 'tight', '--team', 'tight');
for (const dialect of DIALECTS) {
  for (const stream of [false, true]) await post(lurus, dialect.target(stream), dialect.request(stream), { key: keys.ann, headers: dialect.headers });
}
await spend('configured', 1);
await spend('acme', 3);
await spend('revoked', 5);
await spend('disabled', 1);
await command('key', 'revoke', 'ci');
await makeKey('next', 'ci', '--team', 'blue', '--budget', '50 USD/total');
await spend('next', 2);
await command('key', 'disable', 'paused');
for (const as of ['bob', 'spent', 'tight']) await spend(as, 3);

const { token } = await command('user', 'reset-password', 'ann@example.com');
await api(lurus, 'POST', 'password/reset/confirm', { body: { token, new_password: PASSWORD } });
await new Promise((resolve) => setTimeout(resolve, 5));
const until = new Date().toISOString();
const expected = { keys, password: PASSWORD, until, told: await told(lurus, until), statuses: await statuses(lurus, keys) };
const how = await lurus.stop();
if (how.code !== 0) throw new Error(`${old} ended with ${JSON.stringify(how)}`);

const out = path.join(path.dirname(fileURLToPath(import.meta.url)), 'data');
fs.mkdirSync(out, { recursive: true });
execFileSync('tar', ['-czf', path.join(out, `${name}.tar.gz`), '-C', folder, '--owner=0', '--group=0', 'data']);
fs.writeFileSync(path.join(out, `${name}.json`), `${JSON.stringify(expected, null, 1)}\n`);
fs.rmSync(folder, { recursive: true });
