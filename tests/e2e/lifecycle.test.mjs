// Starting, reloading, draining, ending.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, chat, json, sse, startUpstream, streamOf } from '../upstream/index.mjs';
import { connectRaw, header, post, requestBytes } from './lib/raw.mjs';
import { KEY, Lurus, configFor, httpGet, modeOf, startLurus, tempFolder } from './lib/lurus.mjs';

async function withBoth(run, options = {}) {
  const up = await startUpstream();
  let lurus;
  try {
    lurus = await startLurus({ config: configFor(up, options) });
    await run({ up, lurus });
  } finally {
    if (lurus?.process) await lurus.close();
    else if (lurus) fs.rmSync(lurus.folder, { recursive: true, force: true });
    await up.close();
  }
}

const changed = async (condition, what, ms = 5000) => {
  const until = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`${what} did not happen in ${ms} ms`);
    await sleep(50);
  }
};

async function openStream(up, lurus, gapMs) {
  up.next(sse('', { pieces: [anthropic.events.slice(0, 4).join(''), gapMs, anthropic.events.slice(4).join('')] }));
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
  await client.until(() => client.answers.length && client.bodySoFar().length > 100, 'the stream');
  return client;
}

test('asked to stop: a stream in flight ends well, new connections are refused, exit 0', () => withBoth(async ({ up, lurus }) => {
  const client = await openStream(up, lurus, 800);
  const idle = await connectRaw(lurus);
  const ending = lurus.stop();
  await sleep(200);
  await assert.rejects(connectRaw(lurus).then(async (late) => {
    await late.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(false) }));
    const answer = await late.answer(1, 1000);
    if (answer.status !== 503) assert.fail(`a new request got ${answer.status}`);
    throw new Error('503 is fine');
  }));
  const answer = await client.answer();
  assert.equal(answer.body.toString(), streamOf(anthropic));
  const how = await ending;
  assert.equal(how.code, 0, lurus.output);
  await idle.closed(1000);
  const rows = await lurus.logs(10);
  assert.equal(rows.find((row) => row.trace_id === header(answer, 'x-lurus-trace-id')).end, 'complete');
}));

test('SIGINT does the same as SIGTERM', () => withBoth(async ({ up, lurus }) => {
  const client = await openStream(up, lurus, 300);
  const how = await lurus.stop({ signal: 'SIGINT' });
  assert.equal(how.code, 0);
  assert.equal((await client.answer()).body.toString(), streamOf(anthropic));
}));

test('a second signal ends it at once', () => withBoth(async ({ up, lurus }) => {
  const client = await openStream(up, lurus, 20_000);
  const started = Date.now();
  const first = lurus.stop({ ms: 10_000 });
  await sleep(300);
  assert.equal(lurus.process.exitCode, null, 'it did not wait for the stream');
  await Promise.all([first, lurus.stop({ ms: 3000 })]);
  assert.ok(Date.now() - started < 3000);
  await client.closed(1000);
}));

test('the drain timeout ends what does not end', () => withBoth(async ({ up, lurus }) => {
  const client = await openStream(up, lurus, 60_000);
  const trace = header(client.answers[0], 'x-lurus-trace-id');
  const how = await lurus.stop({ ms: 6000 });
  assert.ok(how.ms > 500 && how.ms < 5000, `${how.ms} ms`);
  await client.closed(1000);
  const row = (await lurus.logs(5)).find((one) => one.trace_id === trace);
  assert.ok(row, 'the request that was cut has no record');
  assert.notEqual(row.end, 'complete');
}, { server: { drain_timeout: '1s' } }));

test('an idle server ends within a second', () => withBoth(async ({ up, lurus }) => {
  up.next(json(chat.json));
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', '/v1/chat/completions', { body: chat.request(false) }));
  await client.answer();
  const how = await lurus.stop();
  assert.equal(how.code, 0);
  assert.ok(how.ms < 1500, `${how.ms} ms with only idle connections`);
}));

test('hot reload: a route and a key are there when the file changes, and on a reload', () => withBoth(async ({ up, lurus }) => {
  up.always(json(anthropic.json));
  const ask = (more, key) => post(lurus, '/v1/messages', anthropic.request(false, more), key ? { key } : {});
  const base = structuredClone(lurus.config);
  lurus.writeConfig({ ...base, route: [{ model: 'new-route', to: ['ant/claude-mapped'] }] });
  await changed(async () => {
    await ask({ model: 'new-route' });
    return JSON.parse(up.last.body).model === 'claude-mapped';
  }, 'the new route');
  const second = 'cr_second_000000000000000000000000';
  assert.equal((await ask({}, second)).status, 401);
  lurus.writeConfig({ ...base, key: [...base.key, { name: 'second', value: second }] });
  await lurus.reload();
  await changed(async () => (await ask({}, second)).status === 200, 'the new key');
  lurus.writeConfig(base);
  await changed(async () => (await ask({}, second)).status === 401, 'the end of the key');
}));

test('hot reload: a stream in flight is not touched', () => withBoth(async ({ up, lurus }) => {
  const client = await openStream(up, lurus, 1200);
  lurus.writeConfig({ ...lurus.config, provider: [lurus.config.provider[1]] });
  await lurus.reload();
  assert.equal((await client.answer()).body.toString(), streamOf(anthropic));
  client.close();
}));

test('a bad file is refused with line and column, the old configuration goes on', () => withBoth(async ({ up, lurus }) => {
  up.always(json(anthropic.json));
  const good = fs.readFileSync(lurus.configFile, 'utf8');
  for (const bad of [`${good}\n[server\n`, good.replace('threads = 2', 'threads = "two"'), `${good}\nno_such_section = 1\n`]) {
    const before = lurus.output.length;
    fs.writeFileSync(lurus.configFile, bad);
    await lurus.reload();
    await changed(async () => /lurus\.toml:\d+:\d+/.test(lurus.output.slice(before)), 'the complaint with line and column');
    assert.equal((await post(lurus, '/v1/messages', anthropic.request(false))).status, 200);
    assert.equal((await httpGet(`${lurus.url}/ready`)).status, 200);
  }
  fs.writeFileSync(lurus.configFile, good);
}));

test('a file replaced by rename, as editors do, is noticed', () => withBoth(async ({ up, lurus }) => {
  up.always(json(anthropic.json));
  const second = 'cr_renamed_00000000000000000000000';
  const next = new Lurus({ config: { ...lurus.config, key: [...lurus.config.key, { name: 'renamed', value: second }] }, dataDir: lurus.folder });
  next.configFile = path.join(lurus.folder, '.lurus.toml.swp');
  next.writeConfig();
  fs.renameSync(next.configFile, lurus.configFile);
  await changed(async () => (await post(lurus, '/v1/messages', anthropic.request(false), { key: second })).status === 200, 'the new key', 8000);
}));

test('a bad configuration at start is exit code not 0, with line and column', async () => {
  const lurus = new Lurus({ config: `[server]\nlisten = "127.0.0.1:0"\nthreads = -4\n` });
  try {
    await lurus.start({ waitReady: false });
    const how = await lurus.exited;
    lurus.process = null;
    assert.notEqual(how.code, 0);
    assert.match(lurus.output, /lurus\.toml:3:\d+/);
    const check = await lurus.cli(['config', 'check']);
    assert.notEqual(check.code, 0);
    assert.match(check.stderr + check.stdout, /:3:\d+/);
  } finally {
    await lurus.close();
  }
});

test('two servers on one data folder: the second says so', () => withBoth(async ({ lurus }) => {
  const second = new Lurus({ config: structuredClone(lurus.config), dataDir: lurus.folder });
  second.config.server.listen = '127.0.0.1:0';
  second.configFile = path.join(lurus.folder, 'second.toml');
  await second.start({ waitReady: false });
  const how = await second.exited;
  assert.notEqual(how.code, 0);
  assert.match(second.output, /data|lock|running/i);
}));

test('the folder is private, and a server with no configuration at all starts with the demo', async () => {
  const folder = tempFolder();
  const lurus = new Lurus({ dataDir: folder, listen: '127.0.0.1:0' });
  try {
    await lurus.start({ waitReady: false });
    await changed(async () => /127\.0\.0\.1:(\d+)/.test(lurus.output) && / usage/.test(lurus.output), 'the address and the first key', 8000);
    lurus.port = Number(/127\.0\.0\.1:(\d+)/.exec(lurus.output)[1]);
    const key = fs.readFileSync(path.join(lurus.dataDir, 'first-key.txt'), 'utf8').trim();
    assert.match(key, /^cr_[\w-]{20,}$/);
    assert.match(lurus.output, /curl|Invoke-RestMethod/);
    const answer = await post(lurus, '/v1/messages', anthropic.request(true), { key });
    assert.equal(answer.status, 200, answer.body.toString());
    assert.match(answer.body.toString(), /message_stop/);
    assert.equal(modeOf(lurus.dataDir) & 0o077, 0, 'others may look into the data folder');
    for (const file of fs.readdirSync(lurus.dataDir)) {
      if (/key|token/.test(file)) assert.equal(modeOf(path.join(lurus.dataDir, file)) & 0o077, 0, file);
    }
    assert.equal((await lurus.stop()).code, 0);
    assert.notEqual(KEY, key);
  } finally {
    if (lurus.process) await lurus.kill9();
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
