// What every suite starts with: one scripted upstream, one server, both gone at the end.
import { before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { startUpstream, headerOf } from '../../upstream/index.mjs';
import { configFor, startLurus } from './lurus.mjs';

/// `more` goes to configFor; a function gets the upstream.
export function gateway(more = {}, options = {}) {
  const context = {};
  before(async () => {
    context.up = await startUpstream();
    const config = configFor(context.up, typeof more === 'function' ? more(context.up) : more);
    context.lurus = await startLurus({ config, ...options });
  });
  beforeEach(() => {
    context.up.clear();
    context.up.always({ status: 500, body: 'the test gave no answer for this request' });
  });
  after(async () => {
    try {
      await context.lurus?.close();
    } finally {
      await context.up?.close();
    }
  });
  return context;
}

/// One provider entry, of the kind that the dialect of a transcript needs.
export const providerFor = (dialect, name, url, more = {}) => ({
  name,
  kind: { anthropic: 'anthropic', gemini: 'gemini' }[dialect.dialect] ?? 'openai',
  base_url: dialect.dialect.startsWith('openai') ? `${url}/v1` : url,
  api_key: `sk-${name}`,
  models: ['*'],
  ...more,
});

/// The error text of an answer, after checking that it has the dialect's own shape and names the trace id.
export function assertError(dialect, answer, status, pattern) {
  assert.equal(answer.status, status, `${answer.status}: ${answer.body}`);
  assert.match(headerOf(answer.headers, 'content-type') ?? '', /^application\/json/);
  const text = dialect.errorMessage(JSON.parse(answer.body.toString()));
  assert.equal(typeof text, 'string', `not this dialect's error shape: ${answer.body}`);
  if (pattern) assert.match(text, pattern);
  return text;
}

/// A small deterministic generator (mulberry32): failures can be repeated by their seed.
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { next, below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] };
}
