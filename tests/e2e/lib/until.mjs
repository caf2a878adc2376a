// Waiting for what the server does by itself, and for what `/health` says of it.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE, httpGet } from './lurus.mjs';

export async function until(what, condition, ms = 10_000) {
  const end = Date.now() + ms * PATIENCE;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < end, `${what} did not happen`);
    await sleep(25);
  }
}

export const health = async (lurus) => JSON.parse((await httpGet(`${lurus.url}/health`)).body);
export const told = (lurus, pattern) => until(`/health to say ${pattern}`, async () => (await health(lurus)).problems.some((problem) => pattern.test(problem)));
export const healthy = (lurus) => until('/health to be well', async () => (await health(lurus)).status === 'healthy');
