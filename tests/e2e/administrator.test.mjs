// What an administrator types: another organisation's keys, an emergency with a broken file, numbers as people write them, prices of the web.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { anthropic, json, startUpstream } from '../upstream/index.mjs';
import { configFor, startLurus } from './lib/lurus.mjs';
import { post } from './lib/raw.mjs';
import { api } from './lib/people.mjs';

let up, lurus, token;

before(async () => {
  up = await startUpstream();
  up.always(json(anthropic.json));
  lurus = await startLurus({ config: configFor(up) });
  token = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  for (const line of [['org', 'create', 'acme', '--owner', 'boss@acme.example'], ['user', 'add', 'ann@example.com'], ['user', 'add', 'bob@example.com'], ['team', 'create', 'red']]) await done(...line);
});
after(async () => {
  await lurus?.close();
  await up?.close();
});

async function done(...args) {
  const result = await lurus.cli(args);
  assert.equal(result.code, 0, `lurus ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}
const made = async (...args) => JSON.parse(await done('key', 'create', ...args, '--json'));
const status = async (key) => (await post(lurus, '/v1/messages', anthropic.request(false), { headers: anthropic.headers, key })).status;
const get = (target) => api(lurus, 'GET', `/api/v1/${target}`, { token });

test("another organisation's key is revoked, disabled and enabled by its name", async () => {
  const theirs = await made('--name', 'ci', '--org', 'acme');
  const refused = await lurus.cli(['key', 'revoke', 'ci']);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /--org/);
  const ours = await made('--name', 'ci');
  await done('key', 'disable', 'ci', '--org', 'acme');
  assert.deepEqual([await status(theirs.key), await status(ours.key)], [401, 200]);
  await done('key', 'enable', 'ci', '--org', 'acme');
  assert.equal(await status(theirs.key), 200);

  const table = await done('key', 'list');
  assert.match(table.split('\n')[0], /\bID\b.*\bORG\b/);
  for (const key of [theirs, ours]) assert.match(table, new RegExp(key.id));
  assert.match(table.split('\n').find((line) => line.includes(theirs.id)), /acme/);

  await done('key', 'revoke', 'ci', '--org', 'acme');
  assert.deepEqual([await status(theirs.key), await status(ours.key)], [401, 200]);
  await done('key', 'revoke', ours.id);
});

test('rotated keys show what is taken still', async () => {
  await made('--name', 'turned');
  await done('key', 'rotate', 'turned', '--overlap', '2h');
  assert.match(await done('key', 'rotate', 'turned', '--overlap', '5h'), /Taken still: cr_….{4} until .*, cr_….{4} until /);
  const table = await done('key', 'list', '--search', 'turned');
  assert.match(table, /OLD VALUES/);
  assert.match(table, /cr_….{4} until \d{4}-\d\d-\d\d \d\d:\d\d, cr_….{4} until /);
  assert.match(await done('key', 'rotate', 'turned', '--only-new'), /refused from now on/);
  await done('key', 'revoke', 'turned');
});

test('the filter `user` filters, and a parameter that is not there is refused by its name', async () => {
  await made('--name', 'of-ann', '--user', 'ann@example.com', '--team', 'red');
  await made('--name', 'of-bob', '--user', 'bob@example.com');
  const ann = (await get('members')).body.data.find(({ email }) => email === 'ann@example.com');
  for (const query of ['user=ann%40example.com', `user=${ann.id}`, 'owner=ann%40example.com']) {
    const { body } = await get(`keys?${query}`);
    assert.deepEqual(body.data.map(({ name, owner, org_name, team_name }) => [name, owner, org_name, team_name]), [['of-ann', 'ann@example.com', 'default', 'red']], query);
  }
  assert.deepEqual((await get('keys?user=nobody')).body.data, []);
  assert.match(await done('key', 'list', '--user', 'bob@example.com'), /of-bob/);
  assert.doesNotMatch(await done('key', 'list', '--user', 'bob@example.com'), /of-ann/);
  assert.equal((await get('keys?user=ann%40example.com&owner=bob%40example.com')).status, 400);

  for (const [target, detail] of [['keys?usr=ann', /`usr` \(did you mean `user`\?\)/], ['keys?User=ann', /did you mean `user`/], ['keys?foo=1&bar=2', /`bar`.*`foo`/], ['usage?form=24h', /`form`/],
    ['status?chek=true', /`check`/], ['members?q=x&frobnicate', /`frobnicate`/], ['openapi.json?org=x', /takes none/], ['orgs?ogr=x', /`org`/]]) {
    const { status: code, body } = await get(target);
    assert.equal(code, 400, target);
    assert.match(body.detail, detail, target);
  }
  // Nothing is done before it is refused.
  const refused = await api(lurus, 'DELETE', '/api/v1/keys/of-ann?orgg=acme', { token });
  assert.equal(refused.status, 400);
  assert.equal((await get('keys/of-ann?org=default')).status, 200);
  // Who may not do it at all is told that first.
  assert.equal((await api(lurus, 'GET', '/api/v1/keys?usr=x')).status, 401);
});

test('numbers, budgets and expiries as people write them', async () => {
  await made('--name', 'human', '--tpm', '100k', '--itpm', '1.5M', '--rpm', '1_000', '--otpm', '2,500', '--budget', '$10/month', '--expires', '30d');
  const shown = async () => (await get('keys/human')).body;
  const first = await shown();
  assert.deepEqual([first.tpm, first.itpm, first.rpm, first.otpm, first.budget], [100_000, 1_500_000, 1000, 2500, '10 USD/month']);
  assert.ok(first.expires);
  await done('key', 'edit', 'human', '--expires', 'never', '--budget', '10 USD / day', '--rpm', 'none');
  assert.deepEqual([(await shown()).expires, (await shown()).budget, (await shown()).rpm], [null, '10 USD/day', null]);
  await done('key', 'edit', 'human', '--expires-after', '1d');
  await done('key', 'edit', 'human', '--expires-after', 'never');
  assert.equal((await shown()).expires_after, null);
  assert.equal((await made('--name', 'for-ever', '--expires', 'never', '--budget', '10$')).budget, '10 USD/total');
  for (const wrong of [['--rpm', '1,5'], ['--rpm', '1.5'], ['--rpm', 'many'], ['--rpm', '-1'], ['--rpm', '2G'], ['--budget', '€10/month'], ['--budget', '10/month'], ['--expires', 'nevr']]) {
    const result = await lurus.cli(['key', 'edit', 'human', ...wrong]);
    assert.equal(result.code, 2, wrong.join(' '));
    assert.match(result.stderr, /100k|is not a budget|never/, wrong.join(' '));
  }
});

test('tables name people and teams, not their ids', async () => {
  const id = (await get('keys/of-ann')).body.id;
  assert.equal((await api(lurus, 'PATCH', `/api/v1/keys/${id}`, { token, body: { note: 'seen' } })).status, 200);
  const team = (await get('teams')).body.data.find(({ name }) => name === 'red');
  const ann = (await get('members')).body.data.find(({ email }) => email === 'ann@example.com');
  assert.equal((await api(lurus, 'PUT', `/api/v1/teams/${team.id}/members/${ann.id}`, { token })).status, 200);
  const table = await done('audit', 'list', '--limit', '20');
  assert.match(table, /\/api\/v1\/keys\/of-ann/);
  assert.match(table, /\/api\/v1\/teams\/red\/members\/ann@example\.com/);
  assert.doesNotMatch(table, new RegExp(`${id}|${team.id}|${ann.id}`));

  const key = await made('--name', 'traced', '--user', 'ann@example.com');
  assert.equal(await status(key.key), 200);
  assert.match(await done('trace', 'last'), /user +ann@example\.com/);
});

test('a configuration file with mistakes stops no emergency, whether a server runs or not', async () => {
  const whole = fs.readFileSync(lurus.configFile, 'utf8');
  const keys = [];
  for (let i = 0; i < 6; i += 1) keys.push(await made('--name', `leak-${i}`));
  const account = JSON.parse(await done('service', 'add', 'robot', '--json'));
  assert.ok(account.id);
  const commands = (n) => [['key', 'revoke', `leak-${n}`], ['key', 'disable', `leak-${n + 1}`], ['key', 'rotate', `leak-${n + 2}`, '--only-new'], ['user', 'disable', 'bob@example.com'],
    ['service', 'token', 'robot'], ['service', 'disable', 'robot'], ['key', 'list'], ['user', 'list']];
  const run = async (broken, lines) => {
    fs.writeFileSync(lurus.configFile, broken);
    for (const line of lines) {
      const result = await lurus.cli(line);
      assert.equal(result.code, 0, `${line.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, /warning: .*lurus\.toml:\d+/);
    }
  };
  await run(`${whole}\n[serverr]\n`, commands(0));
  assert.deepEqual([await status(keys[0].key), await status(keys[1].key), await status(keys[2].key)], [401, 401, 401]);
  // A change that has nothing of an emergency is the running server's to judge.
  await run(`${whole}\n[server\n`, [['key', 'create', '--name', 'meanwhile']]);

  assert.equal((await lurus.stop()).code, 0);
  fs.writeFileSync(lurus.configFile, whole);
  await done('service', 'enable', 'robot');
  await run(`${whole}\nthis is no TOML`, commands(3));
  const other = await lurus.cli(['key', 'create', '--name', 'later']);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /lurus\.toml/);
  fs.writeFileSync(lurus.configFile, whole);
  await lurus.start();
  assert.deepEqual([await status(keys[3].key), await status(keys[4].key), await status(keys[5].key)], [401, 401, 401]);
  assert.equal((await get('users')).body.data.find(({ email }) => email === 'bob@example.com').status, 'disabled');
});

test('a data folder that the file names is found although the file has mistakes', async () => {
  const key = await made('--name', 'named-folder');
  const file = path.join(lurus.folder, 'broken.toml');
  fs.writeFileSync(file, `data_dir = ${JSON.stringify(lurus.dataDir)}\n[server]\nlisten = "127.0.0.1:1\n`);
  const { execFile } = await import('node:child_process');
  const { LURUS_BIN } = await import('./lib/lurus.mjs');
  const result = await new Promise((resolve) => {
    execFile(LURUS_BIN, ['key', 'revoke', key.id, '--config', file], { env: lurus.childEnv(), cwd: lurus.folder }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stderr }));
  });
  assert.equal(result.code, 0, result.stderr);
  assert.equal(await status(key.key), 401);
});

test('prices are imported from the web: over HTTPS, or from this machine', async (t) => {
  const prices = JSON.stringify({ 'web-model': { litellm_provider: 'openai', mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 } });
  const answer = (request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    const to = { '/moved.json': '/prices.json?v=2', '/relative.json': 'prices.json', '/loop.json': '/loop.json', '/plain.json': 'http://example.com/prices.json' }[pathname];
    if (to) return response.writeHead(302, { location: to }).end();
    if (pathname === '/prices.json') return response.end(prices);
    if (pathname === '/page.html') return response.end('<html>');
    if (pathname === '/huge.json') return response.end(Buffer.alloc(17 << 20, 0x20));
    return response.writeHead(404).end();
  };
  const folder = lurus.folder, pem = path.join(folder, 'web.pem'), keyFile = path.join(folder, 'web.key');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', keyFile, '-out', pem], { stdio: 'ignore' });
  const plain = http.createServer(answer).listen(0, '127.0.0.1');
  const secure = https.createServer({ cert: fs.readFileSync(pem), key: fs.readFileSync(keyFile) }, answer).listen(0, '127.0.0.1');
  t.after(() => {
    for (const server of [plain, secure]) {
      server.closeAllConnections();
      server.close();
    }
  });
  await Promise.all([once(plain, 'listening'), once(secure, 'listening')]);
  const at = (name) => `http://127.0.0.1:${plain.address().port}/${name}`, safe = (name) => `https://localhost:${secure.address().port}/${name}`;
  const load = (url, env = {}) => lurus.cli(['prices', 'import', url], { env });

  for (const name of ['prices.json', 'moved.json', 'relative.json']) {
    const result = await load(at(name));
    assert.equal(result.code, 0, `${name}: ${result.stderr}`);
    assert.match(result.stdout, /1 models' prices were read from http:\/\/127\.0\.0\.1:\d+\/prices\.json/);
  }
  assert.match(await done('prices', 'show', 'web-model'), /web-model/);
  const trusted = await load(safe('prices.json'), { SSL_CERT_FILE: pem });
  assert.equal(trusted.code, 0, trusted.stderr);
  for (const [url, env, code, said] of [[safe('prices.json'), {}, 4, /certificate/i], [safe('plain.json'), { SSL_CERT_FILE: pem }, 2, /https/i], ['http://example.com/prices.json', {}, 2, /https:\/\//],
    [at('plain.json'), {}, 2, /https:\/\//], [at('loop.json'), {}, 4, /redirects more than 5/], [at('missing.json'), {}, 3, /404/], [at('page.html'), {}, 2, /not JSON/], [at('huge.json'), {}, 1, /larger than 16 MiB/],
    ['https://user:secret@localhost/prices.json', {}, 2, /user name or password/], ['http://127.0.0.1:9/prices.json', {}, 4, /127\.0\.0\.1:9/]]) {
    const result = await load(url, env);
    assert.equal(result.code, code, `${url}: ${result.stderr}`);
    assert.match(result.stderr, said, url);
    assert.doesNotMatch(result.stderr, /secret/);
  }
});
