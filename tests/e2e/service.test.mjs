// `lurus service` and `lurus update` where systemd's programs are stood in for (lib/systemd.mjs).
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { execFile } from 'node:child_process';
import { LURUS_BIN, WINDOWS, freePort, httpGet } from './lib/lurus.mjs';
import { until } from './lib/until.mjs';
import { Machine, skip } from './lib/systemd.mjs';

let machine, port;

before(async () => {
  if (skip) return;
  machine = await Machine.start();
  port = await freePort();
  fs.mkdirSync(machine.at('/etc/lurus'));
  fs.writeFileSync(machine.at('/etc/lurus/lurus.toml'), `[server]\nlisten = "127.0.0.1:${port}"\nthreads = 1\n`, { mode: 0o644 });
});
after(() => machine?.close());

const json = (result) => JSON.parse(result.stdout);
const ok = (result) => {
  assert.equal(result.code, 0, result.stderr + result.stdout);
  return result;
};
const ready = async () => (await httpGet(`http://127.0.0.1:${port}/ready`)).status;
const UNIT = '/etc/systemd/system/lurus.service';

test('without root it says how', { skip: WINDOWS ? 'Wine starts nothing for another user' : process.getuid() !== 0 && 'only root can be somebody else' }, async () => {
  const refused = await new Promise((resolve) => {
    execFile('setpriv', ['--reuid=65534', '--clear-groups', LURUS_BIN, 'service', 'install'], { env: { PATH: process.env.PATH } },
      (error, stdout, stderr) => resolve({ code: error?.code, stderr }));
  });
  if (refused.code === 126 || refused.code === 127) return; // the build's folder is not everybody's
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /: sudo .*lurus\S* service install/);
});

test('nothing is installed: status says so, and start what to do', { skip }, async () => {
  const status = await machine.lurus(['service', 'status', '--json']);
  assert.equal(status.code, 3);
  assert.deepEqual(json(status), { name: 'lurus', installed: false });
  const start = await machine.lurus(['service', 'start']);
  assert.equal(start.code, 3);
  assert.match(start.stderr, /lurus service install/);
});

test('where systemd does not run, install leaves nothing behind and says what to do', { skip }, async () => {
  const everything = async () => ok(await machine.run(['find', '/etc', '/var/lib', '/srv', '-printf', '%p %s %m %u %C@\\n'])).stdout.split('\n');
  const before = new Set(await everything());
  for (const [answer, pattern] of [
    ["System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down",
      /systemd does not run here: .*`lurus serve`/],
    ['Failed to connect to bus: No such file or directory', /systemctl show .*: Failed to connect to bus: No such file or directory/],
  ]) {
    machine.managerAway(answer);
    const refused = await machine.lurus(['service', 'install']);
    machine.managerAway(null);
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, pattern);
    assert.deepEqual((await everything()).filter((file) => !before.has(file)), []);
  }
});

test('install writes the packaged unit, which systemd takes, with an account and folders of its own', { skip }, async () => {
  const made = json(ok(await machine.lurus(['service', 'install', '--json'])));
  assert.equal(made.unit, UNIT);
  assert.equal(made.account, 'lurus');
  const unit = fs.readFileSync(machine.at(UNIT), 'utf8');
  assert.match(unit, /^# Written by `lurus service install`/);
  assert.match(unit, /^ExecStart=\/srv\/bin\/lurus serve --config \/etc\/lurus\/lurus.toml --data-dir \/var\/lib\/lurus$/m);
  assert.match(unit, /^StateDirectory=lurus$/m);
  assert.match(unit, /^WatchdogSec=/m);
  const data = fs.statSync(machine.at('/var/lib/lurus'));
  assert.equal(data.mode & 0o777, 0o700);
  assert.ok(fs.readFileSync(machine.at('/etc/passwd'), 'utf8').includes(`lurus:x:${data.uid}:`));
  assert.ok(machine.calls().includes('enable lurus.service'));
  ok(await machine.run(['systemd-analyze', 'verify', '--recursive-errors=no', UNIT]));
  const score = ok(await machine.run(['systemd-analyze', 'security', '--offline=yes', '--threshold=20', '--no-pager', UNIT]));
  console.log(score.stdout.split('\n').find((line) => line.includes('Overall exposure')));
});

test('another place, account and name: the unit may write there, and the data folder of the file counts', { skip }, async () => {
  fs.mkdirSync(machine.at('/srv/team a'));
  fs.writeFileSync(machine.at('/srv/team a/gateway.toml'), 'data_dir = "/srv/team a/data"\n');
  ok(await machine.lurus(['service', 'install', '--name', 'team', '--user', 'daemon', '--config', '/srv/team a/gateway.toml']));
  const file = '/etc/systemd/system/team.service';
  const unit = fs.readFileSync(machine.at(file), 'utf8');
  assert.match(unit, /^ExecStart=\/srv\/bin\/lurus serve --config "\/srv\/team a\/gateway.toml" --data-dir "\/srv\/team a\/data"$/m);
  assert.match(unit, /^ReadWritePaths="\/srv\/team a\/data"$/m);
  assert.doesNotMatch(unit, /^(State|Configuration)Directory/m);
  ok(await machine.run(['systemd-analyze', 'verify', '--recursive-errors=no', file]));
  const status = json(await machine.lurus(['service', 'status', '--name', 'team', '--json']));
  assert.equal(status.data_dir, '/srv/team a/data');
  assert.equal(status.config_file, '/srv/team a/gateway.toml');
  ok(await machine.lurus(['service', 'uninstall', '--name', 'team']));
  assert.ok(!fs.existsSync(machine.at(file)));
  assert.ok(fs.existsSync(machine.at('/srv/team a/data')));
});

test('what it did not write it does not overwrite; what the unit would not see is refused', { skip }, async () => {
  const other = machine.at('/etc/systemd/system/other.service');
  fs.writeFileSync(other, '[Service]\nExecStart=/bin/true\n');
  for (const verb of ['install', 'uninstall']) {
    const refused = await machine.lurus(['service', verb, '--name', 'other']);
    assert.equal(refused.code, 5);
    assert.match(refused.stderr, /was not written by `lurus service install`/);
  }
  assert.equal(fs.readFileSync(other, 'utf8'), '[Service]\nExecStart=/bin/true\n');
  const hidden = await machine.lurus(['service', 'install', '--data-dir', '/home/data']);
  assert.equal(hidden.code, 2);
  assert.match(hidden.stderr, /\/home.*does not see/);
  const absent = await machine.lurus(['service', 'install', '--config', '/srv/none.toml']);
  assert.equal(absent.code, 3);
  assert.match(absent.stderr, /lurus config default/);
  const unknown = await machine.lurus(['service', 'install', '--user', 'nobody-of-that-name']);
  assert.equal(unknown.code, 3);
});

test('start waits until it is ready; it feeds the watchdog; stop drains, and says how long it may take', { skip }, async () => {
  const started = ok(await machine.lurus(['service', 'start']));
  assert.match(started.stdout, new RegExp(`is ready on http://127.0.0.1:${port}`));
  const status = json(ok(await machine.lurus(['service', 'status', '--json'])));
  assert.equal(status.state, 'running');
  assert.equal(status.ready, true);
  assert.equal(status.account, 'lurus');
  assert.deepEqual(status.addresses, [`http://127.0.0.1:${port}`]);
  const uid = /^Uid:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${status.pid}/status`, 'utf8'))[1];
  assert.equal(Number(uid), fs.statSync(machine.at('/var/lib/lurus')).uid);
  const table = ok(await machine.lurus(['service', 'status']));
  for (const word of ['running since', 'starts with the system', '/var/lib/lurus', UNIT]) assert.ok(table.stdout.includes(word), table.stdout);
  assert.match(machine.notified(), new RegExp(`READY=1 STATUS=serving on http://127.0.0.1:${port}`));
  await until('three signs of life', () => machine.notified().split('WATCHDOG=1').length > 3);
  const logs = ok(await machine.lurus(['service', 'logs', '-n', '7']));
  assert.match(logs.stdout, /lurus/i);
  assert.match(machine.calls('journal.calls').at(-1), /--unit lurus.service --lines 7/);
  ok(await machine.lurus(['service', 'stop']));
  assert.match(machine.notified(), /STOPPING=1 EXTEND_TIMEOUT_USEC=[1-9]\d+ STATUS=ending/);
  assert.equal((await machine.lurus(['service', 'status'])).code, 1);
});

test('it does not start with a mistake in its file, and says which', { skip }, async () => {
  const file = machine.at('/etc/lurus/lurus.toml');
  const good = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, good + 'listn = 1\n');
  const refused = await machine.lurus(['service', 'start']);
  fs.writeFileSync(file, good);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /lurus does not start: .*listn/);
});

const script = (name, text) => {
  fs.writeFileSync(machine.at(`/srv/${name}`), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return `/srv/${name}`;
};
const says = (version) => `[ "$1" = version ] && echo '{"version":"${version}"}' && exit 0\n[ "$1" = config ] && exit 0\n`;
const installed = () => fs.statSync(machine.at('/srv/bin/lurus')).ino;

test('update refuses what is no lurus, what is older, and what does not take the configuration', { skip }, async () => {
  const before = installed();
  const cases = [
    [script('none', 'echo hello'), 2, /it is not lurus/],
    [script('old', says('0.0.1')), 5, /--allow-downgrade/],
    [script('picky', `${says('99.0.0').replace('exit 0\n[ "$1" = config ] && exit 0', 'exit 0\n[ "$1" = config ] && echo "no such option" && exit 2')}`), 1, /does not take the present configuration[^]*no such option/],
    ['/srv/bin/lurus', 2, /the installed lurus itself/],
    ['/srv/absent', 3, /is no file/],
  ];
  for (const [file, code, pattern] of cases) {
    const refused = await machine.lurus(['update', file]);
    assert.equal(refused.code, code, refused.stderr);
    assert.match(refused.stderr, pattern);
  }
  assert.equal(installed(), before);
  assert.deepEqual(fs.readdirSync(machine.at('/srv/bin')), ['lurus'], 'a copy was left');
});

test('update replaces the program of the running service and keeps the former one', { skip }, async () => {
  ok(await machine.lurus(['service', 'start']));
  const before = json(ok(await machine.lurus(['service', 'status', '--json'])));
  fs.copyFileSync(machine.at('/srv/bin/lurus'), machine.at('/srv/next'));
  const was = installed();
  const done = json(ok(await machine.lurus(['update', '/srv/next', '--json'])));
  assert.equal(done.ready, true);
  assert.equal(done.rolled_back, false);
  assert.equal(done.previous, '/srv/bin/lurus.previous');
  assert.equal(fs.statSync(machine.at('/srv/bin/lurus.previous')).ino, was);
  const now = json(ok(await machine.lurus(['service', 'status', '--json'])));
  assert.notEqual(now.pid, before.pid);
  assert.equal(fs.readlinkSync(`/proc/${now.pid}/exe`), '/srv/bin/lurus');
});

test('update takes the former program back when the new one does not become ready', { skip }, async () => {
  const was = installed();
  for (const [name, serve] of [['hangs', 'exec sleep 1000'], ['ends', 'exit 1']]) {
    const file = script(name, says('99.0.0') + serve);
    const refused = await machine.lurus(['update', file, '--timeout', '3', '--json']);
    assert.equal(refused.code, 1, refused.stdout);
    assert.equal(json(refused).rolled_back, true);
    assert.match(refused.stderr, /99\.0\.0 did not become ready.* runs again/);
    assert.equal(installed(), was);
    assert.equal(await ready(), 200);
  }
  ok(await machine.lurus(['service', 'stop']));
});

test('a server that was started by hand is not replaced under its user', { skip }, async () => {
  ok(await machine.lurus(['service', 'uninstall']));
  assert.ok(!fs.existsSync(machine.at(UNIT)));
  const running = machine.lurus(['serve', '--config', '/etc/lurus/lurus.toml', '--data-dir', '/srv/data']);
  await until('the server', () => ready().then((status) => status === 200, () => false));
  const refused = await machine.lurus(['update', '/srv/next', '--data-dir', '/srv/data']);
  assert.equal(refused.code, 5, refused.stderr);
  assert.match(refused.stderr, /started by hand: stop it/);
  process.kill(Number(/pid (\d+)/.exec(refused.stderr)[1]), 'SIGTERM');
  ok(await running);
  const done = ok(await machine.lurus(['update', '/srv/next', '--data-dir', '/srv/data']));
  assert.match(done.stdout, /No server runs/);
});
