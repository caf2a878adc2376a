// A command whose answer was lost on the way sends its change again, and the change is made once.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { once } from 'node:events';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { configFor, startLurus } from './lib/lurus.mjs';
import { post } from './lib/raw.mjs';

let up, lurus, between, token;
const seen = []; // { method, url, key } of each request that came by
let lose = () => false; // whether the answer to this one is lost

before(async () => {
  up = await startUpstream();
  lurus = await startLurus({ config: configFor(up) });
  token = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  between = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const passed = http.request(new URL(request.url, lurus.url), { method: request.method, headers: request.headers });
    passed.end(Buffer.concat(parts));
    const [answer] = await once(passed, 'response');
    const body = [];
    for await (const part of answer) body.push(part);
    const now = { method: request.method, url: request.url, key: request.headers['idempotency-key'] };
    seen.push(now);
    if (lose(now)) return request.socket.destroy();
    response.writeHead(answer.statusCode, answer.headers);
    response.end(Buffer.concat(body));
  }).listen(0, '127.0.0.1');
  await once(between, 'listening');
});
after(async () => {
  between?.closeAllConnections();
  between?.close();
  await lurus?.close();
  await up?.close();
});

const command = (...args) => lurus.cli(args, { env: { LURUS_URL: `http://127.0.0.1:${between.address().port}`, LURUS_ADMIN_TOKEN: token } });
async function losingOne(...args) {
  seen.length = 0;
  let left = 1;
  lose = ({ method }) => method !== 'GET' && left-- > 0;
  const done = await command(...args);
  lose = () => false;
  return done;
}
const changes = () => seen.filter(({ method }) => method !== 'GET');

test('every change carries a key of its own; reading carries none', async () => {
  seen.length = 0;
  const lines = [['key', 'create', '--name', 'a'], ['key', 'create', '--name', 'b'], ['key', 'edit', 'a', '--rpm', '5'], ['key', 'rotate', 'a'], ['key', 'disable', 'a'],
    ['key', 'enable', 'a'], ['team', 'create', 'red'], ['user', 'add', 'ann@example.com'], ['team', 'add', 'red', 'ann@example.com'], ['team', 'take', 'red', 'ann@example.com'],
    ['user', 'role', 'ann@example.com', 'viewer'], ['team', 'rename', 'red', 'blue'], ['team', 'remove', 'blue'], ['service', 'add', 'deploy'], ['service', 'token', 'deploy'],
    ['provider', 'add', 'more', '--kind', 'demo', '--model', 'x-*'], ['route', 'add', 'y', '--to', 'more/x-1'], ['key', 'revoke', 'b'], ['key', 'list'], ['user', 'list']];
  for (const line of lines) {
    const done = await command(...line);
    assert.equal(done.code, 0, `${line.join(' ')}: ${done.stderr}`);
  }
  const keys = changes().map(({ key }) => key);
  assert.ok(keys.length >= lines.length - 2 && keys.every(Boolean), JSON.stringify(seen));
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(seen.filter(({ method }) => method === 'GET').every(({ key }) => key === undefined));
});

test('a new key whose answer was lost is shown all the same, and there is one of it', async () => {
  const done = await losingOne('key', 'create', '--name', 'lost', '--json');
  assert.equal(done.code, 0, done.stderr);
  assert.equal(changes().length, 2);
  assert.equal(changes()[0].key, changes()[1].key);
  const { key, id } = JSON.parse(done.stdout);
  up.always(json(anthropic.json));
  assert.equal((await post(lurus, '/v1/messages', anthropic.request(false), { headers: anthropic.headers, key })).status, 200);
  const listed = (await command('key', 'list', '--json')).stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  assert.deepEqual(listed.filter(({ name }) => name === 'lost').map((one) => one.id), [id]);
});

test('a rotation whose answer was lost is one rotation', async () => {
  assert.equal((await command('key', 'create', '--name', 'turned')).code, 0);
  const done = await losingOne('key', 'rotate', 'turned', '--json');
  assert.equal(done.code, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).old_values.length, 1);
});

test('what was taken away before the answer was lost is no failure', async () => {
  assert.equal((await command('key', 'create', '--name', 'gone')).code, 0);
  const done = await losingOne('key', 'revoke', 'gone');
  assert.equal(done.code, 0, done.stderr);
  assert.equal((await command('key', 'revoke', 'gone')).code, 3);
});

test('a command that is run again with its own key does nothing twice, and another one with that key is refused', async () => {
  const create = ['key', 'create', '--name', 'script', '--json', '--idempotency-key', 'deploy-42'];
  const first = await command(...create), again = await command(...create);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(again.stdout, first.stdout);
  const other = await command('key', 'create', '--name', 'other', '--idempotency-key', 'deploy-42');
  assert.equal(other.code, 2);
  assert.match(other.stderr, /another request/);
});

test('a server that is not there is said to be so', async () => {
  const done = await lurus.cli(['key', 'create', '--name', 'x'], { env: { LURUS_URL: 'http://127.0.0.1:9', LURUS_ADMIN_TOKEN: token } });
  assert.equal(done.code, 4);
  assert.match(done.stderr, /does not answer/);
});
