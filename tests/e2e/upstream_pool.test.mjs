// Connections to vendors are kept by where they go: what else changes while the server runs does not end them.
import test, { before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { chat, json, startUpstream } from '../upstream/index.mjs';
import { post } from './lib/raw.mjs';
import { api } from './lib/people.mjs';
import { configFor, PATIENCE, startLurus, tempFolder } from './lib/lurus.mjs';

let up, other, secure, lurus, folder;
const certificate = (name) => path.join(folder, name);
const call = (method, target, body) => api(lurus, method, target, { token: fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim(), body });
const provider = (name, base_url, more = {}) => ({ name, kind: 'openai', base_url: `${base_url}/v1`, api_key: `sk-${name}`, models: [`${name}*`], ...more });
const ask = async (model) => {
  const answer = await post(lurus, '/v1/chat/completions', chat.request(false, { model }));
  return [answer.status, answer.body.toString()];
};

/// Declares these providers besides the one that all tests use, and waits until the last of them answers.
async function declare(...more) {
  const mark = `mark${++declare.count}`;
  lurus.writeConfig({ ...lurus.config, provider: [provider('main', up.url), ...more, provider(mark, other.url)] });
  assert.equal((await call('POST', '/api/v1/reload')).status, 200);
  for (const until = Date.now() + 5000 * PATIENCE; (await ask(mark))[0] !== 200; await sleep(20)) assert.ok(Date.now() < until, 'the new provider never answered');
}
declare.count = 0;

before(async () => {
  folder = tempFolder();
  const keyFile = certificate('key.pem');
  const subject = ['-x509', '-key', keyFile, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', keyFile], { stdio: 'pipe' });
  execFileSync('openssl', ['req', ...subject, '-out', certificate('ca.pem')], { stdio: 'pipe' });
  fs.copyFileSync(certificate('ca.pem'), certificate('ca-too.pem'));
  [up, other] = [await startUpstream(), await startUpstream()];
  secure = await startUpstream({ tls: { key: fs.readFileSync(keyFile), cert: fs.readFileSync(certificate('ca.pem')) } });
  lurus = await startLurus({ config: configFor(up, { server: { threads: 1 }, providers: [provider('main', up.url)] }) });
});
beforeEach(() => [up, other, secure].forEach((one) => one.always(json(chat.json))));
after(async () => {
  try {
    await lurus?.close();
  } finally {
    for (const one of [up, other, secure]) await one?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test('a flag, a key and an unrelated provider change nothing of an idle connection', async () => {
  assert.deepEqual(await ask('main'), [200, chat.json]);
  const { connections } = up;
  assert.equal((await call('PATCH', '/api/v1/flags/log.bodies', { value: 'errors' })).status, 200);
  assert.equal((await call('POST', '/api/v1/keys', { name: 'one-more' })).status, 201);
  assert.deepEqual(await ask('main'), [200, chat.json]);
  await declare();
  assert.deepEqual(await ask('main'), [200, chat.json]);
  await declare(provider('new', other.url));
  assert.deepEqual(await ask('main'), [200, chat.json]);
  assert.equal(up.connections, connections, 'no second connection');
});

test('accounts at one address share its connections', async () => {
  await declare(provider('twin', up.url));
  assert.deepEqual(await ask('main'), [200, chat.json]);
  const { connections } = up;
  assert.deepEqual(await ask('twin'), [200, chat.json]);
  assert.deepEqual(await ask('main'), [200, chat.json]);
  assert.equal(up.connections, connections);
});

test("a provider's new address leaves no connection to the old one", async () => {
  const old = await startUpstream();
  try {
    old.always(json(chat.json));
    await declare(provider('moved', old.url));
    assert.deepEqual(await ask('moved'), [200, chat.json]);
    assert.equal(old.openConnections, 1);
    const before = other.requests.length;
    await declare(provider('moved', other.url));
    assert.deepEqual(await ask('moved'), [200, chat.json]);
    assert.ok(other.requests.slice(before).some((request) => request.body.toString().includes('"moved"')));
    for (let i = 0; i < 100 * PATIENCE && old.openConnections > 0; i++) await sleep(20);
    assert.equal(old.openConnections, 0, 'the idle connection was closed');
    assert.equal(old.requests.length, 1);
  } finally {
    await old.close();
  }
});

test('an answer that began before its address went is finished, and its connection is not kept', async () => {
  const old = await startUpstream();
  try {
    let release;
    old.always(async () => {
      await new Promise((resolve) => (release = resolve));
      return json(chat.json);
    });
    await declare(provider('slow', old.url));
    const answer = ask('slow');
    for (let i = 0; i < 250 * PATIENCE && !release; i++) await sleep(20);
    await declare();
    release();
    assert.deepEqual(await answer, [200, chat.json]);
    for (let i = 0; i < 100 * PATIENCE && old.openConnections > 0; i++) await sleep(20);
    assert.equal(old.openConnections, 0);
  } finally {
    await old.close();
  }
});

test('other trust is another destination', async () => {
  const secured = (more) => provider('secured', secure.url, more);
  await declare(secured({ ca_file: certificate('ca.pem') }));
  assert.deepEqual(await ask('secured'), [200, chat.json]);
  assert.deepEqual(await ask('secured'), [200, chat.json]);
  assert.equal(secure.connections, 1);
  await declare(secured({ ca_file: certificate('ca.pem'), first_byte_timeout: '1m' }));
  assert.deepEqual(await ask('secured'), [200, chat.json]);
  assert.equal(secure.connections, 1, 'another timeout is no other destination');
  const more = certificate('ca-too.pem');
  fs.appendFileSync(more, '# the roots are told apart by what the file holds\n');
  await declare(secured({ ca_file: more }));
  assert.deepEqual(await ask('secured'), [200, chat.json]);
  assert.equal(secure.connections, 2, 'other roots are');
  await declare(secured());
  assert.equal((await ask('secured'))[0], 502, 'a connection made with roots that are not trusted any more is not used');
});
