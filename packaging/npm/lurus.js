#!/usr/bin/env node
'use strict';
// Runs the executable of this platform, which npm installs as an optional dependency of this package.
// Plain JavaScript for every Node since 18.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { version, optionalDependencies } = require('../package.json');

const SCOPE = '@lurus-switch/';
const LOADER = '/lib64/ld-linux-x86-64.so.2';

function refuse(sentence) {
  process.stderr.write(`lurus-switch: ${sentence}\n`);
  process.exit(1);
}

function executable() {
  const platform = `${process.platform}-${process.arch}`;
  const name = SCOPE + platform;
  if (!(name in optionalDependencies)) {
    const supported = Object.keys(optionalDependencies).map((each) => each.slice(SCOPE.length));
    refuse(`there is no executable for ${platform}; there is one for ${supported.join(' and ')}`);
  }
  if (process.platform === 'linux' && !fs.existsSync(LOADER)) {
    refuse(`the executable needs glibc 2.31 or newer, and this system has no ${LOADER} (Alpine and other musl systems do not): use a Debian-based image, or build from source`);
  }
  let folder;
  try {
    folder = path.dirname(require.resolve(`${name}/package.json`));
  } catch {
    refuse(
      `the package ${name}, which holds the executable, is not installed. npm leaves it out with --omit=optional or --no-optional, ` +
        `and where the registry does not have it. From files, give both: ` +
        `npm install lurus-switch-${version}.tgz lurus-switch-${platform}-${version}.tgz`,
    );
  }
  const file = path.join(folder, 'bin', process.platform === 'win32' ? 'lurus.exe' : 'lurus');
  try {
    fs.accessSync(file, fs.constants.X_OK);
  } catch (error) {
    refuse(`${file} cannot be run (${error.code}): reinstall lurus-switch`);
  }
  return file;
}

/// Stays as its parent where a process cannot become another one: signals go on to it, its end is the end.
function runBeside(file, args) {
  const child = spawn(file, args, { stdio: 'inherit' });
  child.on('error', (error) => refuse(`${file} cannot be run: ${error.message}`));
  // A terminal sends Ctrl-C to both, and a second one would cut the drain short.
  const fromTerminal = [0, 1, 2].some((fd) => require('node:tty').isatty(fd));
  const signals = process.platform === 'win32' ? ['SIGINT', 'SIGBREAK', 'SIGHUP'] : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
  const handlers = signals.map((signal) => {
    const toldByTerminal = process.platform === 'win32' || (fromTerminal && signal !== 'SIGTERM' && signal !== 'SIGHUP');
    const handler = () => {
      if (!toldByTerminal) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  child.on('exit', (code, signal) => {
    for (const [name, handler] of handlers) process.off(name, handler);
    if (signal === null) process.exit(code);
    process.kill(process.pid, signal);
    // A signal that does not end this process is told the way shells do.
    setTimeout(() => process.exit(128 + os.constants.signals[signal]), 1000);
  });
}

const file = executable();
const args = process.argv.slice(2);
if (process.platform !== 'win32' && typeof process.execve === 'function') {
  process.execve(file, ['lurus', ...args], process.env);
} else {
  runBeside(file, args);
}
