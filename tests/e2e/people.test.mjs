// People over a running server: the first owner, the command line, keys that stop within a second, shared limits, records.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropic, chat, json } from '../upstream/index.mjs';
import { gateway } from './lib/suite.mjs';
import { post } from './lib/raw.mjs';
import { PASSWORD, api, setupLink } from './lib/people.mjs';
import { PATIENCE, configFor, startLurus } from './lib/lurus.mjs';

const context = gateway({ server: { threads: 4 }, limits: { team: { rpm: 3 }, org: { rpm: 1000 } } });

/// A command that must end well; its JSON lines.
async function command(...args) {
  const done = await context.lurus.cli([...args, '--json']);
  assert.equal(done.code, 0, `lurus ${args.join(' ')}: ${done.stderr}`);
  return done.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}
const text = async (...args) => (await context.lurus.cli(args)).stdout;

/// Somebody with a password; their access token.
async function signedIn(email, role, org = 'default') {
  await command('user', 'add', email, '--role', role, '--org', org);
  const [{ token }] = await command('user', 'reset-password', email);
  assert.equal((await api(context.lurus, 'POST', 'password/reset/confirm', { body: { token, new_password: PASSWORD } })).status, 204);
  return (await api(context.lurus, 'POST', 'login', { body: { email, password: PASSWORD } })).body.access_token;
}
const keyOf = async (token, body) => {
  const made = await api(context.lurus, 'POST', '/api/v1/keys', { token, body });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body.key;
};
const use = (key) => post(context.lurus, chat.target(false), chat.request(false), { key });

/// The banner is printed after the server is ready.
async function printed(lurus, word) {
  const until = Date.now() + 5000 * PATIENCE;
  while (!lurus.output.includes(word)) {
    if (Date.now() > until) throw new Error(`no ${word} in ${lurus.output}`);
    await sleep(20);
  }
  await sleep(20);
}

test('the link of the start makes the owner, once; then there is none', async () => {
  const lurus = await startLurus({ config: { server: { threads: 1 } } });
  try {
    await printed(lurus, 'usage');
    const { token } = setupLink(lurus);
    const body = { token, email: 'first@example.com', password: PASSWORD };
    const made = await api(lurus, 'POST', 'setup', { body });
    assert.equal(made.status, 200);
    const me = (await api(lurus, 'GET', '/api/v1/me', { token: made.body.access_token })).body;
    assert.equal(me.role, 'owner');
    assert.ok(me.permissions.includes('operate'));
    assert.equal((await api(lurus, 'POST', 'setup', { body })).status, 403);
    await lurus.stop();
    lurus.output = '';
    await lurus.start();
    await printed(lurus, 'usage');
    assert.doesNotMatch(lurus.output, /own it/);
    assert.ok(!fs.existsSync(path.join(lurus.dataDir, 'owner-link.txt')));
    // What was done before is in the audit still.
    assert.match((await lurus.cli(['audit', 'list'])).stdout, /first@example\.com +setUp/);
  } finally {
    await lurus.close();
  }
  const script = await startLurus({ config: { server: { threads: 1 } }, args: ['--json'] });
  await printed(script, 'usage');
  assert.doesNotMatch(script.output, /own it/);
  await script.close();
});

test('the command line does what the API does', async () => {
  await command('org', 'create', 'acme', '--owner', 'boss@acme.example');
  await command('org', 'rename', 'acme', 'acme-labs');
  assert.deepEqual((await command('org', 'list')).map(({ name }) => name), ['acme-labs', 'default']);
  await command('user', 'add', 'ann@acme.example', '--org', 'acme-labs');
  await command('user', 'role', 'ann@acme.example', 'admin', '--org', 'acme-labs');
  assert.deepEqual((await command('user', 'list', '--org', 'acme-labs')).map(({ email, role }) => `${email} ${role}`), ['ann@acme.example admin', 'boss@acme.example owner']);
  assert.deepEqual((await command('user', 'list')).filter(({ email }) => email.includes('acme')), []);
  assert.ok((await command('user', 'list', '--all')).some(({ email }) => email === 'ann@acme.example'));
  assert.match(await text('user', 'list', '--org', 'acme-labs'), /ann@acme\.example +admin +active/);
  const [invited] = await command('user', 'invite', 'new@acme.example', '--role', 'viewer', '--org', 'acme-labs');
  assert.match(invited.link, /\/console\/invitation#token=lnk_/);

  await command('team', 'create', 'red', '--org', 'acme-labs');
  await command('team', 'add', 'red', 'ann@acme.example', '--org', 'acme-labs');
  assert.deepEqual((await command('team', 'list', '--org', 'acme-labs'))[0].members.map(({ name }) => name), ['ann@acme.example']);
  await command('service', 'add', 'robot', '--role', 'viewer', '--org', 'acme-labs');
  const [token] = await command('service', 'token', 'robot', '--scope', 'read_keys,signed_in', '--org', 'acme-labs');
  assert.equal((await api(context.lurus, 'GET', '/api/v1/me', { token: token.access_token })).body.name, 'robot');

  const [key] = await command('key', 'create', '--name', 'hers', '--user', 'ann@acme.example', '--team', 'red', '--tag', 'blue', '--tag', 'x', '--expires-after', '30d', '--org', 'acme-labs');
  assert.equal(key.owner, 'ann@acme.example');
  assert.deepEqual((await command('key', 'list', '--org', 'acme-labs', '--tag', 'blue')).map(({ name }) => name), ['hers']);
  assert.deepEqual(await command('key', 'list', '--org', 'acme-labs', '--search', 'nothing'), []);
  const [rotated] = await command('key', 'rotate', 'hers', '--overlap', '1h', '--org', 'acme-labs');
  context.up.always(json(chat.json));
  for (const value of [key.key, rotated.key]) assert.equal((await use(value)).status, 200);

  const exported = await command('user', 'export', 'ann@acme.example');
  assert.equal(exported[0].memberships[0].keys[0].name, 'hers');
  assert.ok(Array.isArray(exported[0].sessions));
  assert.ok(exported[0].audit.some(({ target, by_themselves: own }) => target.includes('ann@acme.example') && !own), JSON.stringify(exported[0].audit));
  assert.equal(exported.filter(({ trace_id: id }) => id).length, 2); // each with her id as its user
  assert.equal(exported[1].user, exported[0].memberships[0].id);
  await command('user', 'remove', 'new@acme.example', '--org', 'acme-labs').catch(() => {}); // never joined
  await command('team', 'take', 'red', 'ann@acme.example', '--org', 'acme-labs');
  await command('team', 'rename', 'red', 'blue', '--org', 'acme-labs');
  await command('team', 'remove', 'blue', '--org', 'acme-labs');
  await command('user', 'erase', 'ann@acme.example');
  assert.equal((await use(key.key)).status, 401);
  assert.deepEqual((await command('user', 'list', '--all')).filter(({ email }) => email === 'ann@acme.example'), []);
  await command('org', 'remove', 'acme-labs');
  assert.equal((await context.lurus.cli(['user', 'list', '--org', 'acme-labs'])).code, 3);

  const audit = await command('audit', 'list', '--limit', '1000', '--action', 'eraseUser');
  assert.equal(audit.length, 1);
  assert.match(audit[0].target, /ann@acme\.example/);
  assert.match(await text('audit', 'verify'), /sound: \d+ entries/);
  const lines = await text('audit', 'export');
  assert.equal(lines.split('\n').filter(Boolean).length, (await command('audit', 'verify'))[0].entries);
  assert.ok(!lines.includes(key.key) && !lines.includes(token.access_token) && !lines.includes('lnk_'));
});

test('a change of a person is in force on every shard within a second', async () => {
  context.up.always(json(chat.json));
  const token = await signedIn('shard@example.com', 'member');
  const key = await keyOf(token, { name: 'on every shard' });
  const statuses = async () => new Set((await Promise.all(Array.from({ length: 24 }, () => use(key)))).map(({ status }) => status));
  assert.deepEqual([...await statuses()], [200]);
  for (const [action, status] of [['disable', 401], ['enable', 200], ['remove', 401]]) {
    await command('user', action, 'shard@example.com');
    await sleep(1000);
    assert.deepEqual([...await statuses()], [status], action);
  }
  assert.equal((await api(context.lurus, 'GET', '/api/v1/keys', { token })).status, 403);
});

test('records carry the member, who sees them; others do not', async () => {
  context.up.always(json(anthropic.json));
  const ann = await signedIn('ann@example.com', 'member');
  const bob = await signedIn('bob@example.com', 'member');
  const admin = await signedIn('admin@example.com', 'admin');
  const key = await keyOf(ann, { name: 'recorded' });
  const answer = await post(context.lurus, anthropic.target(false), anthropic.request(false), { key, headers: anthropic.headers ?? [] });
  assert.equal(answer.status, 200);
  const rows = async (token) => (await api(context.lurus, 'GET', '/api/v1/logs?key=recorded', { token })).body.data;
  const [row] = await rows(ann);
  assert.equal(row.user, (await api(context.lurus, 'GET', '/api/v1/me', { token: ann })).body.member);
  assert.deepEqual(await rows(bob), []);
  assert.equal((await rows(admin)).length, 1);
  assert.equal((await api(context.lurus, 'GET', `/api/v1/traces/${row.trace_id}`, { token: bob })).status, 404);
  const usage = async (token) => (await api(context.lurus, 'GET', '/api/v1/usage?by=key&since=1h', { token })).body.data.map(({ group }) => group);
  assert.deepEqual(await usage(ann), ['recorded']);
  assert.deepEqual(await usage(bob), []);
});

test('the keys of a team share its limit', async () => {
  context.up.always(json(chat.json));
  await command('team', 'create', 'sharing');
  const keys = [];
  for (const name of ['one', 'two']) keys.push((await command('key', 'create', '--name', name, '--team', 'sharing'))[0].key);
  const answers = [];
  for (let i = 0; i < 3; i += 1) for (const key of keys) answers.push(await use(key));
  assert.equal(answers.filter(({ status }) => status === 200).length, 3);
  assert.match(String(answers.at(-1).body), /team/);
});

test('[log] bodies_keys means a key of the default organisation by its name, any key by its id', async () => {
  const lurus = await startLurus({ config: configFor(context.up, { log: { bodies: 'all', bodies_keys: ['ci'] } }) });
  try {
    const token = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
    const run = async (...args) => {
      const done = await lurus.cli([...args, '--json']);
      assert.equal(done.code, 0, done.stderr);
      return JSON.parse(done.stdout);
    };
    await run('org', 'create', 'acme');
    const home = await run('key', 'create', '--name', 'ci');
    const foreign = await run('key', 'create', '--name', 'ci', '--org', 'acme');
    context.up.always(json(chat.json));
    const bodyOf = async ({ key }) => {
      const { trace } = await post(lurus, chat.target(false), chat.request(false), { key });
      for (;;) {
        const found = await api(lurus, 'GET', `/api/v1/traces/${trace}`, { token });
        if (found.status === 200 && found.body.data.length > 0) return found.body.data[0].request_body;
        await sleep(20);
      }
    };
    assert.match(await bodyOf(home), /messages/);
    assert.equal(await bodyOf(foreign) ?? null, null);
    lurus.config.log.bodies_keys = [foreign.id];
    lurus.writeConfig();
    assert.equal((await api(lurus, 'POST', '/api/v1/reload', { token, body: {} })).status, 200);
    assert.equal(await bodyOf(home) ?? null, null);
    assert.match(await bodyOf(foreign), /messages/);
  } finally {
    await lurus.close();
  }
});

test('who or what is named wrong is said, with the nearest there is, and nothing is done', async () => {
  await command('org', 'create', 'names');
  await command('user', 'add', 'Petra@names.example', '--org', 'names');
  await command('service', 'add', 'deploy', '--org', 'names');
  await command('team', 'create', 'crimson', '--org', 'names');
  const cases = [
    [['team', 'add', 'crimson', 'petro@names.example'], 'no member or service account `petro@names.example`; did you mean `petra@names.example`?'],
    [['team', 'take', 'crimson', 'deploi'], 'no member or service account `deploi`; did you mean `deploy`?'],
    [['team', 'take', 'crimson', 'petra@names.example'], '`petra@names.example` is not in the team `crimson`'],
    [['team', 'add', 'crimsom', 'petra@names.example'], 'no team `crimsom`; did you mean `crimson`?'],
    [['key', 'create', '--name', 'k', '--user', 'petra'], 'no member or service account `petra`; did you mean `petra@names.example`?'],
    [['key', 'create', '--name', 'k', '--team', 'crimsom'], 'no team `crimsom`; did you mean `crimson`?'],
    [['user', 'role', 'petr@names.example', 'admin'], 'no member `petr@names.example`; did you mean `petra@names.example`?'],
    [['service', 'disable', 'deploi'], 'no service account `deploi`; did you mean `deploy`?'],
    [['team', 'add', 'crimson', 'somebody@else.where'], 'no member or service account `somebody@else.where`'],
  ];
  for (const [args, wanted] of cases) {
    const done = await context.lurus.cli([...args, '--org', 'names']);
    assert.equal(done.code, 3, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, new RegExp(`^lurus: (there is )?${wanted.replace(/[.?]/g, '\\$&')}\n$`), args.join(' '));
  }
  const wrong = await context.lurus.cli(['team', 'list', '--org', 'naems']);
  assert.deepEqual([wrong.code, wrong.stderr], [3, 'lurus: there is no organisation `naems`; did you mean `names`?\n']);
  const nobody = await context.lurus.cli(['user', 'reset-password', 'petr@names.example']);
  assert.equal(nobody.code, 3);
  assert.deepEqual((await command('team', 'list', '--org', 'names'))[0].members, []);
  assert.deepEqual(await command('key', 'list', '--org', 'names'), []);
  const owned = await text('org', 'create', 'names-two', '--owner', 'new@names.example');
  assert.match(owned, /was made\. 'new@names\.example' has never signed in here; a link for them: lurus user invite new@names\.example --role owner --org names-two\n/);
  for (const org of ['names', 'names-two']) await command('org', 'remove', org);
});

test('a person is called by address, by user id or by member id, in any case of letters', async () => {
  const [{ id: member, user }] = await command('user', 'add', 'ida@ids.example');
  assert.notEqual(member, user);
  const called = ['ida@ids.example', 'IDA@Ids.example', user, member];
  for (const who of called) {
    assert.equal((await command('user', 'role', who, 'viewer'))[0].email, 'ida@ids.example', who);
    assert.equal((await command('user', 'reset-password', who))[0].email, 'ida@ids.example', who);
    assert.equal((await command('user', 'disable', who))[0].status, 'disabled', who);
    assert.equal((await command('user', 'enable', who))[0].status, 'active', who);
    assert.equal((await command('user', 'disable', who, '--org', 'default'))[0].disabled, true, who);
    assert.equal((await command('user', 'enable', who, '--org', 'default'))[0].disabled, false, who);
    assert.equal((await command('user', 'edit', who, '--rpm', '7'))[0].email, 'ida@ids.example', who);
    assert.equal((await command('user', 'export', who))[0].user.email, 'ida@ids.example', who);
    const [key] = await command('key', 'create', '--name', `of-${who}`, '--user', who);
    assert.equal(key.owner, 'ida@ids.example', who);
    assert.ok((await command('key', 'list', '--user', who)).some(({ id }) => id === key.id), who);
    await command('team', 'create', 'callers');
    await command('team', 'add', 'callers', who);
    await command('team', 'take', 'callers', who);
    await command('team', 'remove', 'callers');
  }
  for (const who of called.slice(1)) {
    await command('user', 'remove', who);
    await command('user', 'add', 'ida@ids.example');
  }
  await command('user', 'erase', user);
  for (const who of called) assert.equal((await context.lurus.cli(['user', 'reset-password', who])).code, 3, who);
});

test('an invitation names the organisation', async () => {
  await command('org', 'create', 'guild');
  const said = await text('user', 'invite', 'guest@guild.example', '--org', 'guild');
  assert.match(said, /^'guest@guild\.example' is invited to the organisation 'guild' with this link/);
  assert.equal((await command('user', 'invite', 'guest@guild.example', '--org', 'guild'))[0].org_name, 'guild');
  await command('org', 'remove', 'guild');
});
