// A default per dialect: who answers for names that nothing else knows, and for requests that name none.
import test from 'node:test';
import assert from 'node:assert/strict';
import { anthropic, chat, gemini, json } from '../upstream/index.mjs';
import { gateway, providerFor } from './lib/suite.mjs';
import { ask, post } from './lib/raw.mjs';

const context = gateway((up) => ({
  providers: [
    providerFor(anthropic, 'ant', up.url, { models: ['claude-known'] }),
    providerFor(chat, 'oai', up.url, { models: ['gpt-known'] }),
    providerFor(gemini, 'gem', up.url, { models: ['gemini-known'] }),
  ],
  default: { anthropic: 'ant', openai: 'oai/gpt-default', gemini: ['gem/gemini-default'] },
}));

test('an unknown name goes to its dialect’s default', async () => {
  const { up, lurus } = context;
  for (const [dialect, target, wanted] of [[anthropic, '/v1/messages', 'claude-new'], [chat, '/v1/chat/completions', 'gpt-default'], [gemini, '/v1beta/models/gemini-new:generateContent', 'gemini-default']]) {
    up.next(json(dialect.json));
    const answer = await post(lurus, target, dialect === gemini ? gemini.request() : dialect.request(false, { model: 'claude-new' }));
    assert.equal(answer.status, 200, answer.body.toString());
    const row = await lurus.row(answer.trace);
    assert.equal(row.upstream_model, wanted);
    if (dialect === gemini) assert.match(up.last.target, /models\/gemini-default:/);
  }
});

test('a request without a model goes to the default provider', async () => {
  const { up, lurus } = context;
  up.next(json({ id: 'resp_1', object: 'response' }));
  const answer = await ask(lurus, 'GET', '/v1/responses/resp_1');
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal((await lurus.row(answer.trace)).provider, 'oai');
});
