// Paths as clients' base URLs make them, what must not reach a vendor, and addresses as people paste them.
import test from 'node:test';
import assert from 'node:assert/strict';
import { json, startUpstream, closedPort } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { ask, post } from './lib/raw.mjs';
import { KEY, UPSTREAM_KEY } from './lib/lurus.mjs';

const context = gateway((up) => ({
  providers: [
    { name: 'oai', kind: 'openai', base_url: `${up.url}/v1`, api_key: UPSTREAM_KEY, models: ['*'] },
    { name: 'az', kind: 'azure-openai', base_url: `${up.url}/openai/deployments/x/chat/completions?api-version=2024-10-21`, api_key: 'az-key', models: ['az-*'] },
    { name: 'cf', kind: 'openai-compatible', base_url: `${up.url}/v1/acc/gw/compat/chat/completions`, api_key: 'k', models: ['cf-*'] },
    { name: 'exact', kind: 'openai-compatible', base_url: `${up.url}/custom#`, api_key: 'k', models: ['ex-*'] },
    { name: 'ant', kind: 'anthropic', base_url: `${up.url}/v1/messages`, api_key: UPSTREAM_KEY, models: ['claude-*'] },
    { name: 'gem', kind: 'gemini', base_url: `${up.url}/v1beta/models/gemini-2.5-pro:generateContent`, api_key: UPSTREAM_KEY, models: ['gem*'] },
  ],
  keys: [{ name: 'e2e', value: KEY }, { name: 'some', value: 'cr_some_0123456789abcdef0123456789', models: ['gpt-*'] }],
  routes: [{ model: 'dep', to: ['oai/gpt-mapped'] }],
}));

const chatAnswer = { choices: [{ message: { content: 'x' }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
const chat = (model) => ({ model, messages: [] });

for (const [target, upstream, model] of [
  ['/chat/completions', '/v1/chat/completions', 'gpt-5'],
  ['/v1/v1/chat/completions', '/v1/chat/completions', 'gpt-5'],
  ['//v1/chat/completions', '/v1/chat/completions', 'gpt-5'],
  ['/v1//chat/completions', '/v1/chat/completions', 'gpt-5'],
  ['/v1beta/openai/chat/completions', '/v1/chat/completions', 'gpt-5'],
  ['/openai/v1/chat/completions', '/v1/chat/completions', 'gpt-5'],
  ['/embeddings', '/v1/embeddings', 'gpt-e'],
  ['/rerank', '/v1/rerank', 'gpt-rr'],
  ['/v2/rerank', '/v1/rerank', 'gpt-rr'],
  ['/messages', '/v1/messages', 'claude-x'],
  ['/anthropic/v1/messages?beta=true', '/v1/messages?beta=true', 'claude-x'],
  ['/v1/chat/completions', '/v1/acc/gw/compat/chat/completions', 'cf-m'],
  ['/v1/chat/completions', '/custom/chat/completions', 'ex-m'],
  ['/v1/chat/completions', '/openai/deployments/az-m/chat/completions?api-version=2024-10-21', 'az-m'],
  ['/gemini/v1beta/models/gem-x:generateContent', '/v1beta/models/gem-x:generateContent', undefined],
  ['/models/gem-x:generateContent', '/v1beta/models/gem-x:generateContent', undefined],
]) {
  test(`POST ${target} reaches ${upstream}`, async () => {
    const { up, lurus } = context;
    up.next(json(chatAnswer));
    const answer = await post(lurus, target, model ? chat(model) : { contents: [] });
    assert.equal(answer.status, 200, answer.body.toString());
    assert.equal(up.last.target, upstream);
    assert.equal((await lurus.row(answer.trace)).model, model ?? 'gem-x');
  });
}

test("Azure's path names the model; the body is made to say the same where that counts", async () => {
  const { up, lurus } = context;
  up.always(json(chatAnswer));
  const path = (model) => `/openai/deployments/${model}/chat/completions?api-version=2024-02-01`;
  const plain = await post(lurus, path('gpt-4o'), '{ "messages": [] }');
  assert.equal(plain.status, 200, plain.body.toString());
  assert.equal(up.last.target, '/v1/chat/completions');
  assert.equal(up.last.body.toString(), '{"model":"gpt-4o", "messages": [] }');
  await post(lurus, path('dep'), '{"messages":[],"model":"something"}');
  assert.equal(up.last.body.toString(), '{"messages":[],"model":"gpt-mapped"}');
  await post(lurus, path('gpt-4o'), '{}');
  assert.equal(up.last.body.toString(), '{"model":"gpt-4o"}');
  await post(lurus, path('az-m'), '{"messages":[]}');
  assert.equal(up.last.target, '/openai/deployments/az-m/chat/completions?api-version=2024-10-21');
  assert.equal(up.last.body.toString(), '{"messages":[]}');
  const form = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n';
  await post(lurus, '/openai/deployments/gpt-w/audio/transcriptions?api-version=1', form, { headers: [['Content-Type', 'multipart/form-data; boundary=b']] });
  assert.equal(up.last.body.toString(), `--b\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-w\r\n${form}`);
  // The rules are asked about the path's model, not the body's.
  const seen = up.requests.length;
  const refused = await ask(lurus, 'POST', path('o3'), { key: 'cr_some_0123456789abcdef0123456789', body: chat('gpt-5') });
  assert.equal(refused.status, 403, refused.body.toString());
  assert.equal(up.requests.length, seen);
});

test('dot segments in every spelling are refused, in the dialect, and never reach a vendor', async () => {
  const { up, lurus } = context;
  up.always(json({}));
  const seen = up.requests.length;
  for (const path of ['/v1/images/../files', '/v1/images/%2e%2e/files', '/v1/images/.%2e/files', '/v1/images/..%2Ffiles', '/v1/images/..%5cfiles',
    '/v1/images/%252e%252e/files', '/v1/images/..;a/files', '/v1/images/..', '/v1/files/file-1/..%2f..%2forganization/x', '/v1/images/%c0%ae%c0%ae/x', '/v1/images/a%00b', '/v1/images/%zz']) {
    const answer = await post(lurus, path, {});
    assert.equal(answer.status, 400, `${path}: ${answer.status}`);
    assert.equal(typeof JSON.parse(answer.body).error.message, 'string');
  }
  const gemini = await post(lurus, '/v1beta/models/..%2F..%2Fx:generateContent', {});
  assert.equal(gemini.status, 400);
  assert.equal(JSON.parse(gemini.body).error.status, 'INVALID_ARGUMENT');
  const anthropic = await post(lurus, '/v1/messages/../files', {});
  assert.equal(anthropic.status, 400);
  assert.equal(JSON.parse(anthropic.body).type, 'error');
  assert.equal(up.requests.length, seen);
});

test('a target in absolute form is a path', async () => {
  const { up, lurus } = context;
  up.next(json(chatAnswer));
  const answer = await post(lurus, `http://gateway.test:${lurus.port}/v1/chat/completions?a=1`, chat('gpt-5'));
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(up.last.target, '/v1/chat/completions?a=1');
  assert.equal((await ask(lurus, 'GET', 'http://gateway.test/health', { key: null })).status, 200);
});

test('a key for some models makes no batch, whose models cannot be seen', async () => {
  const { up, lurus } = context;
  up.always(json({ id: 'batch_1', object: 'batch' }));
  const key = 'cr_some_0123456789abcdef0123456789';
  assert.equal((await ask(lurus, 'POST', '/v1/batches', { key, body: { input_file_id: 'file-1' } })).status, 403);
  assert.equal((await ask(lurus, 'GET', '/v1/batches/batch_1', { key })).status, 200);
  assert.equal((await ask(lurus, 'POST', '/v1/files', { key, body: 'x', headers: [['Content-Type', 'application/octet-stream']] })).status, 200);
});

test('provider add tries the address and says what it found', async () => {
  const { lurus } = context;
  const run = (...args) => lurus.cli(['provider', 'add', ...args]);
  const list = json({ object: 'list', data: [{ id: 'm' }] });
  const notFound = { status: 404, headers: [['Content-Type', 'text/plain']], body: '404 page not found' };
  const vendor = await startUpstream();
  try {
    vendor.always(list);
    const works = await run('works', '--kind', 'openai-compatible', '--base-url', `${vendor.url}/v1/chat/completions`);
    assert.equal(works.code, 0, works.stderr);
    assert.match(works.stdout, new RegExp(`requests go to ${vendor.url}/v1/chat/completions: it lists its models`));
    assert.equal(vendor.last.target, '/v1/models');

    vendor.always({ status: 401, headers: [['Content-Type', 'application/json']], body: '{"error":{"message":"bad key"}}' });
    assert.match((await run('refused', '--kind', 'openai-compatible', '--base-url', vendor.url)).stdout, /it wants a key: HTTP 401: bad key/);

    // A vendor that has its paths without a version, and lists no models: that is found, and kept.
    vendor.always((request) => (request.target === '/team/chat/completions' ? { status: 400, headers: [['Content-Type', 'application/json']], body: '{"error":{"message":"model is required"}}' } : notFound));
    const moved = await run('moved', '--kind', 'openai-compatible', '--base-url', `${vendor.url}/team`);
    assert.match(moved.stdout, /no such path: HTTP 404/);
    assert.match(moved.stdout, new RegExp(`found at ${vendor.url}/team/chat/completions instead`));
    assert.match(moved.stdout, new RegExp(`Its base URL is ${vendor.url}/team# now`));
    vendor.always(json(chatAnswer));
    assert.equal((await post(lurus, '/v1/chat/completions', chat('moved/x'))).status, 200);
    assert.equal(vendor.last.target, '/team/chat/completions');

    // And one with a version where none was given.
    vendor.always((request) => (request.target === '/inference/v1/models' ? list : notFound));
    const versioned = await run('versioned', '--kind', 'openai-compatible', '--base-url', `${vendor.url}/inference`, '--json');
    const [check] = JSON.parse(versioned.stdout).check;
    assert.deepEqual([check.found, check.instead, check.changed], ['works', `${vendor.url}/inference/v1`, true]);

    vendor.always({ headers: [['Content-Type', 'text/html']], body: '<html>a dashboard</html>' });
    assert.match((await run('html', '--kind', 'openai-compatible', '--base-url', vendor.url)).stdout, /no API/);
  } finally {
    await vendor.close();
  }
  const nobody = `http://127.0.0.1:${await closedPort()}/v1`;
  assert.match((await run('gone', '--kind', 'openai-compatible', '--base-url', nobody)).stdout, /not reachable/);
  const unchecked = await run('unchecked', '--kind', 'openai-compatible', '--base-url', nobody, '--no-check');
  assert.equal(unchecked.code, 0);
  assert.match(unchecked.stdout, /Try it: lurus provider test unchecked/);
});
