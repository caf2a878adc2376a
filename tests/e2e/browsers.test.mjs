// Web pages: refused where no key is asked for, let in where the configuration names their origin, on every answer.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { DIALECTS, acceptFor, headerOf, json, sse, startUpstream, streamOf, websocketReply } from '../upstream/index.mjs';
import { assertError } from './lib/suite.mjs';
import { ask, connectRaw, header, requestBytes } from './lib/raw.mjs';
import { KEY, UPSTREAM_KEY, configFor, startLurus } from './lib/lurus.mjs';

const PAGE = 'https://app.example.com';
let up, open, keyed;

before(async () => {
  up = await startUpstream();
  open = await startLurus({ config: configFor(up, { server: { open: true, allowed_hosts: ['gateway.internal'], cors_origins: [PAGE] } }) });
  keyed = await startLurus({ config: configFor(up, { server: { cors_origins: [PAGE, 'http://localhost:*'] } }) });
});
after(async () => {
  await open?.close();
  await keyed?.close();
  await up?.close();
});

const send = (lurus, method, target, { host = 'localhost:18100', headers = [], ...more } = {}) =>
  ask(lurus, method, target, { host, headers, key: null, ...more });
const corsOf = (answer) => [header(answer, 'access-control-allow-origin'), header(answer, 'vary')];

for (const dialect of DIALECTS) {
  test(`${dialect.name}: an open listener serves this machine, no other name and no page of another site`, async () => {
    up.clear().always(json(dialect.json));
    const text = JSON.stringify(dialect.request(false));
    const plain = { body: text, headers: [['Content-Type', 'text/plain'], ...(dialect.headers ?? [])] };
    const target = dialect.target(false);
    for (const host of ['localhost', '127.0.0.1:18100', '[::1]', 'gateway.internal:1'])
      assert.equal((await send(open, 'POST', target, { ...plain, host })).status, 200, host);
    assert.equal(up.requests.length, 4);
    for (const host of ['evil.example', '192.0.2.1', 'localhost.evil.example'])
      assertError(dialect, await send(open, 'POST', target, { ...plain, host }), 403, /allowed_hosts/);
    for (const extra of [[['Origin', 'https://evil.example']], [['Origin', 'null']], [['Sec-Fetch-Site', 'cross-site']], [['Origin', PAGE], ['Origin', 'https://evil.example']]])
      assertError(dialect, await send(open, 'POST', target, { ...plain, headers: [...plain.headers, ...extra] }), 403, /page/);
    assert.equal(up.requests.length, 4);
    const listed = await send(open, 'POST', target, { ...plain, headers: [...plain.headers, ['Origin', PAGE]] });
    assert.equal(listed.status, 200);
    assert.deepEqual(corsOf(listed), [PAGE, 'Origin']);
    const known = await send(open, 'POST', target, { ...plain, host: 'evil.example', key: KEY });
    assert.equal(known.status, 200, 'who has a key needs no other proof');
  });

  test(`${dialect.name}: a preflight needs no key, and answers, errors and streams carry the fields`, async () => {
    const target = dialect.target(false);
    const asked = [['Origin', PAGE], ['Access-Control-Request-Method', 'POST'], ['Access-Control-Request-Headers', 'authorization,content-type,x-stainless-os']];
    const preflight = await send(keyed, 'OPTIONS', target, { headers: asked });
    assert.equal(preflight.status, 204);
    assert.equal(header(preflight, 'access-control-allow-origin'), PAGE);
    assert.equal(header(preflight, 'access-control-allow-headers'), 'authorization,content-type,x-stainless-os');
    assert.match(header(preflight, 'access-control-allow-methods'), /POST/);
    assert.equal(header(preflight, 'content-length'), undefined);
    const refused = await send(keyed, 'OPTIONS', target, { headers: [['Origin', 'https://evil.example'], ['Access-Control-Request-Method', 'POST']] });
    assertError(dialect, refused, 403, /cors_origins/);
    assert.equal(header(refused, 'access-control-allow-origin'), undefined);

    const headers = [...(dialect.headers ?? []), ['Origin', PAGE]];
    const unknown = await send(keyed, 'POST', target, { headers, body: '{}', key: 'cr_wrong' });
    assert.equal(unknown.status, 401);
    assert.deepEqual(corsOf(unknown), [PAGE, 'Origin']);
    up.clear().next(json(dialect.json, { headers: [['Access-Control-Allow-Origin', '*'], ['Access-Control-Expose-Headers', 'x']] }));
    const whole = await send(keyed, 'POST', target, { headers, body: dialect.request(false), key: KEY });
    assert.equal(whole.status, 200);
    assert.equal(whole.body.toString(), dialect.json);
    assert.equal(whole.headers.filter(([name]) => /^access-control-allow-origin$/i.test(name)).length, 1);
    assert.deepEqual(corsOf(whole), [PAGE, 'Origin']);
    assert.match(header(whole, 'access-control-expose-headers'), /x-lurus-trace-id/);
    up.next(sse(streamOf(dialect)));
    const stream = await send(keyed, 'POST', dialect.target(true), { headers, body: dialect.request(true), key: KEY });
    assert.deepEqual(corsOf(stream), [PAGE, 'Origin']);
    assert.equal(stream.body.toString(), streamOf(dialect));
    up.next({ status: 400, headers: [['Content-Type', 'application/json']], body: '{"error":{"message":"no","type":"invalid_request_error"}}' });
    const bad = await send(keyed, 'POST', target, { headers, body: dialect.request(false), key: KEY });
    assert.equal(bad.status, 400);
    assert.deepEqual(corsOf(bad), [PAGE, 'Origin']);
    up.next(json(dialect.json));
    const other = await send(keyed, 'POST', target, { headers: [...(dialect.headers ?? []), ['Origin', 'https://evil.example']], body: dialect.request(false), key: KEY });
    assert.equal(other.status, 200);
    assert.deepEqual(corsOf(other), [undefined, undefined]);
  });
}

test('lists, unknown paths and refused keys carry the fields, too; the management API does not', async () => {
  const headers = [['Origin', 'http://localhost:5173']];
  for (const [method, target, key, status] of [['GET', '/v1/models', KEY, 200], ['GET', '/v1/nowhere', KEY, 404], ['GET', '/v1/models', 'cr_no', 401]]) {
    const answer = await send(keyed, method, target, { headers, key });
    assert.equal(answer.status, status);
    assert.deepEqual(corsOf(answer), ['http://localhost:5173', 'Origin']);
  }
  const api = await send(keyed, 'OPTIONS', '/api/v1/keys', { headers: [...headers, ['Access-Control-Request-Method', 'POST']] });
  assert.equal(header(api, 'access-control-allow-origin'), undefined);
});

async function upgrade(lurus, headers, host = 'localhost') {
  const client = await connectRaw(lurus);
  await client.write(requestBytes('GET', '/v1/realtime?model=gpt-realtime', { key: null, host, headers: [['Connection', 'Upgrade'], ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13'], ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='], ...headers] }));
  await client.until(() => client.answers.length === 1 || client.ended, 'the answer to the upgrade');
  client.close();
  return client.answers[0];
}

test('a WebSocket: no page of another site on an open listener; the key as a subprotocol, which the vendor never sees', async () => {
  up.clear().always(websocketReply(() => {}));
  assert.equal((await upgrade(open, [['Origin', 'https://evil.example']])).status, 403);
  assert.equal((await upgrade(open, [], 'evil.example')).status, 403);
  assert.equal(up.requests.length, 0);
  assert.equal((await upgrade(open, [['Origin', PAGE]])).status, 101);

  const both = await upgrade(keyed, [['Origin', PAGE], ['Sec-WebSocket-Protocol', `realtime, openai-insecure-api-key.${KEY}, openai-beta.realtime-v1`]]);
  assert.equal(both.status, 101);
  assert.equal(header(both, 'sec-websocket-accept'), acceptFor('dGhlIHNhbXBsZSBub25jZQ=='));
  assert.equal(header(both, 'sec-websocket-protocol'), 'realtime');
  assert.equal(headerOf(up.last.headers, 'sec-websocket-protocol'), 'realtime, openai-beta.realtime-v1');
  assert.equal(headerOf(up.last.headers, 'authorization'), `Bearer ${UPSTREAM_KEY}`);
  const only = await upgrade(keyed, [['Sec-WebSocket-Protocol', `openai-insecure-api-key.${KEY}`]]);
  assert.equal(only.status, 101);
  assert.equal(header(only, 'sec-websocket-protocol'), `openai-insecure-api-key.${KEY}`);
  assert.equal(headerOf(up.last.headers, 'sec-websocket-protocol'), undefined);
  assert.equal((await upgrade(keyed, [['Sec-WebSocket-Protocol', 'realtime, openai-insecure-api-key.cr_wrong']])).status, 401);
  assert.ok(!JSON.stringify(up.requests.map((one) => one.headers)).includes(KEY));
});
