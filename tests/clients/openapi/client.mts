// Uses the running server through the client that openapi-typescript and openapi-fetch make of its document. That this compiles is
// half of the test. Prints what it found as JSON.
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

const [, , baseUrl, token] = process.argv as [string, string, string, string];
const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } });
type Problem = components['schemas']['Problem'];

function must<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.error !== undefined || answer.data === undefined) throw new Error(`${answer.response.url}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

const made = must(await client.POST('/api/v1/keys', { body: { name: 'generated', models: ['claude-*'] }, params: { header: { 'Idempotency-Key': 'from-the-client' } } }));
const secret: string = made.key;
const again = must(await client.POST('/api/v1/keys', { body: { name: 'generated', models: ['claude-*'] }, params: { header: { 'Idempotency-Key': 'from-the-client' } } }));
const keys = must(await client.GET('/api/v1/keys'));
const read = await client.GET('/api/v1/keys/{id}', { params: { path: { id: made.id } } });
const etag = read.response.headers.get('etag') ?? '';
const changed = must(await client.PATCH('/api/v1/keys/{id}', { params: { path: { id: made.id }, header: { 'If-Match': etag } }, body: { note: 'typed' } }));
const stale = await client.PATCH('/api/v1/keys/{id}', { params: { path: { id: made.id }, header: { 'If-Match': etag } }, body: { note: 'too late' } });
const refused: Problem | undefined = stale.error;
const providers = must(await client.GET('/api/v1/providers', { params: { query: { limit: 1 } } }));
const prices = must(await client.GET('/api/v1/prices', { params: { query: { limit: 3 } } }));
const logs = must(await client.GET('/api/v1/logs', { params: { query: { limit: 10 } } }));
const usage = must(await client.GET('/api/v1/usage', { params: { query: { by: 'model' } } }));
const gone = await client.DELETE('/api/v1/keys/{id}', { params: { path: { id: made.id } } });
const missing = await client.GET('/api/v1/keys/{id}', { params: { path: { id: made.id } } });

const names: string[] = keys.data.map((key) => key.name);
console.log(
  JSON.stringify({
    secret,
    same: again.key === secret && again.id === made.id,
    names,
    note: changed.note,
    stale: refused?.status,
    providers: providers.data.length,
    next: providers.next,
    prices: prices.data.length,
    logs: logs.data.length,
    usage: usage.by,
    gone: gone.response.status,
    missing: missing.error?.status,
  }),
);
