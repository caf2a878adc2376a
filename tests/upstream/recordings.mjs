// Recorded vendor exchanges (CASE.meta.json, CASE.request.json, CASE.response.*) as replies and expectations.
// The folder is LURUS_WIRE, else `../shared/wire` beside the clone; without it there are no recordings.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export function wireFolder() {
  const folder = process.env.LURUS_WIRE || path.resolve(ROOT, '../shared/wire');
  return fs.existsSync(folder) ? folder : null;
}

/// Every recording in the four dialects: { name, folder, id }.
export function recordings(folder = wireFolder()) {
  if (!folder) return [];
  const found = [];
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    for (const file of fs.readdirSync(path.join(folder, entry.name)).sort()) {
      if (!file.endsWith('.meta.json')) continue;
      const id = file.slice(0, -'.meta.json'.length);
      const meta = readMeta(path.join(folder, entry.name), id);
      if (DIALECTS[meta.protocol]) found.push({ name: `${entry.name}/${id}`, folder: path.join(folder, entry.name), id });
    }
  }
  return found;
}

const DIALECTS = {
  'anthropic-messages': 'anthropic',
  gemini: 'gemini',
  'openai-chat': 'openai-chat',
  'openai-responses': 'openai-responses',
};

const readMeta = (folder, id) => JSON.parse(fs.readFileSync(path.join(folder, `${id}.meta.json`), 'utf8'));

const HOP_BY_HOP = new Set(['transfer-encoding', 'content-length', 'content-encoding', 'connection', 'keep-alive']);

export function load(folder, id) {
  const meta = readMeta(folder, id);
  const requestFile = path.join(folder, `${id}.request.json`);
  const body = fs.readFileSync(path.join(folder, meta.response.body_file));
  const request = fs.existsSync(requestFile) ? fs.readFileSync(requestFile) : null;
  const dialect = DIALECTS[meta.protocol];
  const headers = [];
  for (const [name, value] of Object.entries(meta.response.headers ?? {})) {
    if (HOP_BY_HOP.has(name.toLowerCase())) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.push([name, one]);
  }
  if (meta.response.content_type && !headers.some(([name]) => name.toLowerCase() === 'content-type')) {
    headers.push(['content-type', meta.response.content_type]);
  }
  return { meta, dialect, request, target: targetOf(meta, dialect, id), body, headers, status: meta.response.status };
}

export function replayOf(folder, id, more = {}) {
  const one = load(folder, id);
  return { status: one.status, headers: one.headers, body: one.body, framing: one.meta.response.stream ? 'chunked' : 'length', ...more };
}

/// The path that a client of the gateway uses for it.
function targetOf(meta, dialect, id) {
  const url = meta.request?.url ?? '';
  if (dialect === 'anthropic') {
    if (id.startsWith('count-tokens') || url.includes('count_tokens')) return '/v1/messages/count_tokens';
    return url.includes('beta=true') ? '/v1/messages?beta=true' : '/v1/messages';
  }
  if (dialect === 'openai-chat') return '/v1/chat/completions';
  if (dialect === 'openai-responses') return url.endsWith('/responses/input_tokens') ? '/v1/responses/input_tokens' : '/v1/responses';
  const model = /models\/([^:/?]+)[:/]/.exec(url)?.[1] ?? 'gemini-2.5-flash';
  const sse = meta.response.stream === true;
  const operation = /:(\w+)/.exec(url.split('/models/')[1] ?? '')?.[1] ?? (sse ? 'streamGenerateContent' : 'generateContent');
  return `/v1beta/models/${model}:${operation}${sse ? '?alt=sse' : ''}`;
}

/// A request for recordings that keep none.
export function requestFor(one) {
  if (one.request) return one.request;
  const stream = one.meta.response.stream === true;
  const bodies = {
    anthropic: { model: 'claude-sonnet-4-5', max_tokens: 64, stream, messages: [{ role: 'user', content: 'hi' }] },
    'openai-chat': { model: 'gpt-5-mini', stream, messages: [{ role: 'user', content: 'hi' }] },
    'openai-responses': { model: 'gpt-5-mini', stream, input: 'hi' },
    gemini: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
  };
  return Buffer.from(JSON.stringify(bodies[one.dialect]));
}

/// The recording's usage as the log's disjoint classes. null = the recording does not say; undefined = not checked.
export function expectedUsage(one) {
  const { usage, usage_raw: raw } = one.meta;
  if (!usage || !raw || /(count_?|input_)tokens/i.test(one.target)) return null;
  const includesCache = one.dialect !== 'anthropic';
  const read = usage.cache_read ?? 0;
  const write = usage.cache_write ?? 0;
  const tools = one.dialect === 'gemini' ? (raw.toolUsePromptTokenCount ?? 0) : 0;
  const input = usage.input === null ? null : Math.max(0, usage.input + tools - (includesCache ? read + write : 0));
  let output = usage.output;
  if (one.dialect === 'gemini' && (output !== null || usage.reasoning !== null)) output = (output ?? 0) + (usage.reasoning ?? 0);
  const split = raw.cache_creation;
  const write1h = split?.ephemeral_1h_input_tokens ?? 0;
  return {
    input, output,
    cache_read: usage.cache_read,
    cache_write: usage.cache_write,
    cache_write_1h: write1h,
    reasoning: usage.reasoning,
  };
}

/// Differences between a log row's usage and the expectation, as text; empty = the same.
export function usageDifferences(got, want) {
  const differences = [];
  const written = got.cache_write_5m === null && got.cache_write_1h === null ? null : (got.cache_write_5m ?? 0) + (got.cache_write_1h ?? 0);
  const seen = { ...got, cache_write: written };
  for (const name of ['input', 'output', 'cache_read', 'cache_write', 'reasoning']) {
    const same = want[name] === null ? seen[name] === null || (name.startsWith('cache_write') && seen[name] === 0) : seen[name] === want[name];
    if (!same) differences.push(`${name}: ${seen[name]} instead of ${want[name]}`);
  }
  if ((got.cache_write_1h ?? 0) !== want.cache_write_1h) differences.push(`cache_write_1h: ${got.cache_write_1h} instead of ${want.cache_write_1h}`);
  return differences;
}
