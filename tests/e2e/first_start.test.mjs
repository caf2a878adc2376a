// What a start shows and to whom: secrets go onto a terminal, or into files of the data folder, never into a service's log.
// And signals that mean nothing to a server.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { post } from './lib/raw.mjs';
import { PASSWORD, api, setupLink } from './lib/people.mjs';
import { LURUS_BIN, Lurus, PATIENCE, WINDOWS, httpGet, modeOf, native, startLurus, tempFolder } from './lib/lurus.mjs';
import { NO_TERMINAL, Terminal } from './lib/terminal.mjs';

async function until(condition, what) {
  const end = Date.now() + 10_000 * PATIENCE;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await sleep(20);
  }
}
const ready = (lurus) => until(() => lurus.output.includes(' usage'), `the banner of ${lurus.output}`);

test('no terminal: the first key and the owner\'s link are in files of their own, not in the output', async () => {
  const lurus = await startLurus({ config: { server: { threads: 1 } } });
  try {
    await ready(lurus);
    const keyFile = path.join(lurus.dataDir, 'first-key.txt');
    const key = fs.readFileSync(keyFile, 'utf8').trim();
    const { link, token, file } = setupLink(lurus);
    for (const one of [keyFile, file]) {
      assert.equal(modeOf(one), 0o600);
      assert.ok(lurus.output.includes(native(one)), 'it is not said where');
    }
    for (const secret of [key, link, token]) assert.ok(secret.length > 20 && !lurus.output.includes(secret));
    assert.doesNotMatch(lurus.output, /cr_[0-9A-Za-z]{8}|token=/);
    const body = { model: 'demo-claude', max_tokens: 16, messages: [{ role: 'user', content: 'Hello' }] };
    assert.notEqual((await post(lurus, '/v1/messages', JSON.stringify(body), { key })).status, 401);
    // The example works as it is printed.
    const [line] = /^ +(curl|Invoke-RestMethod) .*$/m.exec(lurus.output);
    const tried = spawnSync(WINDOWS ? 'pwsh' : 'sh', [WINDOWS ? '-Command' : '-c', line.trim()], { encoding: 'utf8' });
    if (!tried.error && tried.status !== 127) assert.match(tried.stdout, /message_stop|content|choices/, tried.stdout + tried.stderr);

    await lurus.stop();
    lurus.output = '';
    await lurus.start();
    await ready(lurus);
    const fresh = setupLink(lurus);
    assert.notEqual(fresh.token, token);
    assert.equal(fs.readFileSync(keyFile, 'utf8').trim(), key, 'the key of the first start is gone');
    assert.doesNotMatch(lurus.output, /first-key/);
    assert.equal((await api(lurus, 'POST', 'setup', { body: { token, email: 'a@example.com', password: PASSWORD } })).status, 403);
    assert.equal((await api(lurus, 'POST', 'setup', { body: { token: fresh.token, email: 'a@example.com', password: PASSWORD } })).status, 200);
    await lurus.stop();
    lurus.output = '';
    await lurus.start();
    await ready(lurus);
    assert.ok(!fs.existsSync(fresh.file), 'a link that was used stays');
    assert.doesNotMatch(lurus.output, /own it/);
  } finally {
    await lurus.close();
  }
});

test('on a terminal both are shown, and in no file', { skip: NO_TERMINAL }, async (t) => {
  const folder = tempFolder();
  const data = path.join(folder, 'data');
  const lurus = new Lurus({ dataDir: folder });
  const terminal = new Terminal(`'${LURUS_BIN}' serve --listen 127.0.0.1:0 --data-dir '${data}'`, { cwd: folder, env: lurus.childEnv() });
  t.after(() => terminal.kill());
  try {
    await terminal.until(' usage');
    assert.match(terminal.text, /Your key +cr_\S+/);
    await terminal.until('(once, today)');
    assert.match(terminal.text, /own it: http:\S+#token=\S+/);
    assert.deepEqual(fs.readdirSync(data).filter((name) => name.endsWith('.txt')), []);
    assert.equal(await terminal.interrupt(), 0, terminal.text);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test('signals that mean nothing to a server end nothing; SIGHUP reads the configuration', { skip: WINDOWS && 'Windows has none of these signals' }, async () => {
  const lurus = await startLurus({ config: { server: { threads: 1 }, key: [{ name: 'a', value: 'cr_first_0123456789abcdef' }] } });
  try {
    const status = async (key) => (await httpGet(`${lurus.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGPIPE', 'SIGALRM', 'SIGVTALRM', 'SIGPROF', 'SIGIO', 'SIGXFSZ', 'SIGWINCH', 'SIGURG', 'SIGCHLD', 'SIGCONT']) {
      lurus.process.kill(signal);
      assert.equal(await status('cr_first_0123456789abcdef'), 200, signal);
      assert.equal(lurus.process.signalCode ?? lurus.process.exitCode, null, signal);
    }
    lurus.writeConfig({ ...lurus.config, key: [{ name: 'b', value: 'cr_second_0123456789abcdef' }] });
    lurus.process.kill('SIGHUP');
    await until(async () => (await status('cr_second_0123456789abcdef')) === 200, 'the new key');
    assert.deepEqual((await lurus.stop()).code, 0);
  } finally {
    await lurus.close();
  }
});
