// A lost second factor: who may take it away, who is told, and what it ends.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { configFor, startLurus, tempFolder } from './lib/lurus.mjs';
import { PASSWORD, api, login, mailTo, users } from './lib/people.mjs';
import { totp } from './lib/totp.mjs';

const mail = path.join(tempFolder('lurus-mail-'), 'sink');
const { user, env } = users([
  { email: 'owner@example.com', role: 'owner' },
  { email: 'admin@example.com', role: 'admin' },
  { email: 'ann@example.com', role: 'member' },
  { email: 'bob@example.com', role: 'member' },
]);
let lurus, admin;
test.before(async () => {
  lurus = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), mail: { sink: mail, from: 'Lurus <lurus@example.com>' }, user }, env });
  admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
});
test.after(async () => {
  await lurus?.close();
  fs.rmSync(path.dirname(mail), { recursive: true, force: true });
});

const tokenOf = async (email) => {
  const answer = await login(lurus, email);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body.access_token;
};
/// Gives somebody a second factor; a token of theirs from before.
const enrol = async (email) => {
  const token = await tokenOf(email);
  const { body } = await api(lurus, 'POST', 'totp', { token, body: { password: PASSWORD } });
  assert.equal((await api(lurus, 'POST', 'totp/confirm', { token, body: { code: totp(body.secret) } })).status, 200);
  assert.equal((await login(lurus, email)).body.totp_required, true);
  return token;
};
const reset = (token, whose) => api(lurus, 'POST', 'totp/reset', { token, body: { user: whose } });

test('an admin lets a member in again, who is told by mail and in their own events, and signed out', async () => {
  const before = await enrol('ann@example.com');
  assert.equal((await reset(await tokenOf('bob@example.com'), 'ann@example.com')).status, 403);
  const done = await reset(await tokenOf('admin@example.com'), 'Ann@example.com');
  assert.equal(done.status, 200, JSON.stringify(done.body));
  assert.equal(done.body.email, 'ann@example.com');
  assert.equal(done.body.mailed, true);
  assert.equal((await api(lurus, 'GET', 'sessions', { token: before })).status, 401);
  assert.match(await mailTo(mail, 'ann@example.com'), /removed by admin@example\.com/);
  const token = await tokenOf('ann@example.com');
  assert.equal((await api(lurus, 'GET', 'totp', { token })).body.enabled, false);

  const { body } = await api(lurus, 'GET', '/api/v1/me/events', { token });
  const told = body.data.find(({ event }) => event === 'second factor removed by somebody else');
  assert.ok(told, JSON.stringify(body));
  assert.equal(told.by_themselves, false);
  assert.match(told.detail, /^by admin@example\.com/);
  assert.equal(told.remote_address, undefined, 'where the admin sat is the admin\'s');
  assert.ok(body.data.some(({ event, by_themselves: own }) => event === 'second factor added' && own));
  assert.ok(!JSON.stringify(body).includes('bob@example.com'), 'nothing of others');

  const entries = (await api(lurus, 'GET', '/api/v1/audit?action=resetSecondFactor', { token: admin })).body.data;
  const made = entries.filter(({ status }) => status === 200);
  assert.equal(made.length, 1);
  assert.deepEqual([made[0].actor_name, made[0].target], ['admin@example.com', 'ann@example.com']);
});

test('one\'s own events come in pages, and to people only', async () => {
  const token = await tokenOf('bob@example.com');
  const all = (await api(lurus, 'GET', '/api/v1/me/events?limit=1000', { token })).body.data;
  assert.ok(all.length >= 2);
  const seen = [];
  for (let cursor = ''; ;) {
    const { body } = await api(lurus, 'GET', `/api/v1/me/events?limit=1${cursor}`, { token });
    seen.push(...body.data);
    if (!body.next) break;
    cursor = `&cursor=${body.next}`;
  }
  assert.deepEqual(seen.map(({ number }) => number), all.map(({ number }) => number));
  assert.equal((await api(lurus, 'GET', '/api/v1/me/events', { token: admin })).status, 403);
});

test('an owner is for owners; the last one for whoever is on the machine', async () => {
  await enrol('owner@example.com');
  const refused = await reset(await tokenOf('admin@example.com'), 'owner@example.com');
  assert.equal(refused.status, 403);
  assert.equal((await login(lurus, 'owner@example.com')).status, 401);
  const done = await lurus.cli(['user', 'reset-second-factor', 'owner@example.com']);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^'owner@example\.com' has no second factor any more and is signed out; a mail tells them\.\n$/);
  assert.equal((await login(lurus, 'owner@example.com')).status, 200);
  const again = await lurus.cli(['user', 'reset-second-factor', 'owner@example.com']);
  assert.equal(again.code, 3);
  assert.match(again.stderr, /has no second factor/);
  assert.equal((await lurus.cli(['user', 'reset-second-factor', 'nobody@example.com'])).code, 3);
  await enrol('bob@example.com');
  const members = (await lurus.cli(['user', 'list', '--json'])).stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const bob = members.find((member) => Object.values(member).includes('bob@example.com'));
  assert.equal((await lurus.cli(['user', 'reset-second-factor', bob.id])).code, 0, 'by the id that the list shows');
  assert.equal((await login(lurus, 'bob@example.com')).status, 200);
});

test('it works on the folder itself, too, when no server runs', async () => {
  await enrol('owner@example.com');
  await lurus.stop();
  const done = await lurus.cli(['user', 'reset-second-factor', 'owner@example.com', '--json']);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).email, 'owner@example.com');
  const mails = fs.readdirSync(mail).filter((name) => fs.readFileSync(path.join(mail, name), 'utf8').includes('To: <owner@example.com>'));
  assert.equal(mails.length, 2, 'the command ends after its mail has left');
  await lurus.start();
  assert.equal((await login(lurus, 'owner@example.com')).status, 200);
});
