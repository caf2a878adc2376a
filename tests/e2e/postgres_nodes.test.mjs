// Several nodes over one PostgreSQL: what one changes is in force in the others, and of changes at once one wins.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { KEY } from './lib/lurus.mjs';
import { Installation, call, inMode, makeKey, refuses, takes, use } from './lib/installation.mjs';
import { health, until } from './lib/until.mjs';

const here = new Installation();
let one, two, three;

before(async () => {
  await here.start();
  one = await here.node({ keys: [{ name: 'its own', value: KEY }] });
  [two, three] = await Promise.all([here.node(), here.node()]);
});
after(() => here.close());

test('a node that shares says so', async () => {
  for (const lurus of [one, two, three]) {
    const { mode, reason, backlog, since } = await inMode(lurus, 'online');
    assert.deepEqual({ reason, backlog }, { reason: null, backlog: 0 });
    assert.ok(Date.parse(since) <= Date.now());
    assert.equal((await health(lurus)).status, 'healthy', mode);
  }
});

test('a key that one makes is taken by all, and refused by all when another revoked it; its name is one', async () => {
  const { key, id } = await makeKey(one, 'shared');
  // Whoever made it uses it at once.
  assert.equal((await use(one, key)).status, 200);
  await Promise.all([takes(two, key), takes(three, key)]);
  assert.equal((await call(two, 'POST', 'keys', { body: { name: 'shared' } })).status, 409);
  assert.equal((await call(two, 'DELETE', `keys/${id}`)).status, 204);
  assert.equal((await use(two, key)).status, 401);
  await Promise.all([refuses(one, key), refuses(three, key)]);
  const made = await Promise.all([one, two, three].map((lurus) => call(lurus, 'POST', 'keys', { body: { name: 'shared' } })));
  assert.deepEqual(made.map(({ status }) => status).sort(), [201, 409, 409]);
});

test('the configuration\'s keys stay their node\'s', async () => {
  assert.equal((await use(one, KEY)).status, 200);
  assert.equal((await use(two, KEY)).status, 401);
});

test('a key that is disabled in one is refused by the others, and taken again', async () => {
  const { key, id } = await makeKey(three, 'on and off');
  await takes(one, key);
  for (const [disabled, wait] of [[true, refuses], [false, takes]]) {
    assert.equal((await call(one, 'PATCH', `keys/${id}`, { body: { disabled } })).status, 200);
    await Promise.all([wait(two, key), wait(three, key)]);
  }
});

test('a change under an idempotency key is made once, whichever node is asked', async () => {
  const body = { name: 'once' };
  const headers = { 'idempotency-key': 'made-by-a-script-1' };
  const first = await call(one, 'POST', 'keys', { body, headers });
  const again = await call(two, 'POST', 'keys', { body, headers });
  assert.equal(first.status, 201, JSON.stringify(first.body));
  assert.deepEqual([again.status, again.body], [201, first.body]);
});

test('1,000 racing updates of one key: each version has one winner', { timeout: 240_000 }, async () => {
  const rounds = 50;
  const each = 10;
  const { id } = await makeKey(one, 'raced');
  let won = 0;
  let lost = 0;
  for (let round = 0; round < rounds; round += 1) {
    let etag;
    await until('both to have one version', async () => {
      const etags = await Promise.all([one, two].map(async (lurus) => (await call(lurus, 'GET', `keys/${id}`)).headers.etag));
      [etag] = etags;
      return etag && etags[0] === etags[1];
    });
    const answers = await Promise.all(Array.from({ length: 2 * each }, (_, i) =>
      call([one, two][i % 2], 'PATCH', `keys/${id}`, { body: { note: `${round} by ${i}` }, headers: { 'if-match': etag } })));
    const winners = answers.filter(({ status }) => status === 200);
    const losers = answers.filter(({ status }) => status === 412);
    assert.deepEqual([winners.length, losers.length], [1, 2 * each - 1], JSON.stringify(answers.map(({ status, body }) => [status, body.detail])));
    won += winners.length;
    lost += losers.length;
    const { note } = winners[0].body;
    await until('both to have the winner\'s note', async () =>
      (await Promise.all([one, two].map(async (lurus) => (await call(lurus, 'GET', `keys/${id}`)).body.note))).every((now) => now === note));
  }
  assert.deepEqual([won, lost], [rounds, rounds * (2 * each - 1)]);
});

test('changes of other members of one key at once are both kept', async () => {
  const { id } = await makeKey(one, 'merged');
  await until('the other to know it', async () => (await call(two, 'GET', `keys/${id}`)).status === 200);
  const answers = await Promise.all([
    call(one, 'PATCH', `keys/${id}`, { body: { note: 'by one' } }),
    call(two, 'PATCH', `keys/${id}`, { body: { tags: ['by-two'] } }),
  ]);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
  for (const lurus of [one, two, three]) {
    await until('both changes to be there', async () => {
      const { note, tags } = (await call(lurus, 'GET', `keys/${id}`)).body;
      return `${note} ${tags}` === 'by one by-two';
    });
  }
});

test('nodes that change many things at once agree in the end', async () => {
  await Promise.all([one, two, three].flatMap((lurus, n) => Array.from({ length: 10 }, (_, i) => makeKey(lurus, `crowd ${n} ${i}`))));
  const listOf = async (lurus) => (await call(lurus, 'GET', 'keys?limit=500')).body.data.filter(({ source }) => source === 'store').map(({ id, name }) => `${id} ${name}`).sort();
  await until('all to list the same keys', async () => {
    const lists = (await Promise.all([one, two, three].map(listOf))).map((list) => list.join('\n'));
    return lists[0].split(' crowd ').length === 31 && lists[0] === lists[1] && lists[0] === lists[2];
  });
});
