// Requests that are refused before a model is asked leave a record that their answer's id finds, so many a minute; and
// of several credentials the one that is ours counts.
import test from 'node:test';
import assert from 'node:assert/strict';
import { DIALECTS, json } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { ask, connectRaw, header, post } from './lib/raw.mjs';
import { KEY, configFor, httpGet, startLurus } from './lib/lurus.mjs';

const disabled = 'cr_disabled_0123456789abcdef01234567';
const context = gateway({ server: { max_body: 300_000, header_timeout: '500ms' }, log: { refused_per_minute: 100 }, keys: [{ name: 'e2e', value: KEY }, { name: 'off', value: disabled, disabled: true }] });

test('each refusal is found by the id that its answer names, and counted by path and reason', async () => {
  const { up, lurus } = context;
  const cases = [
    ['unknown', 'unknown_path', 404, () => ask(lurus, 'GET', '/v1/nowhere', { headers: [['User-Agent', 'probe/1']] })],
    ['anthropic', 'wrong_method', 405, () => ask(lurus, 'PUT', '/v1/messages', { body: '{}' })],
    ['chat.completions', 'unknown_key', 401, () => post(lurus, '/v1/chat/completions', '{}', { key: 'cr_wrong' })],
    ['messages', 'no_key', 401, () => post(lurus, '/v1/messages', '{}', { key: null })],
    ['chat.completions', 'disabled_key', 401, () => post(lurus, '/v1/chat/completions', '{}', { key: disabled })],
    ['chat.completions', 'body_too_large', 413, () => post(lurus, '/v1/chat/completions', 'x'.repeat(400_000))],
    ['own', 'wrong_method', 405, () => ask(lurus, 'POST', '/health', { body: '{}' })],
    ['none', 'bad_head', 400, async () => {
      const client = await connectRaw(lurus);
      await client.write('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
      const answer = await client.answer();
      client.close();
      return { ...answer, trace: header(answer, 'x-lurus-trace-id') };
    }],
  ];
  for (const [place, reason, status, send] of cases) {
    const answer = await send();
    assert.equal(answer.status, status, `${place} ${reason}: ${answer.body}`);
    const row = await lurus.row(answer.trace);
    assert.equal(row.status, status);
    assert.equal(row.end, 'error');
    assert.match(row.error, /; from 127\.0\.0\.1$/);
    const metrics = (await httpGet(`${lurus.url}/metrics`)).body.toString();
    assert.match(metrics, new RegExp(`gateway_refused_total\\{path="${place}",reason="${reason}",recorded="true"\\} 1\\n`));
  }
  const rows = await lurus.logs(100);
  assert.equal(rows.find((row) => row.client === 'probe/1').operation, 'unknown');
  assert.equal(rows.find((row) => row.error.includes('disabled')).key, 'off');
  assert.ok(!rows.some((row) => row.error.includes('cr_wrong')), 'a key is in the log');
  assert.equal(up.requests.length, 0);
});

test('an address that causes many is counted beyond, and its next record says how many there were', async () => {
  const lurus = await startLurus({ config: configFor(context.up, { log: { refused_per_minute: 3 } }) });
  try {
    for (let n = 0; n < 10; ++n) assert.equal((await ask(lurus, 'GET', '/v1/nowhere')).status, 404);
    assert.equal((await lurus.logs(100)).length, 3);
    const metrics = (await httpGet(`${lurus.url}/metrics`)).body.toString();
    assert.match(metrics, /gateway_refused_total\{path="unknown",reason="unknown_path",recorded="true"\} 3\n/);
    assert.match(metrics, /gateway_refused_total\{path="unknown",reason="unknown_path",recorded="false"\} 7\n/);
  } finally {
    await lurus.close();
  }
});

for (const dialect of DIALECTS) {
  test(`${dialect.name}: of several credentials the one that is ours counts, and none goes on`, async () => {
    const { up, lurus } = context;
    const stale = 'sk-ant-stale-0123456789';
    const basic = `Basic ${Buffer.from(`user:${stale}`).toString('base64')}`;
    const target = dialect.target(false);
    const cases = [
      [target, [['x-api-key', stale], ['Authorization', `Bearer ${KEY}`]]],
      [target, [['Authorization', `Bearer ${stale}`], ['x-goog-api-key', KEY]]],
      [target, [['x-api-key', stale], ['x-api-key', disabled], ['api-key', KEY]]],
      [target, [['Authorization', basic], ['x-goog-api-key', KEY]]],
      [`${target}${target.includes('?') ? '&' : '?'}key=${stale}&api-key=${KEY}`, [['x-api-key', stale]]],
      [`${target}${target.includes('?') ? '&' : '?'}%6bey=${KEY}`, [['Authorization', `Bearer ${stale}`]]],
    ];
    for (const [path, credentials] of cases) {
      up.next(json(dialect.json));
      const others = (dialect.headers ?? []).filter(([name]) => !/api-key|authorization/i.test(name));
      const answer = await post(lurus, path, dialect.request(false), { headers: [...others, ...credentials], key: null });
      assert.equal(answer.status, 200, `${path} ${JSON.stringify(credentials)}: ${answer.body}`);
      const sent = `${up.last.target} ${JSON.stringify(up.last.headers)}`;
      for (const secret of [stale, KEY, disabled, basic]) assert.ok(!sent.includes(secret), sent);
    }
  });
}
