// `kill -9` under load, again and again on the same data folder: whatever answer a client saw end is in the log, with its usage.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS, anthropic, chat, gemini, json, responses, sse, startUpstream } from '../upstream/index.mjs';
import { randomOf } from '../e2e/lib/suite.mjs';
import { connectRaw, header, requestBytes } from '../e2e/lib/raw.mjs';
import { PATIENCE, configFor, startLurus } from '../e2e/lib/lurus.mjs';

const KILLS = Number(process.env.LURUS_KILLS || 22);
const WORKERS = 10;
const SECONDS = 85 * PATIENCE;

// Every request has its own number, and its usage follows from it: a row with another's usage is seen.
const usageOf = (n) => ({ input: n + 1, output: 2 * n + 3 });

const numbered = (dialect, text, n) => {
  const { input, output } = usageOf(n);
  switch (dialect) {
    case anthropic: return text.replaceAll('"input_tokens":21', `"input_tokens":${input}`).replaceAll('"output_tokens":37', `"output_tokens":${output}`);
    case chat: return text.replaceAll('"prompt_tokens":150', `"prompt_tokens":${input + 128}`).replaceAll('"completion_tokens":60', `"completion_tokens":${output}`)
      .replaceAll('"total_tokens":210', `"total_tokens":${input + 128 + output}`);
    case responses: return text.replaceAll('"input_tokens":90', `"input_tokens":${input + 64}`).replaceAll('"output_tokens":44', `"output_tokens":${output}`)
      .replaceAll('"total_tokens":134', `"total_tokens":${input + 64 + output}`);
    default: return text.replace(/"promptTokenCount": ?70/g, `"promptTokenCount":${input + 50}`)
      .replace(/"candidatesTokenCount": ?18,/g, `"candidatesTokenCount":${output},`).replace(/"thoughtsTokenCount": ?25,/g, '"thoughtsTokenCount":0,');
  }
};

const numberIn = (request) => Number(/number-(\d+)-/.exec(request.body.toString())[1]);
const dialectOf = (target) => (target.includes('/messages') ? anthropic : target.includes('chat') ? chat : target.includes('responses') ? responses : gemini);

function scriptedVendor(random) {
  return (request) => {
    const dialect = dialectOf(request.target);
    const n = numberIn(request);
    const stream = request.target.includes('stream') || request.body.includes('"stream":true');
    if (!stream) return json(numbered(dialect, dialect.json, n), { headDelay: random.below(30) });
    const pieces = dialect.events.flatMap((event) => [numbered(dialect, event, n), random.below(4)]);
    return sse('', { pieces });
  };
}

/// The whole last event: the dialect's own end, whether or not the framing's end came too. Gemini has none: after a
/// finishReason more may come, so its answers end with their framing.
const sawEnd = (dialect, text) => {
  if (dialect === gemini) return false;
  const at = text.lastIndexOf(dialect.end);
  return at >= 0 && /\r?\n\r?\n$/.test(text.slice(at));
};

/// One client: asks, and notes each answer that it saw end.
async function worker(id, state, random) {
  let client = null;
  while (!state.over) {
    const n = state.next++;
    const dialect = random.pick(DIALECTS);
    const stream = random.below(3) > 0;
    try {
      if (!client || client.ended) {
        client = await connectRaw(state.lurus);
        client.count = 0;
      }
      const body = dialect.request(stream, dialect === gemini ? { cachedContent: `number-${n}-` } : { user: `number-${n}-` });
      const index = client.count++;
      await client.write(requestBytes('POST', dialect.target(stream), { body, headers: dialect.headers }));
      await client.until(() => {
        const answer = client.answers[index];
        if (!answer) return client.ended;
        if (stream && !answer.noted && Array.isArray(answer.body) && sawEnd(dialect, Buffer.concat(answer.body).toString())) note(answer);
        return answer.complete || client.ended;
      }, 'an answer', 8000);
      const answer = client.answers[index];
      if (answer?.complete && answer.status === 200 && !answer.noted && (!stream || answer.body.includes(dialect.end))) note(answer);
      if (client.count > 20) {
        client.close();
        client = null;
      }
      function note(seen) {
        seen.noted = true;
        state.finished.push({ trace: header(seen, 'x-lurus-trace-id'), n, dialect: dialect.dialect, how: stream ? (seen.complete ? 'whole stream' : 'last event') : 'JSON' });
      }
    } catch (error) {
      client?.close();
      client = null;
      if (!/ECONNREFUSED|ECONNRESET|EPIPE|ended/.test(`${error.code} ${error.message}`)) state.failures.push(error);
      await sleep(20);
    }
    await sleep(random.below(20));
  }
  client?.close();
  return id;
}

test(`${KILLS} times kill -9 under load`, { timeout: 110_000 * PATIENCE }, async () => {
  const seed = Number(process.env.LURUS_SEED || Date.now() % 1e9);
  const random = randomOf(seed);
  const started = Date.now();
  const up = await startUpstream();
  up.always(scriptedVendor(random));
  const lurus = await startLurus({ config: configFor(up) });
  const state = { lurus, over: false, next: 0, finished: [], failures: [] };
  const workers = Array.from({ length: WORKERS }, (_, id) => worker(id, state, random));
  let checked = 0;
  let kills = 0;
  const check = async (answers) => {
    const rows = new Map();
    for (const row of await lurus.logs(1000)) {
      assert.ok(!rows.has(row.trace_id), `two rows for ${row.trace_id}, seed ${seed}`);
      rows.set(row.trace_id, row);
    }
    for (const { trace, n, dialect, how } of answers) {
      const row = rows.get(trace);
      const where = `answer ${n} (${dialect}, ${how}), trace ${trace}, after ${kills} kills, seed ${seed}`;
      assert.ok(row, `no record of ${where}`);
      const seen = { end: row.end, dialect: row.dialect, input: row.usage.input, output: row.usage.output };
      assert.deepEqual(seen, { end: 'complete', dialect, ...usageOf(n) }, `${where}: ${JSON.stringify(row)}`);
      checked++;
    }
  };
  try {
    for (; kills < KILLS && Date.now() - started < SECONDS * 1000; kills++) {
      await sleep(120 + random.below(500));
      await lurus.kill9();
      await sleep(30);
      const answers = state.finished;
      state.finished = [];
      up.requests.length = 0;
      await lurus.start();
      await check(answers);
    }
    state.over = true;
    await Promise.all(workers);
    assert.deepEqual(state.failures, []);
    await check(state.finished);
    assert.ok(kills >= 20, `only ${kills} kills in ${SECONDS} s`);
    assert.ok(checked > 200, `only ${checked} answers were seen to end`);
    console.log(`${kills} kills, ${checked} finished answers, all in the log (seed ${seed}, ${Date.now() - started} ms)`);
  } finally {
    state.over = true;
    await Promise.allSettled(workers);
    await lurus.close();
    await up.close();
  }
});
