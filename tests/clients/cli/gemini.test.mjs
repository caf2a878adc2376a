// Gemini CLI, configured by `lurus connect gemini`.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { assertRan, assertRow, connected, rowsOf, runClient } from '../lib/cli.mjs';
import { FINISHED, TOOL_COMMAND, USAGE, geminiTurn, overloaded } from '../lib/vendor.mjs';

const context = connected('gemini', (up) => [{ name: 'gem', kind: 'gemini', base_url: up.url, api_key: 'sk-up', models: ['*'] }]);
const demo = connected('gemini', () => [{ name: 'demo', kind: 'demo' }]);
const shell = { name: 'run_shell_command', input: { command: TOOL_COMMAND } };
// This client sends nothing that tells its sessions apart.
const wanted = { session: false, dialect: 'gemini', client: /GeminiCLI|gemini-cli/i, usage: USAGE };

function run(where, prompt) {
  const file = path.join(where.home, '.gemini/settings.json');
  const settings = JSON.parse(fs.readFileSync(file, 'utf8'));
  fs.writeFileSync(file, JSON.stringify({ ...settings, privacy: { usageStatisticsEnabled: false } }));
  return runClient(where, 'gemini', ['--skip-trust', '--yolo', '-m', 'gemini-2.5-pro', '-p', prompt], { GEMINI_CLI_TRUST_WORKSPACE: 'true' });
}

test('one prompt', async () => {
  context.up.always(geminiTurn());
  assertRan(await run(context, 'say hello'), new RegExp(FINISHED));
  const rows = await rowsOf(context, (row) => row.usage.output !== null);
  assert.ok(rows.length >= 1);
  rows.forEach((row) => assertRow(row, wanted));
  assert.match(context.up.last.headBytes.toString(), /^x-goog-api-key: sk-up\r$/im);
});

test('a tool call and its result', async () => {
  context.up.always(geminiTurn(shell));
  assertRan(await run(context, 'run the tool'), new RegExp(FINISHED));
  assert.ok(context.up.requests.some((request) => request.body.includes('functionResponse') && request.body.includes('ROUNDTRIP-42')));
  assert.ok(context.up.requests.some((request) => request.body.includes('c2lnbmF0dXJl')), 'the thought signature is replayed');
});

test('503, then an answer', async () => {
  context.up.next(overloaded('gemini')).always(geminiTurn());
  assertRan(await run(context, 'try again'), new RegExp(FINISHED));
  assert.ok((await rowsOf(context)).some((row) => row.status === 503));
});

test('the demo provider answers it', async () => {
  assertRan(await run(demo, 'say hello'), /\S/);
  const [row] = await demo.lurus.logs(1);
  assert.equal(row.provider, 'demo');
  assert.ok(row.usage.output > 0);
});
