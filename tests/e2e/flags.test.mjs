// /api/v1/flags: what is switched on, where that was said, and what is changed while the server runs.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { configFor, httpGet, KEY, startLurus } from './lib/lurus.mjs';
import { api } from './lib/people.mjs';

let lurus;
const call = (method, target, more = {}) => api(lurus, method, target, { token: fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim(), ...more });
const flag = async (name) => (await call('GET', `/api/v1/flags/${name}`)).body;
const change = (name, value) => call('PATCH', `/api/v1/flags/${name}`, { body: { value } });

before(async () => {
  const config = { ...configFor({ url: 'http://127.0.0.1:9' }, { providers: [{ name: 'demo', kind: 'demo' }] }), log: { bodies_cap: '2KiB', retention_days: 7 }, limits: { key: { rpm: 1000 } } };
  lurus = await startLurus({ config, env: { LURUS_LOG_LEVEL: 'warn' } });
});
after(() => lurus?.close());

/// Whether the bodies of a request are in its trace.
async function keepsBodies() {
  const answer = await httpGet(`${lurus.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'hello' }] }) });
  assert.equal(answer.status, 200, answer.body.toString());
  const trace = await call('GET', `/api/v1/traces/${answer.headers['x-lurus-trace-id']}`);
  return JSON.stringify(trace.body).includes('hello');
}

test('each flag has its value and where that was said', async () => {
  const { data } = (await call('GET', '/api/v1/flags')).body;
  const of = Object.fromEntries(data.map((one) => [one.name, one]));
  assert.ok(data.length > 20);
  for (const one of data) assert.ok(one.description && 'value' in one && 'default' in one && ['reload', 'start'].includes(one.applies), JSON.stringify(one));
  const told = (name) => [of[name].value, of[name].source, of[name].changeable, of[name].pending];
  assert.deepEqual(told('log.bodies'), ['none', 'default', true, null]);
  assert.deepEqual(told('log.bodies_cap'), [2048, 'file', false, null]);
  assert.match(of['log.bodies_cap'].where, /lurus\.toml:\d+:\d+$/);
  assert.deepEqual(told('log.level'), ['warn', 'environment', true, null]);
  assert.equal(of['log.level'].where, 'LURUS_LOG_LEVEL');
  assert.deepEqual(told('limits.key'), [true, 'file', false, null]);
  assert.deepEqual(told('limits.user'), [false, 'default', false, null]);
  assert.deepEqual(of['server.listen'].value, [`127.0.0.1:${lurus.port}`]);
  assert.deepEqual((await call('GET', '/api/v1/flags?source=environment')).body.data.map((one) => one.name), ['log.level']);
  const page = (await call('GET', '/api/v1/flags?limit=2&sort=-name')).body;
  assert.equal(page.data.length, 2);
  assert.ok(page.next && page.data[0].name > page.data[1].name);
  assert.equal((await call('GET', '/api/v1/flags/nothing')).status, 404);
});

test('a change is in force within a second, kept over a restart, in the audit, and taken back', async () => {
  assert.equal(await keepsBodies(), false);
  const changed = await change('log.bodies', 'all');
  assert.deepEqual([changed.status, changed.body.value, changed.body.source], [200, 'all', 'stored'], JSON.stringify(changed.body));
  const until = Date.now() + 1000;
  let kept = await keepsBodies();
  while (!kept && Date.now() < until) (await sleep(20), (kept = await keepsBodies()));
  assert.ok(kept);

  lurus.writeConfig({ ...lurus.config, log: { ...lurus.config.log, bodies: 'errors' } });
  await call('POST', '/api/v1/reload');
  assert.equal((await flag('log.bodies')).value, 'all', 'the stored value wins');
  await lurus.stop();
  await lurus.start();
  assert.deepEqual([(await flag('log.bodies')).value, await keepsBodies()], ['all', true]);

  const versions = (await call('GET', '/api/v1/flags/log.bodies/versions')).body.data;
  assert.deepEqual(versions.map((v) => [v.action, v.before.value, v.after.value]), [['changeFlag', 'none', 'all']]);
  const undone = await call('POST', '/api/v1/flags/log.bodies/undo', { body: {} });
  assert.deepEqual([undone.status, undone.body.value, undone.body.source], [200, 'none', 'stored'], JSON.stringify(undone.body));
  const configured = await change('log.bodies', null);
  assert.deepEqual([configured.body.value, configured.body.source], ['errors', 'file']);
});

test('what is wrong, fixed or unknown is refused and changes nothing', async () => {
  for (const [name, body, status] of [
    ['log.bodies', { value: 'some' }, 400], ['log.bodies', { value: true }, 400], ['log.bodies', { valu: 'all' }, 400], ['log.bodies', { value: 'all', more: 1 }, 400], ['log.bodies', [], 400],
    ['log.level', { value: 'loud' }, 400], ['server.api_rpm', { value: -1 }, 400], ['server.api_rpm', { value: 2_000_000 }, 400], ['server.api_rpm', { value: '7' }, 400],
    ['auth.open_signup', { value: 'yes' }, 400], ['auth.open_signup', { value: true }, 409], ['demo', { value: false }, 409], ['limits.key', { value: false }, 409], ['nothing', { value: 1 }, 404],
  ]) {
    const refused = await call('PATCH', `/api/v1/flags/${name}`, { body });
    assert.equal(refused.status, status, `${name} ${JSON.stringify(body)}: ${JSON.stringify(refused.body)}`);
  }
  assert.equal((await flag('server.api_rpm')).source, 'default');
});

test('a change that waits for the next start says so', async () => {
  lurus.writeConfig({ ...lurus.config, log: { ...lurus.config.log, retention_days: 9 } });
  await call('POST', '/api/v1/reload');
  const waiting = await flag('log.retention_days');
  assert.deepEqual([waiting.value, waiting.pending, waiting.applies], [7, 9, 'start']);
});

test('the rate limit of the API follows its flag, and the command line does the same', async () => {
  const set = await lurus.cli(['config', 'set', 'server.api_rpm', '5']);
  assert.equal(set.code, 0, set.stderr);
  assert.match(set.stdout, /server\.api_rpm is 5/);
  const statuses = [];
  for (let i = 0; i < 12; i += 1) statuses.push((await api(lurus, 'GET', '/api/v1/me', { token: 'wrong' })).status);
  assert.ok(statuses.includes(429), statuses.join());
  const listed = await lurus.cli(['config', 'flags']);
  assert.match(listed.stdout, /server\.api_rpm +5 +stored/);
  assert.equal((await lurus.cli(['config', 'unset', 'server.api_rpm'])).code, 0);
  assert.equal((await flag('server.api_rpm')).value, 3000);
  assert.notEqual((await lurus.cli(['config', 'set', 'log.level', 'loud'])).code, 0);
});
