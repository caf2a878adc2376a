// Which fields pass between clients and vendors, and what streams and HEAD say.
import test from 'node:test';
import assert from 'node:assert/strict';
import { anthropic, chat, gemini, json, sse, streamOf, headerOf, headersOf, websocketReply } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { ask, connectRaw, header, post } from './lib/raw.mjs';
import { KEY } from './lib/lurus.mjs';

const context = gateway();

const FROM_PROXIES = [['CF-Connecting-IP', '192.0.2.1'], ['cf-ray', 'x'], ['CF-Visitor', '{}'], ['CDN-Loop', 'cloudflare'], ['X-Forwarded-For', '192.0.2.1'], ['X_Forwarded_For', '192.0.2.1'],
  ['X-Forwarded-Proto', 'https'], ['X-Real-IP', '192.0.2.1'], ['True-Client-IP', '192.0.2.1'], ['Forwarded', 'for=192.0.2.1'], ['Via', '1.1 proxy'], ['X-Client-IP', '192.0.2.1'],
  ['X-Goog-IAP-JWT-Assertion', 'secret'], ['Cookie', 'lurus_session=lss_secret; a=b'], ['Referer', 'http://wiki.internal/'], ['Sec-Fetch-Site', 'cross-site']];
const FOR_VENDORS = [['User-Agent', 'claude-cli/2.1.332'], ['anthropic-version', '2023-06-01'], ['anthropic-beta', 'a'], ['OpenAI-Beta', 'b'], ['x-stainless-lang', 'js'], ['x-goog-api-client', 'c'],
  ['Idempotency-Key', 'd'], ['X-Request-Id', 'e'], ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'], ['HTTP-Referer', 'https://app.example'], ['session_id', 's']];
const FROM_SITES = [['Set-Cookie', '__cf_bm=1'], ['Set-Cookie', 'b=2'], ['Alt-Svc', 'h3=":443"'], ['Strict-Transport-Security', 'max-age=1'], ['CF-RAY', 'x'], ['cf-cache-status', 'DYNAMIC'], ['Server', 'cloudflare'],
  ['NEL', '{}'], ['Report-To', '{}'], ['Via', '1.1 google'], ['Clear-Site-Data', '"*"'], ['Access-Control-Allow-Origin', '*'], ['X-Accel-Redirect', '/etc']];
const FOR_CLIENTS = [['request-id', 'req_1'], ['x-request-id', 'r'], ['openai-processing-ms', '1'], ['anthropic-organization-id', 'o'], ['X-RateLimit-Remaining-Requests', '9'], ['x-should-retry', 'false'],
  ['X-Gemini-Service-Tier', 'flex'], ['Date', 'Thu, 03 Jul 2025 18:18:14 GMT']];
const namesOf = (list) => new Set(list.map(([name]) => name.toLowerCase()));
const present = (headers, list) => headers.filter(([name]) => namesOf(list).has(name.toLowerCase()));

test('what proxies and browsers say of a client stays here, and what vendors need passes; and back', async () => {
  const { up, lurus } = context;
  for (const [dialect, stream] of [[anthropic, false], [anthropic, true], [chat, true], [gemini, false]]) {
    const fields = { headers: [...FROM_SITES, ...FOR_CLIENTS] };
    up.next(stream ? sse(streamOf(dialect), fields) : json(dialect.json, fields));
    const answer = await post(lurus, dialect.target(stream), dialect.request(stream), { headers: [...FROM_PROXIES, ...FOR_VENDORS] });
    assert.equal(answer.status, 200, answer.body.toString());
    assert.deepEqual(present(up.last.headers, FROM_PROXIES), []);
    assert.deepEqual(present(up.last.headers, FOR_VENDORS), FOR_VENDORS);
    assert.deepEqual(present(answer.headers, FROM_SITES), []);
    assert.deepEqual(present(answer.headers, FOR_CLIENTS), FOR_CLIENTS);
  }
  up.next({ status: 429, headers: [['Content-Type', 'application/json'], ...FROM_SITES, ...FOR_CLIENTS], body: '{"error":{"message":"slow"}}' });
  const refused = await post(lurus, '/v1/chat/completions', chat.request(false));
  assert.deepEqual(present(refused.headers, FROM_SITES), []);
});

test('a WebSocket upgrade keeps to the same lists', async () => {
  const { up, lurus } = context;
  up.next(websocketReply(() => {}, { headers: [...FROM_SITES, ...FOR_CLIENTS] }));
  const client = await connectRaw(lurus);
  const fields = [...FROM_PROXIES, ...FOR_VENDORS].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  await client.write(`GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${KEY}\r\n${fields}\r\n`);
  await client.until(() => client.answers.length === 1, 'the upgrade');
  assert.equal(client.answers[0].status, 101, client.text());
  assert.deepEqual(present(up.last.headers, FROM_PROXIES), []);
  assert.deepEqual(present(up.last.headers, FOR_VENDORS), FOR_VENDORS);
  assert.deepEqual(present(client.answers[0].headers, FROM_SITES), []);
  client.close();
});

test('streams tell proxies not to hold them back, unless the vendor says something of that', async () => {
  const { up, lurus } = context;
  up.next(sse(streamOf(anthropic)), sse(streamOf(anthropic), { headers: [['x-accel-buffering', 'yes']] }), json(anthropic.json));
  const ours = await post(lurus, anthropic.target(true), anthropic.request(true), { headers: anthropic.headers });
  assert.deepEqual(headersOf(ours.headers, 'x-accel-buffering'), ['no']);
  const theirs = await post(lurus, anthropic.target(true), anthropic.request(true), { headers: anthropic.headers });
  assert.deepEqual(headersOf(theirs.headers, 'x-accel-buffering'), ['yes']);
  const whole = await post(lurus, anthropic.target(false), anthropic.request(false), { headers: anthropic.headers });
  assert.equal(header(whole, 'x-accel-buffering'), undefined);
});

test('HEAD answers as GET does, without a body', async () => {
  const { lurus } = context;
  for (const target of ['/v1/models', '/v1beta/models', '/health', '/ready', '/', '/v1/models/no-such-model']) {
    const got = await ask(lurus, 'GET', target);
    const head = await ask(lurus, 'HEAD', target);
    assert.equal(head.status, got.status, target);
    assert.equal(head.body.length, 0);
    assert.equal(header(head, 'content-type'), header(got, 'content-type'));
    // The time that /health tells may have a digit more.
    assert.ok(Math.abs(Number(header(head, 'content-length')) - Number(header(got, 'content-length'))) <= (target === '/health' ? 2 : 0), target);
  }
  assert.equal((await ask(lurus, 'HEAD', '/v1/messages')).status, 405);
  assert.equal((await ask(lurus, 'HEAD', '/v1/models', { key: 'cr_wrong' })).status, 401);
});

test('HEAD of what a vendor has is asked of the vendor', async () => {
  const { up, lurus } = context;
  up.next({ status: 200, framing: 'none', headers: [['Content-Type', 'application/json'], ['Content-Length', '123'], ['Content-Encoding', 'gzip']] },
    { status: 200, framing: 'none', headers: [['Content-Type', 'application/json']] });
  for (const length of ['123', undefined]) {
    const answer = await ask(lurus, 'HEAD', '/v1/responses/resp_1');
    assert.equal(answer.status, 200);
    assert.equal(up.last.method, 'HEAD');
    assert.equal(header(answer, 'content-length'), length);
    assert.equal(answer.body.length, 0);
    assert.equal((await lurus.row(answer.trace)).end, 'complete');
  }
});

const changed = gateway({ headers: { drop_from_clients: ['x-team-*', 'Originator'], pass_from_clients: ['CF-IPCountry', 'referer'], drop_from_vendors: ['anthropic-organization-id'], pass_from_vendors: ['CF-RAY'] } });

test('the configuration drops more and lets some pass, both ways', async () => {
  const { up, lurus } = changed;
  up.next(json(anthropic.json, { headers: [['cf-ray', 'x'], ['Server', 'y'], ['Anthropic-Organization-Id', 'o']] }));
  const answer = await post(lurus, '/v1/messages', anthropic.request(false), { headers: [['X-Team-Name', 'a'], ['originator', 'b'], ['cf-ipcountry', 'CH'], ['Referer', 'c'], ['cf-ray', 'd'], ['X-Title', 'e']] });
  assert.equal(answer.status, 200, answer.body.toString());
  for (const name of ['x-team-name', 'originator', 'cf-ray']) assert.equal(headerOf(up.last.headers, name), undefined, name);
  for (const name of ['cf-ipcountry', 'referer', 'x-title']) assert.notEqual(headerOf(up.last.headers, name), undefined, name);
  assert.equal(header(answer, 'cf-ray'), 'x');
  assert.equal(header(answer, 'server'), undefined);
  assert.equal(header(answer, 'anthropic-organization-id'), undefined);
});
