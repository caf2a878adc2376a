// The management API's document: a stock validator and a stock generator take it, and the generated client compiles and works.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { configFor, startLurus, tempFolder } from './lib/lurus.mjs';
import { api } from './lib/people.mjs';

const cache = process.env.LURUS_NODE_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'lurus/node');
const modules = path.join(cache, 'openapi/node_modules');
const skip = !fs.existsSync(path.join(modules, 'openapi-typescript')) && `no openapi-typescript in ${modules}: bash tests/clients/install.sh openapi`;
const sources = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../clients/openapi');

const OTHER_MEDIA = { exportAudit: 'application/x-ndjson', followLogs: 'text/event-stream' };
let lurus, document, admin;

before(async () => {
  lurus = await startLurus({ config: configFor({ url: 'http://127.0.0.1:9' }) });
  admin = fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
  document = (await api(lurus, 'GET', '/api/v1/openapi.json')).body;
});
after(() => lurus?.close());

const operations = () => Object.entries(document.paths).flatMap(([target, item]) => Object.entries(item).map(([method, operation]) => ({ target, method, operation })));

test('a stock validator finds it valid', { skip }, async () => {
  const { Validator } = await import(pathToFileURL(path.join(modules, '@seriousme/openapi-schema-validator/index.js')));
  const validator = new Validator();
  const found = await validator.validate(structuredClone(document));
  assert.ok(found.valid, JSON.stringify(found.errors, null, 1));
  assert.equal(validator.version, '3.1');
});

test('each operation says what it takes, answers and refuses, and who may ask', () => {
  const ids = new Set();
  for (const { target, method, operation } of operations()) {
    const at = `${method} ${target}`;
    assert.ok(!ids.has(operation.operationId), `${at}: ${operation.operationId} is taken`);
    ids.add(operation.operationId);
    const success = Object.entries(operation.responses).find(([status]) => /^[23]/.test(status) && status !== '304');
    assert.ok(success, `${at}: no success`);
    if (!['204', '202', '303'].includes(success[0])) assert.ok(success[1].content?.[OTHER_MEDIA[operation.operationId] ?? 'application/json']?.schema, `${at}: ${success[0]} without a schema`);
    for (const status of ['400', '429', '503', 'default']) assert.deepEqual(operation.responses[status], { $ref: '#/components/responses/Problem' }, `${at}: ${status}`);
    for (const name of target.match(/\{\w+\}/g) ?? []) {
      assert.ok(operation.parameters.some((p) => p.in === 'path' && p.required && `{${p.name}}` === name), `${at}: ${name}`);
    }
    assert.equal(operation.security !== undefined, operation['x-permission'] === 'anyone', `${at}: security`);
    if (method === 'patch') assert.ok(operation.requestBody, `${at}: no body`);
  }
  assert.ok(ids.size > 40);
});

test('openapi-typescript makes a client that compiles and works', { skip }, async (t) => {
  const folder = tempFolder('lurus-openapi-');
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  fs.symlinkSync(modules, path.join(folder, 'node_modules'));
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  fs.writeFileSync(path.join(folder, 'openapi.json'), JSON.stringify(document));
  fs.copyFileSync(path.join(sources, 'client.mts'), path.join(folder, 'client.mts'));
  const run = (args) => {
    try {
      return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      throw new Error(`${args[0]}: ${error.stdout}${error.stderr}`);
    }
  };
  run([path.join(modules, 'openapi-typescript/bin/cli.js'), 'openapi.json', '-o', 'api.ts']);
  const options = ['--strict', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom', '--skipLibCheck'];
  fs.writeFileSync(path.join(folder, 'node.d.ts'), 'declare const process: { argv: string[] };\n');
  run([path.join(modules, 'typescript/bin/tsc'), '--noEmit', ...options, 'client.mts', 'node.d.ts']);
  run([path.join(modules, 'typescript/bin/tsc'), '--outDir', 'out', ...options, 'client.mts', 'node.d.ts']);
  const found = JSON.parse(run(['out/client.mjs', lurus.url, admin]));
  assert.match(found.secret, /^cr_/);
  assert.equal(found.same, true, 'the second POST with the same Idempotency-Key is answered as the first was');
  assert.ok(found.names.includes('generated') && found.names.includes('e2e'), found.names.join());
  assert.equal(found.note, 'typed');
  assert.equal(found.stale, 412);
  assert.deepEqual([found.providers, found.prices, found.logs, found.usage], [1, 3, 0, 'model']);
  assert.equal(typeof found.next, 'string');
  assert.deepEqual([found.gone, found.missing], [204, 404]);
});
