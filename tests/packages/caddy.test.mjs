// packaging/windows/Caddyfile: valid, formatted, and a real Caddy by it in front of lurus, with streams.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { KEY, configFor, freePort, httpGet, startLurus, tempFolder } from '../e2e/lib/lurus.mjs';
import { until } from '../e2e/lib/until.mjs';
import { anthropic } from '../upstream/index.mjs';

const CADDYFILE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../packaging/windows/Caddyfile');
const missing = spawnSync('caddy', ['version']).error && 'no caddy here';

test('the file is valid and formatted', { skip: missing }, () => {
  execFileSync('caddy', ['validate', '--config', CADDYFILE, '--adapter', 'caddyfile'], { stdio: 'pipe' });
  execFileSync('caddy', ['fmt', CADDYFILE], { stdio: 'pipe' });
});

test('requests go where they belong, and a stream comes event by event', { skip: missing }, async () => {
  const folder = tempFolder('lurus-caddy-');
  // A vendor that sends the second half only once the first has come through.
  let more;
  const gate = new Promise((resolve) => (more = resolve));
  const vendor = http.createServer(async (request, answer) => {
    request.resume();
    answer.writeHead(200, { 'content-type': 'text/event-stream' }).write(anthropic.events.slice(0, 4).join(''));
    await gate;
    answer.end(anthropic.events.slice(4).join(''));
  }).listen(0, '127.0.0.1');
  await once(vendor, 'listening');
  const lurus = await startLurus({ config: configFor({ url: `http://127.0.0.1:${vendor.address().port}` }, { server: { trusted_proxies: ['127.0.0.1'] } }) });
  const portal = http.createServer((request, answer) => answer.end(`portal ${request.headers.host} ${request.url}`)).listen(0, '127.0.0.1');
  await once(portal, 'listening');
  const port = await freePort();
  const file = path.join(folder, 'Caddyfile');
  const text = fs.readFileSync(CADDYFILE, 'utf8');
  fs.writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${text.replace(/^(ai|new-api)\.example\.com \{/gm, `http://$1.example.com:${port} {`)
    .replaceAll('127.0.0.1:18100', `127.0.0.1:${lurus.port}`).replaceAll('127.0.0.1:3000', `127.0.0.1:${portal.address().port}`)}`);
  let output = '';
  const caddy = spawn('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], { env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [caddy.stdout, caddy.stderr]) stream.on('data', (part) => (output += part));
  try {
    const url = `http://127.0.0.1:${port}`;
    const get = (target, host = 'ai.example.com') => httpGet(url + target, { headers: { host: `${host}:${port}`, 'x-api-key': KEY } });
    await until('Caddy', async () => (await get('/ready').catch(() => null))?.status === 200).catch((error) => assert.fail(`${error.message}\n${output}`));
    for (const target of ['/v1/models', '/v1beta/models', '/anthropic/v1/models', '/api/v1/openapi.json', '/console/', '/health']) {
      const answer = await get(target);
      assert.equal(answer.status, 200, target);
      assert.ok(!answer.body.toString().startsWith('portal'), target);
    }
    for (const [target, host] of [['/', 'ai.example.com'], ['/metrics', 'ai.example.com'], ['/api/status', 'ai.example.com'], ['/v1/models', 'new-api.example.com'], ['/console', 'new-api.example.com']]) {
      assert.equal((await get(target, host)).body.toString(), `portal ${host}:${port} ${target}`);
    }

    const request = http.request(`${url}/v1/messages`, { method: 'POST', headers: { host: `ai.example.com:${port}`, 'x-api-key': KEY, 'content-type': 'application/json' } });
    request.end(JSON.stringify(anthropic.request(true)));
    const [answer] = await once(request, 'response');
    assert.equal(answer.statusCode, 200);
    let body = '';
    answer.setEncoding('utf8').on('data', (part) => (body += part));
    await until('the first events', () => body.includes('content_block_start'));
    assert.ok(!body.includes('message_stop'));
    more();
    await once(answer, 'end');
    assert.match(body, /message_stop/);
  } finally {
    caddy.kill('SIGTERM');
    if (caddy.exitCode === null && caddy.signalCode === null) await once(caddy, 'exit');
    more();
    await lurus.close();
    for (const server of [portal, vendor]) {
      server.closeAllConnections();
      server.close();
    }
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
