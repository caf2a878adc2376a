// A configuration is taken whole or not at all, whatever is asked of the server meanwhile.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { chat, json, startUpstream } from '../upstream/index.mjs';
import { KEY, configFor, startLurus, tomlOf } from './lib/lurus.mjs';
import { api, users } from './lib/people.mjs';

const RELOADS = 40;
const CLIENTS = 8;

/// In one step: the server looks at the file by itself as well.
function put(lurus, config, comment = '') {
  fs.writeFileSync(`${lurus.configFile}.next`, `${tomlOf(config)}# ${comment}\n`, { mode: 0o600 });
  fs.renameSync(`${lurus.configFile}.next`, lurus.configFile);
}

/// Asks for the model until told to stop; what came back, by status.
function load(lurus, model) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
  const statuses = new Map();
  let running = true;
  const body = JSON.stringify(chat.request(false, { model }));
  const once = () => new Promise((resolve, reject) => {
    const request = http.request(`${lurus.url}/v1/chat/completions`, { method: 'POST', agent, headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode)).on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (running) {
      const status = await once();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  return {
    stop: async () => {
      running = false;
      await Promise.all(clients);
      agent.destroy();
      return Object.fromEntries(statuses);
    },
  };
}

test('a file whose last part is refused answers not one request', async () => {
  const up = await startUpstream();
  up.always(json(chat.json));
  const one = { name: 'one', kind: 'openai', base_url: `${up.url}/v1`, api_key: 'sk-one', models: ['known'] };
  const two = { ...one, name: 'two', models: ['only-in-the-refused-file'] };
  const { user, env } = users([{ email: 'nobody@example.com', password: '', role: 'member' }]);
  const lurus = await startLurus({ config: configFor(up, { providers: [one] }), env });
  try {
    const token = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
    const good = lurus.config;
    // Users are the last that is prepared, and none has an empty password.
    const refused = { ...good, provider: [one, two], key: [...good.key, { name: 'next', value: 'cr_of_the_refused_file_0001' }], user };
    const asked = load(lurus, 'only-in-the-refused-file');
    const known = load(lurus, 'known');
    for (let i = 0; i < RELOADS; i++) {
      put(lurus, refused, i);
      const answer = await api(lurus, 'POST', '/api/v1/reload', { token });
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.match(answer.body.detail, /nobody@example\.com/);
      if (i % 8 === 7) {
        put(lurus, good);
        assert.equal((await api(lurus, 'POST', '/api/v1/reload', { token })).status, 200);
      }
    }
    const [others, answered] = [await asked.stop(), await known.stop()];
    console.log(`${RELOADS} refused reloads; for the refused file's model: ${JSON.stringify(others)}, for the other: ${JSON.stringify(answered)}`);
    assert.deepEqual(Object.keys(others), ['404'], 'the model of a refused file was answered');
    assert.deepEqual(Object.keys(answered), ['200']);
    assert.ok(others[404] > 0 && answered[200] > 0);
    const keys = await api(lurus, 'GET', '/api/v1/keys', { token });
    assert.deepEqual(keys.body.data.map((key) => key.name), ['e2e']);

    // The same file without its mistake is taken, whole.
    put(lurus, { ...refused, user: [] });
    assert.equal((await api(lurus, 'POST', '/api/v1/reload', { token })).status, 200);
    const now = load(lurus, 'only-in-the-refused-file');
    assert.deepEqual(Object.keys(await now.stop()), ['200']);
  } finally {
    await lurus.close();
    await up.close();
  }
});
