// Codex, configured by `lurus connect codex`.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { assertRan, assertRow, connected, rowsOf, runClient } from '../lib/cli.mjs';
import { FINISHED, TOOL_COMMAND, USAGE, cutStream, overloaded, responsesTurn } from '../lib/vendor.mjs';

const context = connected('codex', (up) => [{ name: 'oai', kind: 'openai', base_url: `${up.url}/v1`, api_key: 'sk-up', models: ['*'] }]);
const demo = connected('codex', () => [{ name: 'demo', kind: 'demo' }]);
const shell = { name: 'exec_command', input: { cmd: TOOL_COMMAND } };
const run = (where, prompt) => runClient(where, 'codex', ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox',
  '-c', 'check_for_update_on_startup=false', '-c', 'analytics.enabled=false', '-c', 'features.plugins=false', '-c', 'features.apps=false', '-m', 'gpt-5.5', prompt]);
const wanted = { dialect: 'openai-responses', client: /codex/i, usage: USAGE };

test('one prompt', async () => {
  context.up.always(responsesTurn());
  assertRan(await run(context, 'say hello'), new RegExp(FINISHED));
  const rows = await rowsOf(context, (row) => row.stream);
  assert.ok(rows.length >= 1);
  rows.forEach((row) => assertRow(row, wanted));
  assert.match(context.up.last.headBytes.toString(), /^authorization: Bearer sk-up\r$/im);
  assert.match(context.up.last.headBytes.toString(), /^originator: /im);
});

test('a tool call and its result', async () => {
  context.up.always(responsesTurn(shell));
  assertRan(await run(context, 'run the tool'), new RegExp(FINISHED));
  assert.ok(context.up.requests.some((request) => request.body.includes('function_call_output') && request.body.includes('ROUNDTRIP-42')));
});

test('a server error, then an answer', async () => {
  context.up.next(overloaded('openai-responses')).always(responsesTurn());
  assertRan(await run(context, 'try again'), new RegExp(FINISHED));
  assert.ok((await rowsOf(context)).some((row) => row.status === 500));
});

test('a cut stream, then an answer', async () => {
  context.up.next(cutStream(responsesTurn())).always(responsesTurn());
  assertRan(await run(context, 'cut'), new RegExp(FINISHED));
  assert.ok((await rowsOf(context)).some((row) => row.end === 'upstream_cut'));
});

test('the demo provider answers it', async () => {
  assertRan(await run(demo, 'say hello'), /\S/);
  const [row] = await demo.lurus.logs(1);
  assert.equal(row.provider, 'demo');
  assert.ok(row.usage.output > 0);
});

test('connect twice is harmless, --undo restores byte for byte', async () => {
  const file = path.join(context.home, '.codex/config.toml');
  assert.equal((await context.lurus.cli(['connect', 'codex', '--undo'])).code, 0);
  const own = '# mine\nmodel = "gpt-5.5"   # keep\n\n[features]\nplugins = false\n';
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, own);
  for (let n = 0; n < 2; n++) assert.equal((await context.lurus.cli(['connect', 'codex'])).code, 0);
  assert.match(fs.readFileSync(file, 'utf8'), /# mine/);
  assert.equal((await context.lurus.cli(['connect', 'codex', '--undo'])).code, 0);
  assert.equal(fs.readFileSync(file, 'utf8'), own);
});
