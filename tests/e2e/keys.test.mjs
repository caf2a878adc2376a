// Keys: wrong, missing, expired, disabled, limited; made and revoked while the server runs.
import test from 'node:test';
import assert from 'node:assert/strict';
import { DIALECTS, anthropic, chat, gemini, json, headerOf } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { ask, jsonOf, post } from './lib/raw.mjs';
import { KEY, configFor, httpGet, startLurus } from './lib/lurus.mjs';

const value = (name) => `cr_${name}_${'0'.repeat(24)}`;
const context = gateway({ keys: [
  { name: 'e2e', value: KEY },
  { name: 'disabled', value: value('disabled'), disabled: true },
  { name: 'limited', value: value('limited'), models: ['claude-*'] },
  { name: 'claude-only', value: value('dialect'), dialects: ['claude'] },
] });

const wrong = (dialect, headers) => post(context.lurus, dialect.target(false), dialect.request(false), { key: null, headers });

for (const dialect of DIALECTS) {
  test(`${dialect.name}: no key, a wrong key and a malformed one are 401 in the dialect's shape, never upstream`, async () => {
    const { up } = context;
    up.always(json(dialect.json));
    const attempts = [[], [['Authorization', 'Bearer cr_wrong']], [['Authorization', `Basic ${Buffer.from(KEY).toString('base64')}`]], [['Authorization', KEY.slice(0, -1)]],
      [['x-api-key', '']], [['x-api-key', `${KEY}x`]], [['x-goog-api-key', 'AIza']], [['Authorization', `Bearer ${'x'.repeat(5000)}`]]];
    for (const headers of attempts) {
      const text = assertError(dialect, await wrong(dialect, headers), 401, /key/i);
      assert.ok(!text.includes(KEY));
    }
    assertError(dialect, await wrong(dialect, [['Authorization', `Bearer ${value('disabled')}`]]), 401, /disabled/i);
    assert.equal(up.requests.length, 0);
  });
}

test('an expired key is 401 and says so', async () => {
  const { lurus } = context;
  const made = await lurus.cli(['key', 'create', '--name', 'short-lived', '--expires', '2020-01-01T00:00:00Z', '--json']);
  if (made.code !== 0) {
    assert.match(made.stderr + made.stdout, /past|expire/i); // refusing a date in the past is as good
    return;
  }
  const answer = await wrong(anthropic, [['x-api-key', JSON.parse(made.stdout).key]]);
  assertError(anthropic, answer, 401, /expired/i);
});

test('a key limited to models or dialects is told what it may not do', async () => {
  const { up } = context;
  up.always((request) => json(request.target.includes('messages') ? anthropic.json : chat.json));
  const limited = [['Authorization', `Bearer ${value('limited')}`]];
  assert.equal((await wrong(anthropic, limited)).status, 200);
  assertError(chat, await wrong(chat, limited), 403, /gpt-5-mini/);
  const claude = [['Authorization', `Bearer ${value('dialect')}`]];
  assert.equal((await wrong(anthropic, claude)).status, 200);
  assertError(chat, await wrong(chat, claude), 403);
  assertError(gemini, await wrong(gemini, claude), 403);
});

test('a key made by the CLI works at once, is shown once, and stops when revoked', async () => {
  const { up, lurus } = context;
  up.always(json(anthropic.json));
  const made = await lurus.cli(['key', 'create', '--name', 'laptop', '--json']);
  assert.equal(made.code, 0, made.stderr);
  const { key } = JSON.parse(made.stdout);
  assert.match(key, /^cr_[A-Za-z0-9_-]{20,}$/);
  assert.equal((await wrong(anthropic, [['x-api-key', key]])).status, 200);
  const list = await lurus.cli(['key', 'list', '--json']);
  assert.equal(list.code, 0, list.stderr);
  assert.match(list.stdout, /laptop/);
  assert.ok(!list.stdout.includes(key), 'the key is shown again');
  const revoked = await lurus.cli(['key', 'revoke', 'laptop']);
  assert.equal(revoked.code, 0, revoked.stderr + revoked.stdout);
  assertError(anthropic, await wrong(anthropic, [['x-api-key', key]]), 401);
});

test('the row names the key, never its value', async () => {
  const { up, lurus } = context;
  up.next(json(anthropic.json));
  const answer = await post(lurus, '/v1/messages', anthropic.request(false));
  const row = await lurus.row(answer.trace);
  assert.equal(row.key, 'e2e');
  assert.ok(!JSON.stringify(row).includes(KEY));
  assert.ok(!lurus.output.includes(KEY), "the key is in the process's log");
});

test('keys are stored as hashes only', async () => {
  const { lurus } = context;
  const fs = await import('node:fs');
  const path = await import('node:path');
  const made = JSON.parse((await lurus.cli(['key', 'create', '--name', 'hashed', '--json'])).stdout);
  for (const file of fs.readdirSync(lurus.dataDir)) {
    const full = path.join(lurus.dataDir, file);
    if (fs.statSync(full).isFile()) assert.equal(fs.readFileSync(full).indexOf(made.key), -1, `${file} holds the key`);
  }
});

test('open = true on loopback serves without a key, and a wrong key is then no obstacle', async () => {
  const { up } = context;
  const open = await startLurus({ config: configFor(up, { server: { open: true } }) });
  try {
    up.always(json(anthropic.json));
    assert.equal((await post(open, '/v1/messages', anthropic.request(false), { key: null, host: 'localhost' })).status, 200);
    const row = (await open.logs(1))[0];
    assert.ok(row.key === null || row.key === '');
    assert.equal((await post(open, '/v1/messages', anthropic.request(false))).status, 200);
    assert.equal((await open.logs(1))[0].key, 'e2e');
  } finally {
    await open.close();
  }
});

test('open = true on another address is refused at start', async () => {
  const { up } = context;
  const config = configFor(up, { server: { open: true, listen: '0.0.0.0:0' } });
  await assert.rejects(startLurus({ config, url: 'http://127.0.0.1:1' }), /open|loopback/i);
});

test('the management API wants its own token', async () => {
  const { lurus } = context;
  for (const headers of [{}, { authorization: `Bearer ${KEY}` }, { authorization: 'Bearer wrong' }]) {
    const answer = await httpGet(`${lurus.url}/api/v1/keys`, { headers });
    assert.equal(answer.status, 401);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  }
});

test('GET /v1/models needs a key too, and lists what this key may use', async () => {
  const { lurus } = context;
  assert.equal((await ask(lurus, 'GET', '/v1/models', { key: null })).status, 401);
  const answer = await ask(lurus, 'GET', '/v1/models');
  assert.equal(answer.status, 200);
  assert.ok(Array.isArray(jsonOf(answer).data));
  assert.equal(headerOf(answer.headers, 'content-type'), 'application/json');
});
