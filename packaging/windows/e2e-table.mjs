// e2e-table.mjs FOLDER NOT_APPLICABLE: the JUnit reports of a folder as a Markdown table. A line of NOT_APPLICABLE is: file, the test's
// name or *, why. Such a test may fail. Exits with 1 when another one did, or when a line names a test that passes or is not there.
import fs from 'node:fs';
import path from 'node:path';

const [folder, list] = process.argv.slice(2);
const plain = (text) => text.replaceAll('&quot;', '"').replaceAll('&apos;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const excused = fs.readFileSync(list, 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
  const [file, name, why] = line.split('\t');
  return { file, name, why, used: false };
});

const rows = [];
for (const report of fs.readdirSync(folder).filter((name) => name.endsWith('.xml')).sort()) {
  const file = path.basename(report, '.xml');
  const xml = fs.readFileSync(path.join(folder, report), 'utf8');
  let found = 0;
  for (const [, attributes, body] of xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    found += 1;
    const name = plain(/name="([^"]*)"/.exec(attributes)[1]);
    const result = /<skipped/.test(body ?? '') ? 'skipped' : /<failure/.test(body ?? '') ? 'failed' : 'passed';
    rows.push({ file, name, result, why: result === 'skipped' ? plain(/<skipped[^>]*message="([^"]*)"/.exec(body)?.[1] ?? '') : '' });
  }
  // Cut off by the time limit, or ended before its first test.
  if (found === 0 || !xml.includes('</testsuites>')) rows.push({ file, name: '(the file itself)', result: 'failed', why: 'it did not end in time' });
}
for (const row of rows) {
  const excuse = excused.find(({ file, name }) => file === row.file && (name === '*' || name === row.name));
  if (!excuse) continue;
  if (row.result === 'failed') {
    excuse.used = true;
    row.result = 'does not apply';
    row.why = excuse.why;
  }
}

const count = (result) => rows.filter((row) => row.result === result).length;
console.log(`${rows.length} tests: ${count('passed')} passed, ${count('failed')} failed, ${count('does not apply')} do not apply, ${count('skipped')} skipped.\n`);
console.log('| file | test | result |\n|---|---|---|');
for (const { file, name, result, why } of rows) console.log(`| ${file} | ${cell(name)} | ${result}${why ? `: ${cell(why)}` : ''} |`);

const ran = new Set(rows.map((row) => row.file));
const stale = excused.filter(({ file, used }) => ran.has(file) && !used);
for (const { file, name } of stale) console.error(`${list}: ${file}, "${name}": it passes, or is not there any more`);
console.error(`${count('passed')} passed, ${count('failed')} failed, ${count('does not apply') + count('skipped')} skipped`);
process.exitCode = count('failed') || stale.length ? 1 : 0;
