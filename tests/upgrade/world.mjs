// What the folder of an upgrade test is asked: by the executable that made it, and by every later one.
import fs from 'node:fs';
import path from 'node:path';
import { anthropic } from '../upstream/index.mjs';
import { api } from '../e2e/lib/people.mjs';
import { post } from '../e2e/lib/raw.mjs';

/// The configuration file beside the folder. A provider, a route and a price are stored besides.
export const CONFIG = {
  server: { threads: 1 },
  provider: [{ name: 'demo', kind: 'demo', models: ['*'] }],
  key: [{ name: 'configured', value: 'cr_upgrade_0123456789abcdef0123456789' }],
};

const since = '2020-01-01';
const LISTS = {
  keys: 'keys', keys_acme: 'keys?org=acme', orgs: 'orgs', members: 'members', members_acme: 'members?org=acme', teams: 'teams',
  teams_acme: 'teams?org=acme', users: 'users', services: 'service-accounts', providers: 'providers', routes: 'routes',
  prices: 'prices?model=claude-upgrade', audit: 'audit?limit=1000',
};
const SUMS = {
  ...Object.fromEntries(['model', 'provider', 'key', 'user', 'day'].map((by) => [`usage_${by}`, `usage?by=${by}&since=${since}&until=`])),
  usage_acme: `usage?by=key&since=${since}&org=acme&until=`,
  ...Object.fromEntries(['account', 'key', 'user', 'team'].map((by) => [`statistics_${by}`, `statistics?by=${by}&from=${since}&to=`])),
  records: 'logs?limit=1000&until=',
};

export const adminToken = (lurus) => fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();

export async function ask(lurus, target) {
  const answer = await api(lurus, 'GET', `/api/v1/${target}`, { token: adminToken(lurus) });
  if (answer.status !== 200) throw new Error(`${target}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/// Everything that the management API tells of the folder; sums and records of before `until`.
export async function told(lurus, until) {
  const all = {};
  for (const [name, target] of Object.entries(LISTS)) all[name] = (await ask(lurus, target)).data;
  for (const [name, target] of Object.entries(SUMS)) all[name] = (await ask(lurus, target + until)).data;
  return all;
}

export const use = (lurus, key) =>
  post(lurus, anthropic.target(false), anthropic.request(false, { model: 'claude-upgrade' }), { key, headers: anthropic.headers });

/// The status that each key gets.
export async function statuses(lurus, keys) {
  const out = {};
  for (const [name, key] of Object.entries(keys)) out[name] = (await use(lurus, key)).status;
  return out;
}
