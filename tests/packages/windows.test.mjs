// What goes into the archive for Windows: scripts that parse and that say nothing `lurus` does not know, and the archive itself.
// LURUS_BIN is an executable of the same sources; LURUS_PACKAGES the folder of packages, build/package by default.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import v8 from 'node:v8';
import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const FOLDER = path.join(ROOT, 'packaging/windows');
const LURUS_BIN = path.resolve(process.env.LURUS_BIN || path.join(ROOT, 'build/release/lurus'));
const PACKAGES = path.resolve(process.env.LURUS_PACKAGES || path.join(ROOT, 'build/package'));
const VERSION = fs.readFileSync(path.join(ROOT, 'CMakeLists.txt'), 'utf8').match(/^project\(lurus VERSION ([\d.]+)/m)[1];
const cache = process.env.LURUS_NODE_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'lurus/node');
const modules = path.join(cache, 'packages/node_modules');

// The grammar is large: compiling it well takes longer than parsing these few files badly compiled.
v8.setFlagsFromString('--liftoff-only');
const { Parser, Language } = await import(pathToFileURL(path.join(modules, 'web-tree-sitter/web-tree-sitter.js')).href);
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(path.join(modules, '@vscode/tree-sitter-wasm/wasm/tree-sitter-powershell.wasm')));

const scripts = fs.readdirSync(FOLDER).filter((name) => name.endsWith('.ps1'));
const text = (name) => fs.readFileSync(path.join(FOLDER, name), 'utf8');

function* nodes(node) {
  yield node;
  for (const child of node.children) yield* nodes(child);
}
const problems = (source) => [...nodes(parser.parse(source).rootNode)].filter((node) => node.isError || node.isMissing)
  .map((node) => `${node.startPosition.row + 1}:${node.startPosition.column + 1} ${node.text.slice(0, 60)}`);

test('the parser sees a mistake', () => assert.notDeepEqual(problems('if ($x { Get-Date }'), []));

for (const name of scripts) {
  test(`${name} parses, in the character set that every PowerShell reads alike`, () => {
    assert.deepEqual(problems(text(name)), []);
    assert.match(text(name), /^[\x09\x0a\x20-\x7e]*$/);
  });
}

/// The command lines of lurus that a script holds: arrays that start with a command's name, and words behind a call operator.
function commandLines(source) {
  const lines = [];
  for (const [, list] of source.matchAll(/@\('([a-z][^)]*)\)/g)) {
    const words = [...`'${list}`.matchAll(/'([^']*)'/g)].map(([, word]) => word);
    if (/^(service|update)$/.test(words[0])) lines.push(words);
  }
  for (const [, rest] of source.matchAll(/& (?:\(Find-Lurus \$Exe\)|\$installed) (?!@)([^|\n]*)/g)) lines.push(rest.trim().split(/\s+/));
  // What is added to an array later belongs to the command that it starts with.
  for (const [, option] of source.matchAll(/\$arguments \+= '(--[^']*)'/g)) {
    lines.push([...source.match(/\$arguments = @\(([^)]*)\)/)[1].matchAll(/'([a-z]+)'/g)].map(([, word]) => word).concat(option));
  }
  return lines;
}

test('every command and option of lurus in the scripts exists', () => {
  const lines = scripts.flatMap((name) => commandLines(text(name)));
  const used = new Set(lines.map((words) => words.filter((word) => /^[a-z]/.test(word)).join(' ')));
  for (const command of ['service install', 'service start', 'service stop', 'service status', 'update']) assert.ok(used.has(command), `${command} in ${[...used]}`);
  for (const words of lines) {
    const command = words.filter((word) => /^[a-z]/.test(word));
    const help = execFileSync(LURUS_BIN, [...command, '--help'], { encoding: 'utf8' });
    assert.match(help.split('\n').find((line) => line.startsWith('Usage:')) ?? help, new RegExp(`\\b${command.join(' ')}\\b`));
    for (const option of words.filter((word) => word.startsWith('--'))) assert.match(help, new RegExp(`${option}\\b`), `${option} of ${command.join(' ')}`);
  }
});

test('every script that README.txt and the others name is there', () => {
  const named = [text('README.txt'), ...scripts.map(text)].join('\n').matchAll(/\b([a-z-]+\.ps1)\b/g);
  for (const [, name] of named) assert.ok(scripts.includes(name), name);
  const copied = text('install.ps1').match(/\$others = (.*)/)[1];
  for (const name of [...scripts, 'Caddyfile', 'lurus.toml', 'LICENSE', 'NOTICES.txt', 'README.txt']) assert.ok(copied.includes(`'${name}'`), `install.ps1 copies ${name}`);
});

const archive = path.join(PACKAGES, `lurus-${VERSION}-windows-x86_64.zip`);
test('the archive holds the executable and the files, and is made the same again', { skip: !fs.existsSync(archive) && `no ${archive}` }, (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lurus-zip-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  execFileSync('unzip', ['-q', archive, '-d', folder]);
  const top = path.join(folder, `lurus-${VERSION}-windows-x86_64`);
  assert.deepEqual(fs.readdirSync(folder), [path.basename(top)]);
  const names = fs.readdirSync(top).sort();
  assert.deepEqual(names, [...scripts, 'Caddyfile', 'LICENSE', 'NOTICES.txt', 'README.txt', 'lurus.exe', 'lurus.toml'].sort());
  for (const name of names.filter((each) => each !== 'lurus.exe')) {
    const bytes = fs.readFileSync(path.join(top, name), 'latin1');
    assert.ok(!/(^|[^\r])\n/.test(bytes), `${name} ends its lines as Windows does`);
  }
  execFileSync('bash', [path.join(ROOT, 'packaging/zip.sh'), '--out', folder, '--windows', path.join(top, 'lurus.exe')]);
  assert.ok(fs.readFileSync(archive).equals(fs.readFileSync(path.join(folder, path.basename(archive)))));
});
