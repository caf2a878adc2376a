// What every suite starts with: one scripted upstream, one server, both gone at the end.
import { before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { startUpstream, headerOf } from '../../upstream/index.mjs';
import { configFor, startLurus } from './lurus.mjs';

/// `more` goes to configFor; a function gets the upstream, and one with two parameters a second one, `other`. `ready` is
/// told when all of it is there.
export function gateway(more = {}, { ready = () => {}, ...options } = {}) {
  const context = {};
  const wanted = typeof more === 'function' ? more : () => more;
  const upstreams = () => [context.up, context.other].filter(Boolean);
  before(async () => {
    context.up = await startUpstream();
    if (wanted.length > 1) context.other = await startUpstream();
    context.lurus = await startLurus({ config: configFor(context.up, wanted(context.up, context.other)), ...options });
    ready(context);
  });
  beforeEach(() => {
    for (const one of upstreams()) one.clear().always({ status: 500, body: 'the test gave no answer for this request' });
  });
  after(async () => {
    try {
      await context.lurus?.close();
    } finally {
      for (const one of upstreams()) await one.close();
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
