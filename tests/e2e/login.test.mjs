// Signing in from the command line: `lurus login`, `logout` and `whoami`, and what commands do then.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { LURUS_BIN, PATIENCE, configFor, freePort, modeOf, native, startLurus, tempFolder } from './lib/lurus.mjs';
import { PASSWORD, api, login, users } from './lib/people.mjs';
import { NO_TERMINAL, Terminal } from './lib/terminal.mjs';
import { totp } from './lib/totp.mjs';

const { user, env } = users([
  { email: 'owner@example.com', role: 'owner' },
  { email: 'admin@example.com', role: 'admin' },
  { email: 'ann@example.com', role: 'member' },
  { email: 'second@example.com', role: 'member' },
  { email: 'term@example.com', role: 'member' },
  { email: 'view@example.com', role: 'viewer' },
]);
let lurus, admin;
test.before(async () => {
  lurus = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), user }, env });
  admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
});
test.after(() => lurus?.close());

/// Somebody with a home of their own on this machine, whose commands name no data folder.
class Person {
  constructor(t, variables = {}) {
    this.home = tempFolder('lurus-home-');
    this.variables = variables;
    t.after(() => fs.rmSync(this.home, { recursive: true, force: true }));
  }

  get env() {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(LURUS_|XDG_)/.test(name)));
    return { ...clean, HOME: this.home, XDG_CONFIG_HOME: native(path.join(this.home, '.config')), CLAUDE_CONFIG_DIR: native(path.join(this.home, '.claude')), NO_COLOR: '1', ...this.variables };
  }

  async run(args, { input = '', variables = {} } = {}) {
    const child = spawn(LURUS_BIN, args, { cwd: this.home, env: { ...this.env, ...variables } });
    const out = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => { out[name] += text; });
    child.stdin.on('error', () => {}); // it may end without reading
    child.stdin.end(input);
    const [code] = await once(child, 'close');
    return { code, ...out };
  }

  async login(email, more = [], input = PASSWORD) {
    return this.run(['login', lurus.url, '--email', email, '--password-stdin', ...more], { input: `${input}\n` });
  }

  async must(args, options) {
    const answer = await this.run(args, options);
    assert.equal(answer.code, 0, `${args.join(' ')}: ${answer.stderr}${answer.stdout}`);
    return answer.stdout;
  }

  get folder() {
    return path.join(this.home, '.config/lurus/logins');
  }

  get file() {
    const files = fs.readdirSync(this.folder).filter((name) => name.endsWith('.json'));
    assert.equal(files.length, 1, files.join());
    return path.join(this.folder, files[0]);
  }

  get stored() {
    return JSON.parse(fs.readFileSync(this.file, 'utf8'));
  }

  /// The access token's time is over, as this machine's clock has it.
  expire() {
    fs.writeFileSync(this.file, JSON.stringify({ ...this.stored, access_expires_us: 0 }), { mode: 0o600 });
  }
}

const audit = async (query) => (await api(lurus, 'GET', `/api/v1/audit?limit=1000&${query}`, { token: admin })).body.data;

test('who signs in acts with their own rights, under their own name', async (t) => {
  const ann = new Person(t);
  const signed = await ann.login('ann@example.com');
  assert.equal(signed.code, 0, signed.stderr);
  assert.equal(signed.stdout, `Signed in at ${lurus.url} as ann@example.com.\n`);
  assert.equal(modeOf(ann.file), 0o600);
  assert.equal(modeOf(ann.folder), 0o700);
  const who = JSON.parse(await ann.must(['whoami', '--json']));
  assert.equal(who.name, 'ann@example.com');
  assert.equal(who.role, 'member');
  assert.equal(who.org.name, 'default');
  assert.equal(who.server, lurus.url);
  assert.equal(who.by, 'login');
  assert.equal(who.method, 'password');
  assert.match(await ann.must(['whoami']), /^ann@example\.com, member of default\nserver: http:\S+\nsigned in with a password, until 20/);
  assert.match(await ann.must(['key', 'create', '--name', 'ann-laptop']), /cr_/);
  const made = await audit('action=createKey&actor=ann@example.com');
  assert.equal(made.length, 1);
  assert.equal(made[0].actor_kind, 'user');
  await ann.must(['connect', 'claude']);
  const settings = JSON.parse(fs.readFileSync(path.join(ann.home, '.claude/settings.json'), 'utf8'));
  assert.equal(settings.env.ANTHROPIC_BASE_URL, lurus.url);
  assert.equal((await audit('action=createKey&actor=ann@example.com')).length, 2, 'connect makes its key as her');
  const refused = await ann.run(['user', 'list']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /`member` may not do this/);
});

test('what is asked for: an address, a password, the right one, a server that is there', async (t) => {
  const ann = new Person(t);
  const wrong = await ann.login('ann@example.com', [], 'not this one');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /the address or the password is wrong/);
  assert.ok(!wrong.stderr.includes('not this one'));
  assert.equal((await ann.run(['login', lurus.url, '--password-stdin'], { input: PASSWORD })).code, 2);
  assert.match((await ann.run(['login', lurus.url, '--email', 'ann@example.com'], { input: PASSWORD })).stderr, /--password-stdin/);
  assert.equal((await ann.login('ann@example.com', [], '')).code, 2);
  assert.equal((await ann.run(['login', 'http://127.0.0.1:9', '--email', 'a@example.com', '--password-stdin'], { input: 'x' })).code, 4);
  for (const url of ['127.0.0.1', 'ftp://127.0.0.1', `${lurus.url}/v1/messages`]) {
    assert.equal((await ann.run(['login', url, '--email', 'a@example.com', '--password-stdin'], { input: 'x' })).code, 2, url);
  }
  assert.ok(!fs.existsSync(ann.folder), 'nothing is kept of what failed');
  assert.equal((await ann.run(['logout'])).code, 3);
});

test('a second factor: its code, or a recovery code', async (t) => {
  const { access_token: token } = (await login(lurus, 'second@example.com')).body;
  const { body: enrolled } = await api(lurus, 'POST', 'totp', { token, body: { password: PASSWORD } });
  const confirmed = await api(lurus, 'POST', 'totp/confirm', { token, body: { code: totp(enrolled.secret) } });
  const person = new Person(t);
  const without = await person.login('second@example.com');
  assert.equal(without.code, 1);
  assert.match(without.stderr, /--totp CODE/);
  assert.equal((await person.login('second@example.com', ['--totp', '000000'])).code, 1);
  const code = totp(enrolled.secret, Date.now() + 30_000);
  const signed = await person.login('second@example.com', ['--totp', code]);
  assert.equal(signed.code, 0, signed.stderr);
  assert.equal((await person.login('second@example.com', ['--recovery-code', confirmed.body.recovery_codes[0]])).code, 0);
  assert.equal((await person.login('second@example.com', ['--recovery-code', confirmed.body.recovery_codes[0]])).code, 1);
  assert.match(await person.must(['whoami']), /second@example\.com/);
});

test('at a terminal the address, the password unseen and the second factor are asked for', { skip: NO_TERMINAL }, async (t) => {
  const { access_token: token } = (await login(lurus, 'term@example.com')).body;
  const { body: enrolled } = await api(lurus, 'POST', 'totp', { token, body: { password: PASSWORD } });
  await api(lurus, 'POST', 'totp/confirm', { token, body: { code: totp(enrolled.secret) } });
  const person = new Person(t);
  const terminal = new Terminal(`'${LURUS_BIN}' login ${lurus.url}`, { cwd: person.home, env: person.env });
  t.after(() => terminal.kill());
  const answer = async (prompt, text) => {
    await terminal.until(prompt);
    terminal.write(`${text}\r`); // as the key does
  };
  await answer('Address: ', 'term@example.com');
  await answer('Password (not shown): ', PASSWORD);
  await answer('or a recovery code: ', totp(enrolled.secret, Date.now() + 30_000));
  assert.equal(await terminal.closed, 0, terminal.text);
  assert.match(terminal.text, /Signed in at .* as term@example\.com\./);
  assert.ok(!terminal.text.includes(PASSWORD), 'a password is not echoed');
  assert.match(await person.must(['whoami']), /^term@example\.com/);
});

test('signing out ends the session at the server and forgets it', async (t) => {
  const ann = new Person(t);
  await ann.login('ann@example.com');
  const { access_token: token, refresh_token } = ann.stored;
  assert.equal((await api(lurus, 'GET', 'sessions', { token })).status, 200);
  await ann.must(['logout']);
  assert.deepEqual(fs.readdirSync(ann.folder).filter((name) => name !== '.lock'), []);
  assert.equal((await api(lurus, 'GET', 'sessions', { token })).status, 401);
  assert.equal((await api(lurus, 'POST', 'refresh', { body: { refresh_token } })).status, 401);
  const again = new Person(t);
  await again.login('ann@example.com');
  const elsewhere = (await login(lurus, 'ann@example.com')).body.access_token;
  await again.must(['logout', '--everywhere']);
  assert.equal((await api(lurus, 'GET', 'sessions', { token: elsewhere })).status, 401);
});

test('signing in again ends the session before', async (t) => {
  const ann = new Person(t);
  await ann.login('ann@example.com');
  const before = ann.stored.access_token;
  const again = await ann.login('view@example.com', ['--json']);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(JSON.parse(again.stdout).name, 'view@example.com');
  assert.equal((await api(lurus, 'GET', 'sessions', { token: before })).status, 401);
  await ann.must(['whoami']);
});

test('sixteen commands at once renew the sign-in once', async (t) => {
  const ann = new Person(t);
  await ann.login('ann@example.com');
  for (let round = 0; round < 3; ++round) {
    const before = ann.stored.refresh_token;
    ann.expire();
    const answers = await Promise.all(Array.from({ length: 16 }, () => ann.run(['whoami'])));
    for (const answer of answers) assert.equal(answer.code, 0, answer.stderr);
    assert.notEqual(ann.stored.refresh_token, before);
  }
  assert.equal((await audit('action=refreshTokens')).length, 0, 'no token was used twice');
  assert.equal(modeOf(ann.file), 0o600);
});

test('a session that is over says so, and nothing is done as somebody else instead', async (t) => {
  const ann = new Person(t);
  await ann.login('ann@example.com');
  const { access_token: token } = ann.stored;
  await api(lurus, 'POST', 'logout', { token, body: {} });
  for (const expired of [false, true]) {
    if (expired) ann.expire();
    for (const args of [['whoami'], ['key', 'create', '--name', 'never']]) {
      const answer = await ann.run(args);
      assert.equal(answer.code, 1, answer.stdout);
      assert.match(answer.stderr, /not signed in at .* any more .*run `lurus login`/);
    }
  }
  assert.ok(!JSON.stringify((await api(lurus, 'GET', '/api/v1/keys', { token: admin })).body).includes('never'));
  await ann.must(['logout']); // and that it was over is no failure
  assert.equal((await ann.login('ann@example.com')).code, 0);
  await ann.must(['whoami']);
});

test('an access token that the server does not take any more is renewed, and the command done once', async (t) => {
  const ann = new Person(t);
  await ann.login('ann@example.com');
  fs.writeFileSync(ann.file, JSON.stringify({ ...ann.stored, access_token: 'of.another.time' }), { mode: 0o600 });
  await ann.must(['key', 'create', '--name', 'ann-renewed']);
  assert.notEqual(ann.stored.access_token, 'of.another.time');
});

test('a command that goes on outlives its token, also where others renewed it meanwhile', async (t) => {
  const ann = new Person(t);
  await ann.login('ann@example.com');
  const soon = (ms) => fs.writeFileSync(ann.file, JSON.stringify({ ...ann.stored, access_expires_us: (Date.now() + ms) * 1000 }), { mode: 0o600 });
  soon(11_000); // within a second it is too old for another request
  const before = ann.stored.refresh_token;
  const child = spawn(LURUS_BIN, ['logs', '-f', '--json'], { cwd: ann.home, env: ann.env });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { said += text; });
  const closed = once(child, 'close');
  const until = Date.now() + 20_000 * PATIENCE;
  while (ann.stored.refresh_token === before) {
    assert.ok(Date.now() < until && child.exitCode === null, said);
    await sleep(20);
  }
  ann.expire();
  await ann.must(['whoami']);
  child.kill('SIGINT');
  assert.equal((await closed)[0], 0, said);
  assert.equal(said, '');
  await ann.must(['whoami']);
});

test('on the machine of the server: its own login by default, a given token first, admin.token without either', async (t) => {
  const input = `${PASSWORD}\n`;
  const by = async (options) => {
    const answer = await lurus.cli(['whoami', '--json'], options);
    assert.equal(answer.code, 0, answer.stderr);
    return JSON.parse(answer.stdout);
  };
  assert.equal((await by()).by, 'admin.token');
  assert.equal((await by()).kind, 'admin_token');
  const signed = await lurus.cli(['login', '--email', 'admin@example.com', '--password-stdin'], { input });
  assert.equal(signed.code, 0, signed.stderr);
  t.after(() => fs.rmSync(path.join(lurus.folder, '.config'), { recursive: true, force: true }));
  assert.equal((await by()).name, 'admin@example.com');
  assert.equal((await by({ env: { LURUS_ADMIN_TOKEN: admin } })).by, 'LURUS_ADMIN_TOKEN');
  assert.equal((await by({ env: { LURUS_URL: lurus.url } })).by, 'login');
  assert.equal((await by({ env: { LURUS_URL: lurus.url, LURUS_ADMIN_TOKEN: admin } })).by, 'LURUS_ADMIN_TOKEN');
  const doctor = await lurus.cli(['doctor', '--json']);
  assert.ok(!/may not do this/.test(doctor.stdout), 'what looks after the machine goes by admin.token');

  await lurus.stop();
  const away = await lurus.cli(['key', 'list']);
  assert.equal(away.code, 4);
  assert.match(away.stderr, /no server runs on .*signed in as admin@example\.com: start it, or `lurus logout`/);
  assert.equal((await lurus.cli(['config', 'check'])).code, 0, 'what asks no server goes on');
  lurus.config.server.listen = undefined;
  lurus.port = undefined;
  await lurus.start();
  assert.equal((await by()).name, 'admin@example.com', 'the same folder, wherever its server listens now');
  await lurus.stop();
  const out = await lurus.cli(['logout']);
  assert.equal(out.code, 4);
  assert.match(out.stderr, /signed out here; .* ends by itself on 20/);
  assert.equal((await by()).by, 'folder');
  await lurus.start();
  assert.equal((await by()).by, 'admin.token');
});

test('signed in at two servers: the newest is the one, LURUS_URL names the other', async (t) => {
  const other = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), user }, env });
  t.after(() => other.close());
  const ann = new Person(t);
  const at = async (variables) => JSON.parse(await ann.must(['whoami', '--json'], { variables })).server;
  await ann.login('ann@example.com');
  const second = await ann.run(['login', '--server', other.url, '--email', 'view@example.com', '--password-stdin'], { input: PASSWORD });
  assert.equal(second.code, 0, second.stderr);
  assert.equal(await at(), other.url);
  assert.equal(await at({ LURUS_URL: lurus.url }), lurus.url);
  assert.match((await ann.run(['key', 'create', '--name', 'x'])).stderr, /`viewer` may not/);
  await ann.must(['logout']);
  assert.equal(await at({ LURUS_URL: lurus.url }), lurus.url);
  const nobody = await ann.run(['whoami'], { variables: { LURUS_URL: other.url } });
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /nobody is signed in there: run `lurus login`/);
});

test('a server behind TLS is believed by its certificate, with roots of one\'s own', async (t) => {
  const folder = tempFolder('lurus-tls-');
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const key = path.join(folder, 'key.pem'), certificate = path.join(folder, 'cert.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', certificate, '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
  const port = await freePort();
  const secure = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }, { server: { listener: [{ address: `127.0.0.1:${port}`, tls: { certificate, private_key: key } }] } }), user }, env });
  t.after(() => secure.close());
  const ann = new Person(t);
  const signIn = (more) => ann.run(['login', `https://LOCALHOST:${port}/`, '--email', 'ann@example.com', '--password-stdin', ...more], { input: PASSWORD });
  const strange = await signIn([]);
  assert.equal(strange.code, 4, 'a password goes to nobody unknown');
  const signed = await signIn(['--ca-file', path.relative(ann.home, certificate)]);
  assert.equal(signed.code, 0, signed.stderr);
  assert.equal(JSON.parse(await ann.must(['whoami', '--json'])).server, `https://localhost:${port}`);
  ann.expire();
  await ann.must(['key', 'list'], { variables: { LURUS_URL: `https://localhost:${port}` } });
  await ann.must(['logout']);
});

test('no token and no password is in the log of the server', async () => {
  for (const word of [PASSWORD, 'lrt_', 'eyJ']) assert.ok(!lurus.output.includes(word), word);
});
