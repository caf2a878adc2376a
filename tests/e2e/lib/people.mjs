// Signing in to a running server, as a script or a browser would.
import fs from 'node:fs';
import path from 'node:path';
import http from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE } from './lurus.mjs';

export const PASSWORD = 'blue tractor on a hill';

/// One request to the management API: { status, headers, body }, the body parsed where it is JSON.
export async function api(lurus, method, target, { body, token, headers = {} } = {}) {
  const url = new URL(target.startsWith('/') ? target : `/api/v1/auth/${target}`, lurus.url);
  const text = body === undefined ? undefined : JSON.stringify(body);
  const request = http.request(url, {
    method,
    headers: {
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
  });
  request.end(text);
  const [response] = await once(request, 'response');
  const parts = [];
  for await (const part of response) parts.push(part);
  const answer = Buffer.concat(parts).toString();
  let parsed = answer;
  if (/[/+]json/.test(response.headers['content-type'] ?? '') && answer) parsed = JSON.parse(answer);
  return { status: response.statusCode, headers: response.headers, body: parsed };
}

export const login = (lurus, email, password = PASSWORD, more = {}) => api(lurus, 'POST', 'login', { body: { email, password, ...more } });

/// The configuration's users, and the environment that holds their passwords.
export function users(list) {
  const env = {};
  const user = list.map(({ email, password = PASSWORD, role }, i) => {
    env[`LURUS_TEST_PASSWORD_${i}`] = password;
    return { email, password_env: `LURUS_TEST_PASSWORD_${i}`, role };
  });
  return { user, env };
}

/// The newest mail to this address in the sink's folder, once there are `count` of them.
export async function mailTo(folder, address, count = 1) {
  const until = Date.now() + 5000 * PATIENCE;
  for (;;) {
    const files = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith('.eml')).sort() : [];
    const mails = files.map((name) => fs.readFileSync(path.join(folder, name), 'utf8')).filter((mail) => mail.includes(`To: <${address}>`));
    if (mails.length >= count) return mails.at(-1);
    if (Date.now() > until) throw new Error(`${mails.length} mails to ${address}, not ${count}`);
    await sleep(20);
  }
}

/// The link to the first owner, which a start puts aside where nobody else reads it: { link, token, file }.
export function setupLink(lurus) {
  const file = path.join(lurus.dataDir, 'owner-link.txt');
  const link = fs.readFileSync(file, 'utf8').trim();
  return { file, link, token: /^https?:\S+\/console\/setup#token=(\S+)$/.exec(link)[1] };
}

export const tokenIn = (mail) => /#token=(\S+)/.exec(mail)[1];
