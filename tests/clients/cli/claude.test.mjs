// Claude Code, configured by `lurus connect claude`.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { assertRan, assertRow, connected, rowsOf, runClient } from '../lib/cli.mjs';
import { FINISHED, TOOL_COMMAND, USAGE, anthropicTurn, cutStream, overloaded } from '../lib/vendor.mjs';

const context = connected('claude', (up) => [{ name: 'ant', kind: 'anthropic', base_url: up.url, api_key: 'sk-up', models: ['*'] }]);
const demo = connected('claude', () => [{ name: 'demo', kind: 'demo' }]);
const bash = { name: 'Bash', input: { command: TOOL_COMMAND, description: 'Echo a marker' } };
const run = (where, prompt, env = {}) => runClient(where, 'claude', ['-p', prompt, '--allowedTools', 'Bash'],
  { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', IS_SANDBOX: '1', CLAUDE_CODE_MAX_RETRIES: '3', ...env });
const wanted = { dialect: 'anthropic', client: /claude-cli\//, usage: USAGE };
const generations = (row) => row.usage.output !== null;

test('one prompt', async () => {
  context.up.always(anthropicTurn());
  assertRan(await run(context, 'say hello'), new RegExp(FINISHED));
  const rows = await rowsOf(context, generations);
  assert.ok(rows.length >= 1);
  rows.forEach((row) => assertRow(row, wanted));
  assert.equal(new Set(rows.map((row) => row.session)).size, 1);
  assert.match(context.up.last.headBytes.toString(), /^(x-api-key: |authorization: Bearer )sk-up\r$/im);
});

test('a tool call and its result', async () => {
  context.up.always(anthropicTurn(bash));
  assertRan(await run(context, 'run the tool'), new RegExp(FINISHED));
  const bodies = context.up.requests.map((request) => request.body.toString());
  assert.ok(bodies.some((body) => body.includes('"tool_result"') && body.includes('ROUNDTRIP-42')));
});

test('529, then an answer', async () => {
  context.up.next(overloaded('anthropic')).always(anthropicTurn());
  assertRan(await run(context, 'try again'), new RegExp(FINISHED));
  const statuses = (await rowsOf(context)).map((row) => row.status);
  assert.ok(statuses.includes(529) && statuses.at(-1) === 200);
});

test('a cut stream: it asks again, and gets JSON when it asks without a stream', async () => {
  context.up.next(cutStream(anthropicTurn())).always(anthropicTurn());
  assertRan(await run(context, 'cut'), new RegExp(FINISHED));
  assert.ok(context.up.requests.length >= 2);
  assert.ok((await rowsOf(context)).some((row) => row.end === 'upstream_cut'));
});

test('the demo provider answers it', async () => {
  assertRan(await run(demo, 'say hello'), /\S/);
  const [row] = await demo.lurus.logs(1);
  assert.equal(row.provider, 'demo');
  assert.ok(row.usage.output > 0);
});

test('connect --undo restores the settings', async () => {
  const file = path.join(context.home, '.claude/settings.json');
  assert.match(fs.readFileSync(file, 'utf8'), /ANTHROPIC_BASE_URL/);
  const undone = await context.lurus.cli(['connect', 'claude', '--undo']);
  assert.equal(undone.code, 0, undone.stderr);
  assert.ok(!fs.existsSync(file) || !fs.readFileSync(file, 'utf8').includes('ANTHROPIC_BASE_URL'));
});
