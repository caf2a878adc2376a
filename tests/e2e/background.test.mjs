// Answers that a vendor makes behind: what they used is booked once, by whoever first reads their end.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { json, responses, sse, startUpstream, usageMismatch } from '../upstream/index.mjs';
import { assertError, gateway } from './lib/suite.mjs';
import { ask, connectRaw, header, post, requestBytes } from './lib/raw.mjs';
import { KEY, configFor, startLurus, tempFolder } from './lib/lurus.mjs';

const value = (name) => `cr_${name}_${'0'.repeat(24)}`;
const keys = [{ name: 'e2e', value: KEY }, { name: 'other', value: value('other') }, { name: 'poor', value: value('poor'), budget: '0.00005 USD/total' }];
const context = gateway({ keys, server: { threads: 3 } });

const usage = { input_tokens: 90, input_tokens_details: { cached_tokens: 64 }, output_tokens: 44, output_tokens_details: { reasoning_tokens: 12 }, total_tokens: 134 };
const response = (id, status, more = {}) => ({ id, object: 'response', created_at: 1760000000, status, background: true, error: null, model: 'gpt-5-mini', output: [], usage: null, ...more });
const ended = (id, status = 'completed') => response(id, status, { usage });
const event = (type, more) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;

let last = 0;
const newId = () => `resp_${String((last += 1)).padStart(6, '0')}${process.pid}`;
const rowOf = (answer, lurus = context.lurus) => lurus.row(header(answer, 'x-lurus-trace-id'), { patience: 4000 });
const none = (row) => assert.deepEqual([row.usage.input ?? null, row.usage.output ?? null, row.cost_nano_usd ?? null], [null, null, null], JSON.stringify(row));
const real = (row) => {
  assert.deepEqual(usageMismatch(row.usage, responses.usage), {}, JSON.stringify(row));
  assert.equal(row.usage.estimated, undefined);
  assert.ok(row.cost_nano_usd > 0, JSON.stringify(row));
};

async function begin(id, { lurus = context.lurus, up = context.up, key = KEY, more = {} } = {}) {
  up.next(json(response(id, 'queued')));
  const answer = await post(lurus, '/v1/responses', responses.request(false, { background: true, store: true, ...more }), { key });
  assert.equal(answer.status, 200, `${answer.body}`);
  return answer;
}
const read = (id, answer, { lurus = context.lurus, up = context.up, key = KEY, query = '' } = {}) => {
  up.next(typeof answer === 'object' && answer.object ? json(answer) : answer);
  return ask(lurus, 'GET', `/v1/responses/${id}${query}`, { key });
};

test('asked for, looked at, read at its end, read again: booked once', async () => {
  const id = newId();
  const asked = await rowOf(await begin(id));
  none(asked);
  none(await rowOf(await read(id, response(id, 'queued'))));
  none(await rowOf(await read(id, response(id, 'in_progress'))));
  const row = await rowOf(await read(id, ended(id)));
  real(row);
  assert.equal(row.model, 'gpt-5-mini');
  assert.match(row.attempts[0].chosen_because ?? row.attempts[0].because, new RegExp(asked.record_id.replaceAll('-', '')));
  for (let i = 0; i < 3; i += 1) none(await rowOf(await read(id, ended(id))));
});

test('an answer that was not made behind, or that nobody knows, is not booked by reading it', async () => {
  const { up, lurus } = context;
  const id = newId();
  up.next(json({ ...ended(id), background: false }));
  real(await rowOf(await post(lurus, '/v1/responses', responses.request(false, { store: true }))));
  none(await rowOf(await read(id, ended(id))));
  none(await rowOf(await read(newId(), ended('resp_unknown'))));
});

test('a vendor that is done at once is booked at once', async () => {
  const { up, lurus } = context;
  const id = newId();
  up.next(json(ended(id)));
  real(await rowOf(await post(lurus, '/v1/responses', responses.request(false, { background: true }))));
  none(await rowOf(await read(id, ended(id))));
});

test('a stream that the client leaves is read on elsewhere, from where it was', async () => {
  const { up, lurus } = context;
  const id = newId();
  const created = event('response.created', { sequence_number: 0, response: response(id, 'queued') });
  const delta = event('response.output_text.delta', { sequence_number: 4, item_id: 'm', delta: 'word' });
  up.next(sse('', { pieces: [created + delta, 60_000], end: 'hang', lastChunk: false }));
  const client = await connectRaw(lurus);
  await client.write(requestBytes('POST', '/v1/responses', { body: responses.request(true, { background: true }) }));
  await client.until(() => client.bodySoFar().includes('word'), 'the first events');
  const trace = header(client.answers[0], 'x-lurus-trace-id');
  client.close();
  none(await lurus.row(trace, { patience: 4000 }));
  const rest = sse(delta + event('response.completed', { sequence_number: 5, response: ended(id) }));
  const query = '?stream=true&starting_after=4';
  const answer = await read(id, rest, { query });
  assert.ok(answer.body.toString().includes('response.completed'));
  real(await rowOf(answer));
  none(await rowOf(await read(id, rest, { query })));
});

test('cancelled: by what the vendor says it used, else by the estimate', async () => {
  const { up, lurus } = context;
  const cancel = (id, answer) => {
    up.next(json(answer));
    return post(lurus, `/v1/responses/${id}/cancel`, '');
  };
  let id = newId();
  await begin(id);
  real(await rowOf(await cancel(id, ended(id, 'cancelled'))));
  id = newId();
  await begin(id, { more: { max_output_tokens: 50 } });
  const row = await rowOf(await cancel(id, response(id, 'cancelled')));
  assert.deepEqual(usageMismatch(row.usage, { output: 50, estimated: true }), {});
  none(await rowOf(await read(id, response(id, 'cancelled'))));
  id = newId();
  await begin(id);
  none(await rowOf(await read(id, response(id, 'failed', { error: { code: 'server_error', message: 'no' } }))));
});

test('twenty who read the end at once: one books it', async () => {
  const { up } = context;
  for (let round = 0; round < 5; round += 1) {
    const id = newId();
    await begin(id);
    up.always(json(ended(id)));
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(context.lurus, 'GET', `/v1/responses/${id}`)));
    const rows = await Promise.all(answers.map((answer) => rowOf(answer)));
    assert.equal(rows.filter((row) => row.usage.output === 44).length, 1);
    assert.equal(rows.filter((row) => (row.usage.output ?? null) === null).length, 19);
  }
});

test('the bill goes to who asked, whoever reads', async () => {
  const id = newId();
  await begin(id);
  const row = await rowOf(await read(id, ended(id), { key: value('other') }));
  real(row);
  assert.equal(row.key, 'e2e');
});

test('what is made behind holds its estimate against the budget, and then costs what it cost', async () => {
  const { up, lurus } = context;
  const id = newId();
  const key = value('poor');
  await begin(id, { key, more: { max_output_tokens: 5000 } });
  const refused = await post(lurus, '/v1/responses', responses.request(false), { key });
  assertError(responses, refused, 429, /budget/);
  // 26 + 64 cached in, 44 out of gpt-5-mini cost about 0.0001 USD, more than the budget.
  await read(id, ended(id), { key: KEY });
  assertError(responses, await post(lurus, '/v1/responses', responses.request(false), { key }), 429, /used up/);
  assert.equal(up.requests.length, 2);
});

async function withServer(run) {
  const lurus = await startLurus({ config: configFor(context.up, { keys }) });
  try {
    await run(lurus);
  } finally {
    await lurus.close();
  }
}

test('it is booked once also over restarts', () => withServer(async (lurus) => {
  const id = newId();
  await begin(id, { lurus });
  for (const check of [real, none]) {
    await lurus.stop({ signal: 'SIGKILL' });
    await lurus.start();
    check(await rowOf(await read(id, ended(id), { lurus }), lurus));
  }
}));

test('it is booked once also by another server over the same database', () => withServer(async (one) => {
  const folder = tempFolder();
  let two;
  try {
    const [a, b] = [newId(), newId()];
    for (const id of [a, b]) await begin(id, { lurus: one });
    // A folder, a log and a lock of its own, and the first one's lurus.db.
    fs.mkdirSync(path.join(folder, 'data'), { mode: 0o700 });
    // SQLite follows a link to the database itself, and looks for the other two beside the link on Windows.
    for (const name of ['lurus.db', 'lurus.db-wal', 'lurus.db-shm']) fs.symlinkSync(path.join(one.dataDir, name), path.join(folder, 'data', name));
    two = await startLurus({ config: configFor(context.up, { keys }), dataDir: folder });
    real(await rowOf(await read(a, ended(a), { lurus: two }), two));
    none(await rowOf(await read(a, ended(a), { lurus: one }), one));
    real(await rowOf(await read(b, ended(b), { lurus: one }), one));
    none(await rowOf(await read(b, ended(b), { lurus: two }), two));
  } finally {
    await two?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}));
