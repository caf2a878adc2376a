// `lurus connect` among several users of one machine: whose file it is stays, and no key is made where no server knows it.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { json, chat } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { LURUS_BIN, WINDOWS, tempFolder } from './lib/lurus.mjs';

const skip = WINDOWS ? 'Wine runs all programs as one account' : process.getuid() === 0 ? false : 'only root can be other users';
const ANN = { uid: 65534, gid: 65534 };
const BOB = { uid: 1, gid: 1 };
const ROOT = { uid: 0, gid: 0 };

const context = gateway();

/// A folder that all users reach, with the program in it and a home for each of those given.
function machine(t) {
  const folder = tempFolder('lurus-users-');
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  fs.chmodSync(folder, 0o755);
  const bin = path.join(folder, 'lurus');
  fs.copyFileSync(LURUS_BIN, bin, fs.constants.COPYFILE_FICLONE);
  fs.chmodSync(bin, 0o755);
  const home = (name, user) => {
    const dir = path.join(folder, name);
    fs.mkdirSync(dir, { mode: 0o700 });
    fs.chownSync(dir, user.uid, user.gid);
    return dir;
  };
  return { folder, bin, home };
}

async function run(where, user, home, args, { env = {}, input = '' } = {}) {
  const child = spawn(where.bin, args, {
    ...user, cwd: home, stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: home, NO_COLOR: '1', ...env },
  });
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (out[name] += text));
  child.stdin.on('error', () => {}); // it may end without reading
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, ...out };
}

/// Everything in a folder: what it is, whose, and its bytes.
function picture(dir) {
  const out = {};
  for (const name of fs.readdirSync(dir, { recursive: true }).sort()) {
    const file = path.join(dir, name);
    const info = fs.lstatSync(file);
    out[name] = `${info.mode.toString(8)} ${info.uid}:${info.gid} ${info.isFile() ? fs.readFileSync(file, 'utf8') : ''}`;
  }
  return out;
}

function put(file, text, user, mode = 0o600) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  fs.chmodSync(file, mode);
  for (const one of [file, path.dirname(file)]) fs.chownSync(one, user.uid, user.gid);
  return file;
}

const owned = (file) => {
  const { uid, gid, mode } = fs.lstatSync(file);
  return { uid, gid, mode: mode & 0o7777 };
};
const WITH_KEY = ['--url', 'http://127.0.0.1:9', '--key', 'cr_of_the_administrator_0123456789'];

test('as root: a user\'s file keeps owner, group and mode, and all that is made is theirs', { skip }, async (t) => {
  const vm = machine(t);
  const home = vm.home('ann', ANN);
  const file = put(path.join(home, '.claude/settings.json'), '{\n  "model": "opus"\n}\n', ANN, 0o640);
  const before = picture(home);
  const done = await run(vm, ROOT, home, ['connect', 'claude', ...WITH_KEY]);
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(owned(file), { ...ANN, mode: 0o640 });
  assert.equal(JSON.parse(fs.readFileSync(file)).env.ANTHROPIC_BASE_URL, 'http://127.0.0.1:9');
  for (const name of fs.readdirSync(home, { recursive: true })) assert.equal(owned(path.join(home, name)).uid, ANN.uid, name);
  // So they can take it back themselves.
  const undone = await run(vm, ANN, home, ['connect', 'claude', '--undo']);
  assert.equal(undone.code, 0, undone.stderr);
  assert.deepEqual(picture(path.join(home, '.claude')), { 'settings.json': before['.claude/settings.json'] });

  const fresh = await run(vm, ROOT, home, ['connect', 'gemini', ...WITH_KEY]);
  assert.equal(fresh.code, 0, fresh.stderr);
  for (const name of ['.gemini', '.gemini/settings.json', '.gemini/.env']) assert.equal(owned(path.join(home, name)).uid, ANN.uid, name);
});

test('as root in folders of root: a file of somebody else stays theirs', { skip }, async (t) => {
  const vm = machine(t);
  const home = vm.home('shared', ROOT);
  const file = put(path.join(home, '.codex/config.toml'), 'model = "x"\n', ROOT);
  fs.chownSync(file, ANN.uid, BOB.gid);
  fs.chmodSync(file, 0o664);
  const done = await run(vm, ROOT, home, ['connect', 'codex', ...WITH_KEY]);
  assert.equal(done.code, 0, done.stderr);
  assert.match(fs.readFileSync(file, 'utf8'), /base_url = "http:\/\/127\.0\.0\.1:9\/v1"/);
  assert.deepEqual(owned(file), { uid: ANN.uid, gid: BOB.gid, mode: 0o664 });
});

test('as root: a user\'s link does not lead where the user could not write', { skip }, async (t) => {
  const vm = machine(t);
  const home = vm.home('ann', ANN);
  const secret = path.join(vm.folder, 'of-root.json');
  fs.writeFileSync(secret, '{"token":"of root"}', { mode: 0o600 });
  const open = path.join(vm.folder, 'of-root-readable.json');
  fs.writeFileSync(open, '{"token":"of root"}', { mode: 0o644 });
  for (const target of [secret, open]) {
    fs.rmSync(path.join(home, '.claude'), { recursive: true, force: true });
    put(path.join(home, '.claude/x'), '', ANN);
    fs.symlinkSync(target, path.join(home, '.claude/settings.json'));
    const done = await run(vm, ROOT, home, ['connect', 'claude', ...WITH_KEY]);
    assert.notEqual(done.code, 0);
    assert.match(done.stderr, /^lurus: .*of-root.*(belongs to root|cannot|permission denied).*\n$/i);
    assert.equal(fs.readFileSync(target, 'utf8'), '{"token":"of root"}');
    assert.ok(!fs.existsSync(path.join(home, '.local')), 'something was kept');
  }
});

test('a read-only file and a file of another user are refused, and nothing is made', { skip }, async (t) => {
  const vm = machine(t);
  const home = vm.home('ann', ANN);
  const file = put(path.join(home, '.claude/settings.json'), '{}\n', ANN, 0o444);
  for (const user of [ANN, ROOT]) {
    const before = picture(home);
    const done = await run(vm, user, home, ['connect', 'claude', ...WITH_KEY]);
    assert.equal(done.code, 1);
    assert.match(done.stderr, /settings\.json is read-only: chmod u\+w \S+settings\.json\n$/);
    assert.deepEqual(picture(home), before);
  }
  fs.chmodSync(file, 0o666);
  fs.chownSync(file, BOB.uid, BOB.gid);
  for (const user of [ANN, ROOT]) {
    const before = picture(home);
    const done = await run(vm, user, home, ['connect', 'claude', ...WITH_KEY]);
    assert.equal(done.code, 1);
    assert.match(done.stderr, /settings\.json belongs to daemon, not to nobody: run this as daemon, or .*chown nobody /);
    assert.deepEqual(picture(home), before);
  }
  const blocked = vm.home('blocked', BOB);
  fs.chmodSync(blocked, 0o755);
  const done = await run(vm, ANN, blocked, ['connect', 'claude', ...WITH_KEY]);
  assert.equal(done.code, 1);
  assert.match(done.stderr, /cannot be made: nobody may not write in \S+blocked, which belongs to daemon/);
  assert.deepEqual(picture(blocked), {});
});

const aclTool = () => {
  try {
    execFileSync('python3', ['-c', 'import os; os.setxattr']);
    return true;
  } catch {
    return false;
  }
};

test('an access list and other attributes stay', { skip: skip || (aclTool() ? false : 'no python3 to set an access list with') }, async (t) => {
  const vm = machine(t);
  const home = vm.home('ann', ANN);
  const file = put(path.join(home, '.claude/settings.json'), '{}\n', ANN);
  const python = (code) => execFileSync('python3', ['-c', `import os,struct,sys\n${code}`, file], { encoding: 'utf8' });
  // u::rw-, user 1: r--, g::---, mask r--, o::---, as Linux keeps it.
  const set = `e=lambda t,p,i=0xffffffff: struct.pack('<HHI',t,p,i)
os.setxattr(sys.argv[1],'system.posix_acl_access',struct.pack('<I',2)+e(1,6)+e(2,4,1)+e(4,0)+e(16,4)+e(32,0))
os.setxattr(sys.argv[1],'user.lurus','kept')`.replace("'kept'", "b'kept'");
  try {
    python(set);
  } catch (error) {
    t.skip(`this file system keeps no access lists: ${String(error.stderr).trim().split('\n').at(-1)}`);
    return;
  }
  const show = "print(sorted((n,os.getxattr(sys.argv[1],n).hex()) for n in os.listxattr(sys.argv[1]) if not n.startswith('security.')))";
  const before = python(show);
  assert.match(before, /posix_acl_access.*user\.lurus/);
  for (const user of [ANN, ROOT]) {
    assert.equal((await run(vm, user, home, ['connect', 'claude', ...WITH_KEY])).code, 0);
    assert.match(fs.readFileSync(file, 'utf8'), /ANTHROPIC_BASE_URL/);
    assert.equal(python(show), before);
    assert.equal((await run(vm, user, home, ['connect', 'claude', '--undo'])).code, 0);
    assert.equal(fs.readFileSync(file, 'utf8'), '{}\n');
    assert.equal(python(show), before);
  }
});

test('a second user of the machine: no key in a folder that no server uses; the way out is said, and works', { skip }, async (t) => {
  const { up, lurus } = context;
  up.always(json(chat.json));
  const vm = machine(t);
  const home = vm.home('ann', ANN);
  // What the machine's configuration says: where the service listens.
  const config = path.join(vm.folder, 'lurus.toml');
  fs.writeFileSync(config, `[server]\nlisten = "127.0.0.1:${lurus.port}"\n`);
  const ways = [
    [['connect', 'claude', '--config', config], {}],
    [['connect', 'claude', '--config', config, '--dry-run'], {}],
    [['connect', 'claude', '--url', lurus.url], {}],
    [['connect', 'claude', '--config', config, '--data-dir', lurus.dataDir], {}],
    [['connect', 'claude'], { LURUS_URL: lurus.url }],
  ];
  for (const [args, env] of ways) {
    const refused = await run(vm, ANN, home, args, { env });
    assert.equal(refused.code, 1, `${args.join(' ')}: ${refused.stdout}`);
    assert.match(refused.stderr, new RegExp(`^lurus: .*lurus connect claude --url ${lurus.url} --key KEY.*\\n$`), args.join(' '));
    assert.deepEqual(picture(home), {}, args.join(' '));
  }

  const made = JSON.parse((await lurus.cli(['key', 'create', '--name', 'for-ann', '--json'])).stdout);
  const done = await run(vm, ANN, home, ['connect', 'claude', '--url', lurus.url, '--key', made.key]);
  assert.equal(done.code, 0, done.stderr);
  const file = path.join(home, '.claude/settings.json');
  const { env } = JSON.parse(fs.readFileSync(file));
  assert.deepEqual([env.ANTHROPIC_BASE_URL, env.ANTHROPIC_AUTH_TOKEN], [lurus.url, made.key]);
  assert.deepEqual(fs.readdirSync(path.join(home, '.local/share/lurus')), ['connect'], 'a server\'s data was made');
  assert.doesNotMatch(done.stdout, /! /);
  // Again, without saying it all again.
  const again = await run(vm, ANN, home, ['connect', 'claude', '--config', config]);
  assert.match(again.stdout, /already; nothing was changed/);
  // A key that the server does not take is said at once.
  const wrong = await run(vm, ANN, home, ['connect', 'claude', '--url', lurus.url, '--key', 'cr_made_in_another_folder_000000']);
  assert.match(wrong.stdout, /! the server at \S+ does not take this key/);
  assert.equal((await run(vm, ANN, home, ['connect', 'claude', '--undo'])).code, 0);
  assert.ok(!fs.existsSync(file));
});

test('with the server\'s admin token a second user\'s key is made there, and revoked by the undo', { skip }, async (t) => {
  const { lurus } = context;
  const vm = machine(t);
  const env = { LURUS_ADMIN_TOKEN: fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim() };
  const keys = async () => (await lurus.cli(['key', 'list', '--json'])).stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter(({ name }) => name.startsWith('codex'));
  const names = [];
  for (const [name, user] of [['ann', ANN], ['bob', BOB]]) {
    const home = vm.home(name, user);
    const done = await run(vm, user, home, ['connect', 'codex', '--url', lurus.url, '--json'], { env });
    assert.equal(done.code, 0, done.stderr);
    names.push(JSON.parse(done.stdout).key);
    assert.deepEqual(fs.readdirSync(path.join(home, '.local/share/lurus')), ['connect']);
  }
  assert.deepEqual(names, ['codex', 'codex-2'], 'one user\'s connect took the key of another');
  assert.deepEqual((await keys()).map(({ status }) => status), ['active', 'active']);
  for (const [name, user] of [['ann', ANN], ['bob', BOB]]) {
    const done = await run(vm, user, path.join(vm.folder, name), ['connect', 'codex', '--undo'], { env });
    assert.equal(done.code, 0, done.stderr);
    assert.equal(done.stderr, '');
    assert.deepEqual(fs.readdirSync(path.join(vm.folder, name)), ['.local']);
  }
  assert.deepEqual((await keys()).filter(({ status }) => status === 'active'), []);
});

test('root connects a client of somebody else at the service\'s own data folder: each is remembered in their own', { skip }, async (t) => {
  const { lurus } = context;
  const vm = machine(t);
  for (const [name, user] of [['ann', ANN], ['bob', BOB]]) {
    const home = vm.home(name, user);
    const file = put(path.join(home, '.claude/settings.json'), `{"of":"${name}"}`, user);
    const done = await run(vm, ROOT, home, ['connect', 'claude', '--data-dir', lurus.dataDir]);
    assert.equal(done.code, 0, done.stderr);
    assert.equal(owned(file).uid, user.uid);
  }
  for (const [name, user] of [['ann', ANN], ['bob', BOB]]) {
    const home = path.join(vm.folder, name);
    const done = await run(vm, ROOT, home, ['connect', 'claude', '--undo', '--data-dir', lurus.dataDir]);
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual([fs.readFileSync(path.join(home, '.claude/settings.json'), 'utf8'), owned(path.join(home, '.claude/settings.json')).uid], [`{"of":"${name}"}`, user.uid]);
  }
});

test('another program at the address is told no key', async () => {
  const { up } = context;
  const folder = tempFolder();
  try {
    const done = await run({ bin: LURUS_BIN }, {}, folder, ['connect', 'claude', '--dry-run'], { env: { LURUS_LISTEN: new URL(up.url).host } });
    assert.equal(done.code, 1, done.stdout);
    assert.match(done.stderr, /is taken by a program that is no lurus server/);
    assert.deepEqual(picture(folder), {});
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
