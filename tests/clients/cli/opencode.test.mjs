// opencode, through the Anthropic, OpenAI and Google providers of its own.
import test from 'node:test';
import assert from 'node:assert/strict';
import { assertRan, assertRow, connected, rowsOf, runClient } from '../lib/cli.mjs';
import { FINISHED, TOOL_COMMAND, USAGE, anthropicTurn, geminiTurn, overloaded, responsesTurn } from '../lib/vendor.mjs';

const context = connected('opencode', (up) => [
  { name: 'ant', kind: 'anthropic', base_url: up.url, api_key: 'sk-up', models: ['claude-*'] },
  { name: 'oai', kind: 'openai', base_url: `${up.url}/v1`, api_key: 'sk-up', models: ['gpt-*'] },
  { name: 'gem', kind: 'gemini', base_url: up.url, api_key: 'sk-up', models: ['gemini-*'] },
]);
const demo = connected('opencode', () => [{ name: 'demo', kind: 'demo' }]);
const bash = { name: 'bash', input: { command: TOOL_COMMAND, description: 'Echo a marker' } };
const turn = (tool) => (request) => (request.target.includes('/messages') ? anthropicTurn(tool) : request.target.includes('/responses') ? responsesTurn(tool) : geminiTurn(tool))(request);
const run = (where, model, prompt) => runClient(where, 'opencode', ['run', '-m', model, prompt],
  { OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1' });

for (const [model, dialect] of [['anthropic/claude-sonnet-4-5', 'anthropic'], ['openai/gpt-5', 'openai-responses'], ['google/gemini-2.5-pro', 'gemini']]) {
  test(`${dialect}: one prompt with a tool call and its result`, async () => {
    context.up.always(turn(bash));
    assertRan(await run(context, model, 'run the tool'), new RegExp(FINISHED));
    assert.ok(context.up.requests.some((request) => request.body.includes('ROUNDTRIP-42')));
    const rows = await rowsOf(context, (row) => row.dialect === dialect && row.usage.output !== null);
    assert.ok(rows.length >= 2);
    rows.forEach((row) => assertRow(row, { dialect, client: /opencode/, usage: USAGE }));
  });
}

test('529, then an answer', async () => {
  context.up.next(overloaded('anthropic')).always(turn());
  assertRan(await run(context, 'anthropic/claude-sonnet-4-5', 'try again'), new RegExp(FINISHED));
  assert.ok((await rowsOf(context)).some((row) => row.status === 529));
});

test('the demo provider answers it', async () => {
  assertRan(await run(demo, 'anthropic/claude-sonnet-4-5', 'say hello'), /\S/);
  const [row] = await demo.lurus.logs(1);
  assert.equal(row.provider, 'demo');
});
