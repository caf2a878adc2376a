// README.md and its translation: the same sections, commands, tables and links; the picture is a picture.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const read = (name) => fs.readFileSync(path.join(ROOT, name), 'utf8');
const english = read('README.md'), chinese = read('README.zh-CN.md');
const all = (text, pattern) => [...text.matchAll(pattern)].map((found) => found[1]);

test('each names the other', () => {
  assert.match(english, /\]\(README\.zh-CN\.md\)/);
  assert.match(chinese, /\]\(README\.md\)/);
});

test('the same headings in number and depth', () => {
  const depths = (text) => all(text, /^(#+) /gm);
  assert.deepEqual(depths(chinese), depths(english));
});

test('the same commands', () => {
  const blocks = (text) => all(text, /^( {4}\S.*)$/gm);
  assert.ok(blocks(english).length > 10);
  assert.deepEqual(blocks(chinese), blocks(english));
});

test('the same links in the same order, and code and numbers that the one names are in the other', () => {
  const links = (text) => all(text, /\]\(([^)]+)\)/g).filter((link) => !link.startsWith('README'));
  assert.deepEqual(links(chinese), links(english));
  const code = (text) => new Set(all(text, /`([^`\n]+)`/g));
  for (const word of code(english)) assert.ok(code(chinese).has(word), `\`${word}\` in README.zh-CN.md`);
  for (const version of ['Node 18', 'glibc 2.31', 'Server 2016', 'Debian 12', 'Ubuntu 24.04']) {
    for (const text of [english, chinese]) assert.ok(text.includes(version), version);
  }
});

test('the picture is small, whole, and asks nothing of a network', () => {
  const picture = read('docs/img/terminal.svg');
  assert.ok(picture.length < 40_000);
  assert.ok(picture.startsWith('<svg xmlns="http://www.w3.org/2000/svg"') && picture.trimEnd().endsWith('</svg>'));
  assert.ok(!/href|@import|url\(|<script/.test(picture));
  for (const command of ['lurus serve', 'lurus connect claude', 'lurus logs', 'lurus usage --by model']) assert.ok(picture.includes(command), command);
});
