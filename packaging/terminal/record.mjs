// record.mjs LURUS FILE.svg: runs a first session of the executable in a terminal of its own (`script`), on an empty home folder with the
// built-in demo provider, and draws what it printed. The port 18100 has to be free.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const [lurus, target] = process.argv.slice(2);
if (!lurus || !target) {
  console.error('usage: node packaging/terminal/record.mjs LURUS FILE.svg');
  process.exit(2);
}
const COLUMNS = 100;
const URL_ = 'http://127.0.0.1:18100';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lurus-'));
const bin = path.join(folder, 'bin'), home = path.join(folder, 'you');
fs.mkdirSync(bin);
fs.mkdirSync(home);
fs.symlinkSync(path.resolve(lurus), path.join(bin, 'lurus'));
const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: home, TERM: 'xterm-256color', LANG: 'C.UTF-8' };
const inTerminal = (command) => ['-qec', `stty cols ${COLUMNS} rows 50; ${command}`, '/dev/null'];

let server, text = '';
try {
  server = spawn('script', inTerminal('exec lurus serve 2>/dev/null'), { env, cwd: home, stdio: ['ignore', 'pipe', 'inherit'] });
  let serving = '';
  server.stdout.setEncoding('utf8').on('data', (part) => (serving += part));
  for (let tries = 0; !/lurus usage/.test(serving); tries++) {
    if (tries > 200 || server.exitCode !== null) throw new Error(`lurus serve did not start:\n${serving}`);
    await sleep(50);
  }
  const key = serving.match(/cr_\w+/)[0];
  const ask = async (target_, body) => {
    const answer = await fetch(URL_ + target_, { method: 'POST', headers: { 'x-api-key': key, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${target_}: ${answer.status}`);
    await answer.arrayBuffer();
  };
  await ask('/v1/messages', { model: 'claude-opus-4-5', max_tokens: 256, stream: true, messages: [{ role: 'user', content: 'Hello' }] });
  await ask('/v1/responses', { model: 'gpt-5.2', stream: true, input: 'What does a gateway do?' });
  await ask('/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse', { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] });
  text = `\x1b[2m$\x1b[0m lurus serve\n${serving.trimStart()}`;
  for (const command of ['lurus connect claude', 'lurus logs', 'lurus usage --by model']) {
    text += `\n\x1b[2m$\x1b[0m ${command}\n${execFileSync('script', inTerminal(command), { env, cwd: home, encoding: 'utf8' }).trimEnd()}\n`;
  }
} finally {
  const running = fs.existsSync(path.join(home, '.local/share/lurus/server.json')) && JSON.parse(fs.readFileSync(path.join(home, '.local/share/lurus/server.json'), 'utf8')).pid;
  if (running) process.kill(running, 'SIGTERM');
  if (server && server.exitCode === null) await once(server, 'exit');
  fs.rmSync(folder, { recursive: true, force: true });
}

// ---- drawing: lines of runs, each run with the style that the escape sequences left -------------------------------

const STYLES = { 1: 'b', 2: 'd', 31: 'r', 32: 'g', 33: 'y', 36: 'c' };
const lines = [];
for (const line of text.replaceAll(folder, '/home').replaceAll('\r', '').replace(/\n{3,}/g, '\n\n').trimEnd().split('\n')) {
  let runs = [], column = 0, style = '';
  for (const [, codes, plain] of line.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+)/g)) {
    if (plain === undefined) {
      style = STYLES[codes] ?? '';
      continue;
    }
    for (let rest = [...plain]; rest.length;) { // a terminal breaks a long line at its edge
      if (column === COLUMNS) {
        lines.push(runs);
        runs = [];
        column = 0;
      }
      const part = rest.splice(0, COLUMNS - column).join('');
      runs.push({ column, style, part });
      column += [...part].length;
    }
  }
  lines.push(runs);
}

const WIDE = 8, HIGH = 18, PAD = 16, TOP = 40;
const escape = (part) => part.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const drawn = lines.flatMap((runs, row) => runs.filter(({ part }) => part.trim()).map(({ column, style, part }) => {
  const lead = part.length - part.trimStart().length;
  const word = part.trim();
  const x = PAD + (column + lead) * WIDE, wide = [...word].length * WIDE;
  if (/^─+$/.test(word)) return `<path d="M${x} ${TOP + row * HIGH + 8}h${wide}"/>`;
  return `<text x="${x}" y="${TOP + row * HIGH + 13}" textLength="${wide}"${style ? ` class="${style}"` : ''}>${escape(word)}</text>`;
}));
const width = COLUMNS * WIDE + 2 * PAD, height = TOP + lines.length * HIGH + PAD;
// Its own background, so that it reads the same on light pages and dark ones.
fs.writeFileSync(target, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" xml:space="preserve">
<title>lurus serve, lurus connect claude, lurus logs and lurus usage in a terminal</title>
<style>text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d6dbe4;white-space:pre}
.b{font-weight:700;fill:#fff}.d{fill:#8b96a8}.r{fill:#ff8a80}.g{fill:#7ee29a}.y{fill:#f2cc60}.c{fill:#6cc7f0}path{stroke:#8b96a8}</style>
<rect width="${width}" height="${height}" rx="8" fill="#151a23" stroke="#39424f"/>
<circle cx="20" cy="19" r="5" fill="#ff6058"/><circle cx="37" cy="19" r="5" fill="#ffbd2e"/><circle cx="54" cy="19" r="5" fill="#28c941"/>
${drawn.join('\n')}
</svg>
`);
