// What vendors keep: files, batches, responses, uploads. Whoever made it is asked for it again, and nobody else's key.
import test from 'node:test';
import assert from 'node:assert/strict';
import { before, after } from 'node:test';
import { json, sse, headerOf, startUpstream } from '../upstream/index.mjs';
import { configFor, startLurus, KEY } from './lib/lurus.mjs';
import { ask, connectRaw, requestBytes } from './lib/raw.mjs';

let one, two, lurus, foreign;

before(async () => {
  one = await startUpstream();
  two = await startUpstream();
  const providers = [['one', one], ['two', two]].flatMap(([name, up]) => [
    { name, kind: 'openai', base_url: `${up.url}/v1`, api_key: `sk-${name}`, models: [`gpt-${name}`, `sora-${name}`] },
    { name: `${name}-ant`, kind: 'anthropic', base_url: up.url, api_key: `sk-${name}`, models: [`claude-${name}`] },
    { name: `${name}-gem`, kind: 'gemini', base_url: up.url, api_key: `sk-${name}`, models: [`gem-${name}`] },
  ]);
  lurus = await startLurus({ config: configFor(one, { providers, routes: [{ model: 'both', to: ['one/gpt-one', 'two/gpt-one'] }] }) });
  for (const args of [['org', 'create', 'acme', '--owner', 'boss@acme.example'], ['key', 'create', '--name', 'theirs', '--org', 'acme', '--json']]) {
    const done = await lurus.cli(args);
    assert.equal(done.code, 0, done.stderr);
    foreign = done.stdout;
  }
  foreign = JSON.parse(foreign).key ?? JSON.parse(foreign).value ?? JSON.parse(foreign).secret;
});
after(async () => {
  try {
    await lurus?.close();
  } finally {
    await one?.close();
    await two?.close();
  }
});

const clear = (answer) => {
  for (const up of [one, two]) up.clear().always(answer ?? { status: 404, headers: [['Content-Type', 'application/json']], body: '{"error":{"message":"not here"}}' });
};
const call = (method, target, options = {}) => ask(lurus, method, target, options);

test('a video, its bytes and its deletion: at whoever made it, also after a kill', async () => {
  clear();
  two.next(json({ id: 'video_1', object: 'video', status: 'queued' }));
  const made = await call('POST', '/v1/videos', { body: { model: 'sora-two', prompt: 'x' } });
  assert.equal(made.status, 200, made.body.toString());
  assert.equal(one.requests.length, 0);
  const row = await lurus.row(made.trace ?? headerOf(made.headers, 'x-lurus-trace-id'));
  assert.equal(row.operation, 'videos');
  assert.equal(row.model, 'sora-two');
  clear({ headers: [['Content-Type', 'video/mp4']], body: Buffer.alloc(100_000, 7) });
  const bytes = await call('GET', '/v1/videos/video_1/content');
  assert.equal(bytes.status, 200, bytes.body.toString().slice(0, 200));
  assert.equal(bytes.body.length, 100_000);
  assert.equal(two.requests.length, 1);
  assert.equal(one.requests.length, 0);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // it is stored soon after, not at once
  await lurus.kill9();
  await lurus.start();
  assert.equal((await call('DELETE', '/v1/videos/video_1')).status, 200);
  assert.equal(two.requests.length, 2);
  assert.equal(one.requests.length, 0);
});

test("another organisation's key cannot use it, neither by its path nor in a body", async () => {
  clear();
  two.next(json({ id: 'resp_theirs', object: 'response', status: 'completed', output: [] }));
  assert.equal((await call('POST', '/v1/responses', { body: { model: 'gpt-two', input: 'x' } })).status, 200);
  clear(json({ id: 'resp_theirs', object: 'response', status: 'completed', output: [] }));
  for (const [method, target, body] of [['GET', '/v1/responses/resp_theirs'], ['DELETE', '/v1/responses/resp_thei%72s'], ['POST', '/v1/responses', { model: 'gpt-two', input: 'y', previous_response_id: 'resp_theirs' }]]) {
    const answer = await call(method, target, { key: foreign, body });
    assert.equal(answer.status, 404, `${method} ${target}: ${answer.status} ${answer.body}`);
    assert.match(JSON.parse(answer.body).error.message, /resp_theirs/);
  }
  assert.equal(one.requests.length + two.requests.length, 0);
  assert.equal((await call('GET', '/v1/responses/resp_theirs')).status, 200);
  assert.equal(two.requests.length, 1);
});

test('a response that streamed pins what follows it, where several could answer', async () => {
  clear();
  one.next({ status: 500, body: '{}' });
  const body = 'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_s","status":"in_progress"}}\n\n'
    + 'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_s","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}}\n\n';
  two.next(sse(body));
  const first = await call('POST', '/v1/responses', { body: { model: 'both', input: 'x', stream: true } });
  assert.equal(first.body.toString(), body);
  clear(json({ id: 'resp_t', object: 'response', status: 'completed', output: [] }));
  const next = await call('POST', '/v1/responses', { body: { model: 'both', input: 'y', previous_response_id: 'resp_s' } });
  assert.equal(next.status, 200, next.body.toString());
  assert.equal(one.requests.length, 0);
  assert.equal(two.requests.length, 1);
  // What is not kept pins nothing.
  clear(json({ id: 'resp_u', object: 'response', status: 'completed', output: [] }));
  await call('POST', '/v1/responses', { body: { model: 'gpt-two', input: 'x', store: false } });
  await call('POST', '/v1/responses', { body: { model: 'both', input: 'y', previous_response_id: 'resp_u' } });
  assert.equal(one.requests.length, 1);
});

test('files and batches: the batch goes to where its file is, and its output file, too', async () => {
  clear();
  one.next(json({ id: 'file-1', object: 'file' }));
  const form = '--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n{}\n\r\n--b--\r\n';
  const file = await call('POST', '/v1/files', { body: form, headers: [['Content-Type', 'multipart/form-data; boundary=b']] });
  assert.equal(file.status, 200, file.body.toString());
  assert.equal(one.last.body.toString(), form);
  clear(json({ id: 'batch_1', object: 'batch', status: 'completed', output_file_id: 'file-out' }));
  assert.equal((await call('POST', '/v1/batches', { body: { input_file_id: 'file-1', endpoint: '/v1/responses' } })).status, 200);
  assert.equal((await call('GET', '/v1/batches/batch_1')).status, 200);
  clear({ headers: [['Content-Type', 'application/jsonl']], body: '{"a":1}\n{"b":2}\n' });
  const out = await call('GET', '/v1/files/file-out/content');
  assert.equal(out.body.toString(), '{"a":1}\n{"b":2}\n');
  assert.equal((await lurus.row(headerOf(out.headers, 'x-lurus-trace-id'))).end, 'complete');
  assert.equal((await call('GET', '/v1/files/file-out/content', { key: foreign })).status, 404);
});

test("Anthropic's batches and files", async () => {
  clear(json({ id: 'msgbatch_1', type: 'message_batch', processing_status: 'in_progress' }));
  const headers = [['anthropic-version', '2023-06-01'], ['x-api-key', KEY]];
  const made = await call('POST', '/v1/messages/batches', { headers, body: { requests: [] } });
  assert.equal(made.status, 200, made.body.toString());
  assert.equal(headerOf(one.last.headers, 'x-api-key'), 'sk-one');
  clear({ headers: [['Content-Type', 'application/x-jsonl']], body: '{"custom_id":"a"}\n{"custom_id":"b"}\n' });
  const results = await call('GET', '/v1/messages/batches/msgbatch_1/results', { headers });
  assert.equal(results.body.toString(), '{"custom_id":"a"}\n{"custom_id":"b"}\n');
  const theirs = await call('GET', '/v1/messages/batches/msgbatch_1', { headers: [['anthropic-version', '2023-06-01'], ['x-api-key', foreign]] });
  assert.equal(theirs.status, 404);
  assert.equal(JSON.parse(theirs.body).type, 'error');
  clear(json({ id: 'file_1', type: 'file' }));
  await call('POST', '/v1/files', { headers: [...headers, ['Content-Type', 'application/octet-stream']], body: 'x' });
  assert.equal(headerOf(one.last.headers, 'x-api-key'), 'sk-one');
});

test('a Gemini upload goes on through us, without the vendor’s key', async () => {
  clear();
  const vendor = 'https://generativelanguage.googleapis.com/upload/v1beta/files?key=VENDOR&upload_id=UP1&upload_protocol=resumable';
  one.next({ status: 200, headers: [['X-Goog-Upload-Status', 'active'], ['X-Goog-Upload-URL', vendor]], body: '' });
  const started = await call('POST', '/upload/v1beta/files', {
    headers: [['x-goog-api-key', KEY], ['X-Goog-Upload-Protocol', 'resumable'], ['X-Goog-Upload-Command', 'start']], body: { file: { display_name: 'a' } },
  });
  assert.equal(started.status, 200, started.body.toString());
  assert.equal(one.last.target, '/upload/v1beta/files');
  const next = headerOf(started.headers, 'x-goog-upload-url');
  assert.equal(next, `http://gateway.test/upload/v1beta/files?upload_id=UP1&upload_protocol=resumable&key=${KEY}`);
  clear(json({ file: { name: 'files/f1', uri: 'https://generativelanguage.googleapis.com/v1beta/files/f1' } }));
  const bytes = Buffer.alloc(300_000, 1);
  const path = next.slice('http://gateway.test'.length);
  const done = await call('POST', path, { key: null, headers: [['X-Goog-Upload-Command', 'upload, finalize'], ['X-Goog-Upload-Offset', '0'], ['Content-Type', 'application/octet-stream']], body: bytes });
  assert.equal(done.status, 200, done.body.toString());
  assert.equal(one.last.target, '/upload/v1beta/files?upload_id=UP1&upload_protocol=resumable');
  assert.deepEqual(one.last.body, bytes);
  clear(json({ name: 'files/f1', state: 'ACTIVE' }));
  assert.equal((await call('GET', '/v1beta/files/f1', { headers: [['x-goog-api-key', KEY]] })).status, 200);
  assert.equal((await call('GET', '/v1beta/files/f1', { headers: [['x-goog-api-key', foreign]] })).status, 404);
});

test('Gemini caches go to the model’s provider, batches and operations to whoever made them', async () => {
  clear(json({ name: 'cachedContents/c1', model: 'models/gem-two' }));
  const headers = [['x-goog-api-key', KEY]];
  const cache = await call('POST', '/v1beta/cachedContents', { headers, body: { model: 'models/gem-two', contents: [] } });
  assert.equal(cache.status, 200, cache.body.toString());
  assert.equal(two.requests.length, 1);
  assert.equal(JSON.parse(two.last.body).model, 'models/gem-two');
  await call('PATCH', '/v1beta/cachedContents/c1', { headers, body: { ttl: '60s' } });
  assert.equal(two.requests.length, 2);
  clear(json({ name: 'models/gem-two/operations/o1' }));
  await call('POST', '/v1beta/models/gem-two:predictLongRunning', { headers, body: {} });
  await call('GET', '/v1beta/models/gem-two/operations/o1', { headers });
  assert.equal(two.requests.length, 2);
  assert.equal(one.requests.length, 0);
});

test('a request that comes in pieces is understood the same way', async () => {
  clear(json({ id: 'video_1', object: 'video' }));
  const client = await connectRaw(lurus);
  const bytes = requestBytes('POST', '/v1/v1/videos/video_1/remix', { body: { prompt: 'x'.repeat(200_000) } });
  await client.writeSlowly([bytes.subarray(0, 30), 20, bytes.subarray(30, 400), 20, bytes.subarray(400)]);
  assert.equal((await client.answer()).status, 200);
  client.close();
  assert.equal(two.last.target, '/v1/videos/video_1/remix');
  const plain = await connectRaw(lurus);
  const long = requestBytes('POST', '/v1/videos/video_1/remix', { body: { prompt: 'x'.repeat(200_000) } });
  await plain.writeSlowly([long.subarray(0, 30), 20, long.subarray(30, 400), 20, long.subarray(400)]);
  assert.equal((await plain.answer()).status, 200);
  plain.close();
  assert.equal(one.requests.length, 0);
});
