// A stand-in for systemd where none runs: a mount namespace with an /etc, /var/lib and /srv of its own, a `systemctl` that
// starts a unit's command as its user and hears what that tells NOTIFY_SOCKET, and a `journalctl` that shows its output.
import fs from 'node:fs';
import path from 'node:path';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { LURUS_BIN, PATIENCE, WINDOWS, tempFolder } from './lurus.mjs';
import { until } from './until.mjs';

export const skip = WINDOWS ? 'systemd is a service manager of Linux'
  : process.getuid() !== 0 ? 'only root installs services'
    : spawnSync('unshare', ['--mount', 'true']).status !== 0 ? 'mount namespaces are not allowed here'
      : spawnSync('perl', ['-MSocket', '-e', '1']).status !== 0 ? 'perl listens to NOTIFY_SOCKET' : false;

// Node has no Unix datagram sockets. Each datagram becomes a line, its own newlines spaces.
const LISTENER = `use Socket; $| = 1; my $p = shift; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($p)) or die;
chmod 0666, $p; print "listening\\n"; while (defined recv($s, my $m, 4096, 0)) { $m =~ s/\\n/ /g; print "$m\\n"; }`;

const systemctl = (folder, watchdogUs) => `#!${process.execPath}
const fs = require('node:fs'), { spawn, spawnSync } = require('node:child_process');
const folder = ${JSON.stringify(folder)};
const args = process.argv.slice(2), verb = args[0];
fs.appendFileSync(folder + '/calls', args.join(' ') + '\\n');
const name = (args.find((a, i) => i > 0 && !a.startsWith('-')) ?? '').replace(/\\.service$/, '');
const file = '/etc/systemd/system/' + name + '.service', stateFile = folder + '/' + name + '.state';
const unit = () => fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : null;
const value = (key) => unit()?.split('\\n').filter((l) => l.startsWith(key + '=')).at(-1)?.slice(key.length + 1) ?? '';
const state = () => { try { return JSON.parse(fs.readFileSync(stateFile)); } catch { return {}; } };
const keep = (s) => fs.writeFileSync(stateFile, JSON.stringify(s));
const heard = () => fs.readFileSync(folder + '/notify', 'utf8');
const status = () => [...heard().matchAll(/STATUS=([^\\n]*)/g)].at(-1)?.[1].trim() ?? '';
const alive = (pid) => { try { return /^State:\\s+[^Z]/m.test(fs.readFileSync('/proc/' + pid + '/status', 'utf8')); } catch { return false; } };
const pause = () => spawnSync('sleep', ['0.05']);
const fail = (text) => { console.error(text); process.exit(1); };
const away = folder + '/away';
if (fs.existsSync(away) && !['enable', 'disable', '--version'].includes(verb)) fail(fs.readFileSync(away, 'utf8'));
if (verb === 'start') {
  if (!unit()) fail('Unit ' + name + '.service not found.');
  const from = heard().length, out = fs.openSync(folder + '/journal', 'a');
  const child = spawn('/usr/bin/setpriv', ['--reuid=' + value('User'), '--regid=' + value('Group'), '--clear-groups', '/bin/sh', '-c', 'exec ' + value('ExecStart')],
    { detached: true, cwd: value('WorkingDirectory'), stdio: ['ignore', out, out],
      env: { PATH: process.env.PATH, NOTIFY_SOCKET: folder + '/notify.socket', WATCHDOG_USEC: '${watchdogUs}' } });
  child.unref();
  keep({ pid: child.pid });
  for (let i = 0; i < 1200; ++i) {
    if (heard().slice(from).includes('READY=1')) process.exit(0);
    if (!alive(child.pid)) { keep({ failed: true }); fail('Job for ' + name + '.service failed.'); }
    pause();
  }
} else if (verb === 'stop') {
  const { pid } = state();
  if (pid) { try { process.kill(pid, 'SIGTERM'); } catch {} while (alive(pid)) pause(); }
  keep({});
} else if (verb === 'show') {
  const s = state(), up = s.pid && alive(s.pid);
  console.log(['LoadState=' + (unit() ? 'loaded' : 'not-found'), 'ActiveState=' + (up ? 'active' : s.failed || s.pid ? 'failed' : 'inactive'),
    'UnitFileState=' + (fs.existsSync(folder + '/' + name + '.enabled') ? 'enabled' : 'disabled'), 'MainPID=' + (up ? s.pid : 0),
    'ActiveEnterTimestampMonotonic=' + (up ? 1 : 0), 'FragmentPath=' + file, 'User=' + value('User'),
    'Result=' + (s.failed ? 'exit-code' : 'success'), 'ExecMainStatus=1', 'StatusText=' + status()].join('\\n'));
} else if (verb === 'cat') process.stdout.write(unit() ?? '');
else if (verb === 'enable') fs.writeFileSync(folder + '/' + name + '.enabled', '');
else if (verb === 'disable') fs.rmSync(folder + '/' + name + '.enabled', { force: true });
else if (verb !== 'daemon-reload' && verb !== '--version') fail('what is ' + verb + '?');
`;

const journalctl = (folder) => `#!/bin/sh
echo "$@" >> ${folder}/journal.calls
exec cat ${folder}/journal
`;

export class Machine {
  /// The machine's `/srv/bin/lurus` is the executable under test.
  static async start({ watchdogUs = 1_000_000 } = {}) {
    const machine = new Machine();
    const folder = (machine.folder = tempFolder('lurus-systemd-'));
    fs.chmodSync(folder, 0o755);
    const bin = path.join(folder, 'bin');
    fs.mkdirSync(bin);
    fs.writeFileSync(path.join(bin, 'systemctl'), systemctl(folder, watchdogUs), { mode: 0o755 });
    fs.writeFileSync(path.join(bin, 'journalctl'), journalctl(folder), { mode: 0o755 });
    machine.listener = spawn('perl', ['-e', LISTENER, path.join(folder, 'notify.socket')], { stdio: ['ignore', fs.openSync(path.join(folder, 'notify'), 'w'), 'inherit'] });
    await until('the listener', () => machine.notified().includes('listening'));
    machine.holder = spawn('unshare', ['--mount', 'sh', '-ec', `mkdir "$1/etc" && cp -a /etc/. "$1/etc" && mount --bind "$1/etc" /etc
      rm -f /etc/systemd/system/lurus.service
      mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /srv && mkdir /srv/bin && install -m 755 "$2" /srv/bin/lurus && touch "$1/mounted" && exec sleep 100000`,
    'sh', folder, LURUS_BIN], { stdio: ['ignore', 'inherit', 'inherit'] });
    await until('mounting', () => fs.existsSync(path.join(folder, 'mounted')), 60_000);
    return machine;
  }

  /// The path as this test can reach it.
  at(inside) {
    return `/proc/${this.holder.pid}/root${inside}`;
  }

  notified() {
    return fs.readFileSync(path.join(this.folder, 'notify'), 'utf8');
  }

  /// From here on `systemctl` finds no running manager and says `text`; what needs none still works, as it does there. null ends it.
  managerAway(text) {
    const file = path.join(this.folder, 'away');
    if (text === null) fs.rmSync(file);
    else fs.writeFileSync(file, text);
  }

  calls(which = 'calls') {
    return fs.readFileSync(path.join(this.folder, which), 'utf8').trim().split('\n');
  }

  /// Runs a command in there: { code, stdout, stderr }.
  run(command, { timeout = 60_000 * PATIENCE, env = {} } = {}) {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LURUS_')));
    return new Promise((resolve) => {
      execFile('nsenter', [`--mount=/proc/${this.holder.pid}/ns/mnt`, '--wdns=/', ...command],
        { timeout, env: { ...clean, PATH: `${this.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: '/srv', NO_COLOR: '1', ...env } },
        (error, stdout, stderr) => resolve({ code: error ? (error.code ?? 1) : 0, stdout, stderr }));
    });
  }

  lurus(args, options) {
    return this.run(['/srv/bin/lurus', ...args], options);
  }

  close() {
    for (const file of fs.readdirSync(this.folder)) {
      if (!file.endsWith('.state')) continue;
      const { pid } = JSON.parse(fs.readFileSync(path.join(this.folder, file), 'utf8'));
      if (pid) try { process.kill(pid, 'SIGKILL'); } catch { /* it has ended */ }
    }
    this.holder?.kill('SIGKILL');
    this.listener?.kill('SIGKILL');
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
