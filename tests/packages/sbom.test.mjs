// SBOM.spdx.json and SHA256SUMS as `./dev package` made them, in LURUS_PACKAGES (build/package by default).
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const PACKAGES = path.resolve(process.env.LURUS_PACKAGES || path.join(ROOT, 'build/package'));
const VERSION = fs.readFileSync(path.join(ROOT, 'CMakeLists.txt'), 'utf8').match(/^project\(lurus VERSION ([\d.]+)/m)[1];
const cache = process.env.LURUS_NODE_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'lurus/node');
const parseLicense = createRequire(path.join(cache, 'packages/'))('spdx-expression-parse');
const sbom = JSON.parse(fs.readFileSync(path.join(PACKAGES, 'SBOM.spdx.json'), 'utf8'));

test('the document says what SPDX 2.3 asks of it', () => {
  assert.deepEqual([sbom.spdxVersion, sbom.dataLicense, sbom.SPDXID, sbom.name], ['SPDX-2.3', 'CC0-1.0', 'SPDXRef-DOCUMENT', `lurus-${VERSION}`]);
  assert.match(sbom.creationInfo.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(!new URL(sbom.documentNamespace).hash);
  const ids = sbom.packages.map((each) => each.SPDXID);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
  for (const { spdxElementId, relatedSpdxElement } of sbom.relationships) {
    for (const id of [spdxElementId, relatedSpdxElement]) assert.ok(id === sbom.SPDXID || ids.includes(id), id);
  }
  const related = new Set(sbom.relationships.flatMap((each) => [each.spdxElementId, each.relatedSpdxElement]));
  for (const id of ids) assert.ok(related.has(id), `${id} belongs to nothing`);
});

test('every part has a version, a licence and a source', () => {
  for (const part of sbom.packages) {
    assert.ok(part.versionInfo, part.name);
    parseLicense(part.licenseDeclared);
    const [reference] = part.externalRefs;
    assert.equal(reference.referenceType, 'purl');
    const [, name, version] = reference.referenceLocator.match(/^pkg:(?:deb\/[a-z]+|generic)\/([^@]+)@([^?]+)\?/);
    assert.deepEqual([decodeURIComponent(name), decodeURIComponent(version)], [part.name, part.versionInfo]);
  }
});

test('what is surely in the executables is in the document', () => {
  const systems = ['linux', ...(fs.existsSync(path.join(PACKAGES, `lurus-${VERSION}-windows-x86_64.zip`)) ? ['windows'] : [])];
  for (const system of systems) {
    const linked = sbom.relationships.filter((each) => each.spdxElementId === `SPDXRef-Package-lurus-${system}` && each.relationshipType === 'STATIC_LINK')
      .map((each) => sbom.packages.find((part) => part.SPDXID === each.relatedSpdxElement).name);
    for (const name of ['openssl', 'sqlite3', 'sqlitecpp', 'libzstd', 'zlib', 'brotli', 'abseil', 'argon2', 'spdlog', 'fmtlib', 'nlohmann-json3', 'cli11', 'tomlplusplus']) {
      assert.ok(linked.includes(name), `${name} of ${system}`);
    }
    assert.ok(linked.some((name) => name.startsWith('boost')), system);
  }
});

test('SHA256SUMS is true of every package', () => {
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: PACKAGES });
  const summed = fs.readFileSync(path.join(PACKAGES, 'SHA256SUMS'), 'utf8').trim().split('\n').map((line) => line.slice(66)).sort();
  const files = fs.readdirSync(PACKAGES, { withFileTypes: true }).filter((each) => each.isFile() && each.name !== 'SHA256SUMS').map((each) => each.name).sort();
  assert.deepEqual(summed, files);
});
