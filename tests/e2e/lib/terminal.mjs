// What a person sees of a program, and types: `script` makes the terminal.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { WINDOWS } from './lurus.mjs';

/// False, or why there is no terminal to be had.
export const NO_TERMINAL = spawnSync('script', ['--version']).error ? 'no `script` to make a terminal with' : false;

// Wine's console paints characters one by one, the escapes of a program as well, and steps over spaces: hence twice.
const CONTROL = /\x1b\[[\d;?]*[A-Za-z]/g;
const shown = (bytes) => bytes.replaceAll('\x1b[1C', ' ').replace(CONTROL, '').replace(CONTROL, '');

// Wine's console takes keys as they come, and leaves it to whoever made the terminal to let them through.
const MODES = WINDOWS ? '-icanon -icrnl -echo' : '';

/// A shell's command at a terminal of 400 columns. `text` is what it showed, without colours.
export class Terminal {
  constructor(command, options) {
    this.process = spawn('script', ['-qefc', `stty cols 400 ${MODES} && exec ${command}`, '/dev/null'], { ...options, env: { ...options.env, SHELL: '/bin/sh' }, stdio: ['pipe', 'pipe', 'inherit'] });
    this.closed = once(this.process, 'close').then(([code]) => code);
    this.bytes = '';
    this.process.stdout.setEncoding('utf8').on('data', (bytes) => {
      this.bytes += bytes;
      this.process.emit('said');
    });
  }

  get text() {
    return shown(this.bytes);
  }

  /// Waits until it showed `text`; throws when it ends before.
  async until(text) {
    while (!this.text.includes(text)) await Promise.race([once(this.process, 'said'), this.closed.then(() => { throw new Error(this.text); })]);
  }

  write(text) {
    this.process.stdin.write(text);
  }

  /// Ctrl-C; the exit code.
  interrupt() {
    this.write('\x03');
    return this.closed;
  }

  kill() {
    this.process.kill('SIGKILL');
  }
}
