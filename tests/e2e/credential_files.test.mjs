// Files that providers name: a new content is used without a restart, a useless one leaves the one before in use.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { anthropic, headerOf, json, sse, startUpstream, streamOf } from '../upstream/index.mjs';
import { connectRaw, post, requestBytes } from './lib/raw.mjs';
import { configFor, startLurus, tempFolder } from './lib/lurus.mjs';
import { Authority, replaceFile } from './lib/certificates.mjs';
import { health, healthy, told, until } from './lib/until.mjs';

let up, folder;
before(async () => {
  up = await startUpstream();
  folder = tempFolder('lurus-e2e-credentials-');
});
after(async () => {
  await up?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});


/// The key that the vendor gets.
async function keySent(lurus, model = 'claude-1') {
  const answer = await post(lurus, '/v1/messages', anthropic.request(false, { model }));
  assert.equal(answer.status, 200, `${answer.body}`);
  return headerOf(up.last.headers, 'x-api-key');
}

async function changesOf(lurus, file, model) {
  assert.equal(await keySent(lurus, model), 'sk-first');
  fs.writeFileSync(file, 'sk-second\n');
  await until('the second key', async () => (await keySent(lurus, model)) === 'sk-second');
  for (const [spoil, says] of [
    [() => fs.writeFileSync(file, ''), /is empty; the key that it held before is used/],
    [() => fs.writeFileSync(file, ' \n'), /is empty/],
    [() => fs.writeFileSync(file, 'two\nlines\n'), /holds spaces or control characters/],
    [() => fs.rmSync(file), /does not exist/],
    [() => { fs.rmSync(file); fs.mkdirSync(file); }, /is a folder/],
  ]) {
    spoil();
    await told(lurus, says);
    assert.equal(await keySent(lurus, model), 'sk-second');
    const reloads = () => lurus.output.split('configuration reloaded').length;
    const before = reloads();
    await lurus.reload();
    await until('the reload', async () => reloads() > before);
    assert.equal(await keySent(lurus, model), 'sk-second', 'after a reload');
    assert.match(lurus.output, says);
    const { stdout } = await lurus.cli(['doctor', '--json']);
    assert.ok(stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).some((f) => f.check === 'files' && f.level === 'broken' && says.test(f.detail)), stdout);
    fs.rmSync(file, { recursive: true, force: true });
    fs.writeFileSync(file, 'sk-second');
    await healthy(lurus);
  }
  const link = `${file}.target`;
  fs.writeFileSync(link, 'sk-third');
  fs.rmSync(file);
  fs.symlinkSync(path.basename(link), file);
  await until('the third key', async () => (await keySent(lurus, model)) === 'sk-third');
  for (const secret of ['sk-first', 'sk-second', 'sk-third']) assert.equal(lurus.output.includes(secret), false, 'a key is in the log');
}

test('api_key_file of the configuration', async () => {
  up.clear().always(() => json(anthropic.json));
  const file = path.join(folder, 'configured.key');
  fs.writeFileSync(file, 'sk-first\n', { mode: 0o600 });
  const lurus = await startLurus({ config: configFor(up, { providers: [{ name: 'ant', kind: 'anthropic', base_url: up.url, api_key_file: file, models: ['*'] }] }) });
  try {
    await changesOf(lurus, file, 'claude-1');
  } finally {
    await lurus.close();
  }
});

test('api_key_file of a stored provider', async () => {
  up.clear().always(() => json(anthropic.json));
  const file = path.join(folder, 'stored.key');
  fs.writeFileSync(file, 'sk-first\n', { mode: 0o600 });
  const lurus = await startLurus({ config: configFor(up) });
  try {
    const added = await lurus.cli(['provider', 'add', 'kept', '--kind', 'anthropic', '--base-url', up.url, '--api-key-file', file, '--model', 'stored-*', '--no-check']);
    assert.equal(added.code, 0, added.stderr);
    await changesOf(lurus, file, 'stored-1');
  } finally {
    await lurus.close();
  }
});

test('a stream in flight goes on while the key changes', async () => {
  up.clear().always(() => json(anthropic.json));
  const file = path.join(folder, 'streamed.key');
  fs.writeFileSync(file, 'sk-first\n', { mode: 0o600 });
  const lurus = await startLurus({ config: configFor(up, { providers: [{ name: 'ant', kind: 'anthropic', base_url: up.url, api_key_file: file, models: ['*'] }] }) });
  try {
    up.next(sse(streamOf(anthropic), { split: 40, gap: 100 }));
    const client = await connectRaw(lurus);
    await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
    await until('the request', async () => up.requests.length > 0);
    fs.writeFileSync(file, 'sk-second\n');
    await until('the second key', async () => (await keySent(lurus)) === 'sk-second');
    assert.equal((await client.answer(1)).body.toString(), streamOf(anthropic));
    client.close();
  } finally {
    await lurus.close();
  }
});

test('a file that is useless at the start is used when it has a key', async () => {
  up.clear().always(() => json(anthropic.json));
  const file = path.join(folder, 'late.key');
  const lurus = await startLurus({ config: configFor(up, { providers: [{ name: 'ant', kind: 'anthropic', base_url: up.url, api_key_file: file, models: ['*'] }] }) });
  try {
    assert.notEqual((await post(lurus, '/v1/messages', anthropic.request(false))).status, 200);
    fs.writeFileSync(file, 'sk-late', { mode: 0o600 });
    await until('the key', async () => (await post(lurus, '/v1/messages', anthropic.request(false))).status === 200);
    assert.equal(await keySent(lurus), 'sk-late');
  } finally {
    await lurus.close();
  }
});

test("ca_file: a vendor's new authority is known without a restart", async () => {
  const [first, second] = [new Authority(folder, 'First'), new Authority(folder, 'Second')];
  const vendors = [];
  for (const authority of [first, second]) {
    const { certificate, key } = authority.issue();
    const vendor = await startUpstream({ tls: { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) } });
    vendor.always(() => json(anthropic.json));
    vendors.push(vendor);
  }
  const file = path.join(folder, 'roots.pem');
  fs.copyFileSync(first.certificate, file);
  const provider = (name, vendor) => ({ name, kind: 'anthropic', base_url: vendor.url, api_key: 'k', models: [`${name}-*`], ca_file: file });
  const lurus = await startLurus({ config: configFor(up, { providers: [provider('first', vendors[0]), provider('second', vendors[1])] }) });
  const status = async (name) => (await post(lurus, '/v1/messages', anthropic.request(false, { model: `${name}-1` }))).status;
  try {
    assert.deepEqual([await status('first'), await status('second')], [200, 502]);
    replaceFile(file, second.certificate);
    await until('the second authority', async () => (await status('second')) === 200);
    await until('the end of the first', async () => (await status('first')) === 502);
    fs.writeFileSync(file, '');
    await told(lurus, /roots\.pem is empty; the roots that it held before are used/);
    assert.deepEqual([await status('first'), await status('second')], [502, 200]);
    fs.writeFileSync(file, second.pem.slice(0, 200));
    await told(lurus, /damaged or cut short/);
    fs.writeFileSync(file, first.pem + second.pem);
    await healthy(lurus);
    assert.deepEqual([await status('first'), await status('second')], [200, 200]);
  } finally {
    await lurus.close();
    for (const vendor of vendors) await vendor.close();
  }
});
