// sbom.mjs [--out FOLDER] [--linux-build FOLDER] [--windows-build FOLDER] [--windows-libraries FOLDER]
// Writes SBOM.spdx.json (SPDX 2.3): what the executables were made from. It asks the builds themselves: the headers that the objects
// of `lurus` were compiled with and the archives that it was linked with, and Debian which package and source each of them is of.
// sbom.mjs --notices linux|windows [...]: prints the copyright notices of what is inside that executable instead.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: path.join(ROOT, 'build/package') },
    'linux-build': { type: 'string', default: path.join(ROOT, 'build/release') },
    'windows-build': { type: 'string', default: path.join(ROOT, 'build/windows') },
    notices: { type: 'string' },
    'windows-libraries': { type: 'string' }, // with versions.tsv: SOURCE PACKAGE, tab, VERSION
  },
});

// What Debian's copyright files say of the parts that end in an executable, as SPDX writes it; by source package.
const LICENSES = {
  abseil: 'Apache-2.0',
  argon2: 'CC0-1.0 OR Apache-2.0',
  'boost1.81': 'BSL-1.0',
  'boost1.83': 'BSL-1.0',
  brotli: 'MIT',
  cli11: 'BSD-3-Clause',
  curl: 'curl',
  fmtlib: 'MIT',
  'gcc-10': 'GPL-3.0-or-later WITH GCC-exception-3.1',
  'gcc-12': 'GPL-3.0-or-later WITH GCC-exception-3.1',
  'gcc-13': 'GPL-3.0-or-later WITH GCC-exception-3.1',
  'gcc-mingw-w64': 'GPL-3.0-or-later WITH GCC-exception-3.1',
  glibc: 'LGPL-2.1-or-later',
  jemalloc: 'BSD-2-Clause',
  liburing: '(LGPL-2.1-or-later OR MIT) AND (GPL-2.0-only WITH Linux-syscall-note OR MIT)',
  libpqxx: 'BSD-3-Clause',
  libxcrypt: 'LGPL-2.1-or-later',
  libzstd: 'BSD-3-Clause OR GPL-2.0-only',
  linux: 'GPL-2.0-only WITH Linux-syscall-note',
  'mingw-w64': 'ZPL-2.1 AND MIT AND BSD-3-Clause',
  'nlohmann-json3': 'MIT',
  openldap: 'OLDAP-2.8',
  openssl: 'Apache-2.0',
  'postgresql-15': 'PostgreSQL',
  spdlog: 'MIT',
  sqlite3: 'blessing',
  sqlitecpp: 'MIT',
  tomlplusplus: 'MIT',
  zlib: 'Zlib',
};
// Found on the machine when the executable starts, or asked for only by what needs it; the rest is inside.
const LINUX_DYNAMIC = new Set(['glibc']);
const LINUX_OPTIONAL = new Set(['openldap', 'curl']);
const HEADERS_ONLY = new Set(['linux']); // numbers and layouts of the kernel's interface

const run = (command, args) => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 256 << 20, stdio: ['ignore', 'pipe', 'ignore'] });
const fail = (sentence) => { process.stderr.write(`sbom.mjs: ${sentence}\n`); process.exit(1); };
const note = (sentence) => process.stderr.write(`sbom.mjs: ${sentence}\n`);

/// Every file outside the build that the executable was compiled from or linked with.
function usedFiles(build, target) {
  const ninja = (...args) => run('ninja', ['-C', build, ...args]).split('\n').filter((line) => !line.startsWith('ninja:'));
  const inputs = new Set(ninja('-t', 'inputs', target));
  const files = new Set();
  let ours = false;
  for (const line of ninja('-t', 'deps')) {
    if (line && !line.startsWith(' ')) ours = inputs.has(line.split(': #deps')[0]);
    else if (ours && line.trim()) files.add(path.resolve(build, line.trim()));
  }
  if (files.size === 0) fail(`${build} does not say what ${target} was compiled from: build it there`);
  for (const file of inputs) if (/\.(a|o)$/.test(file) && path.isAbsolute(file)) files.add(file);
  const real = [...files].map((file) => fs.realpathSync(file));
  return [...new Set(real)].filter((file) => file.startsWith('/usr/'));
}

/// Debian's source package of each file: a map of name to { version, homepage, binary }.
function sourcesOf(files) {
  const binaries = new Set(run('dpkg-query', ['-S', ...files]).split('\n').filter(Boolean).flatMap((line) => line.slice(0, line.lastIndexOf(': ')).split(', ')));
  const out = new Map();
  for (const line of run('dpkg-query', ['-W', '-f=${source:Package}\t${source:Version}\t${Homepage}\t${Package}\n', ...binaries]).trim().split('\n')) {
    const [name, version, homepage, binary] = line.split('\t');
    out.set(name, { name, version, homepage, binary });
  }
  return out;
}

/// The holders that a copyright file in Debian's format names for `Files: *`.
function copyrightOf(binary) {
  let text;
  try {
    text = fs.readFileSync(`/usr/share/doc/${binary}/copyright`, 'utf8');
  } catch {
    return 'NOASSERTION';
  }
  const stanza = text.split(/\n\s*\n/).find((each) => /^Files:\s*\*\s*$/m.test(each));
  const lines = stanza?.match(/^Copyright:(.*(?:\n[ \t].*)*)/m)?.[1].split('\n').map((line) => line.trim()).filter(Boolean);
  return lines?.length ? lines.join('\n') : 'NOASSERTION';
}

const version = fs.readFileSync(path.join(ROOT, 'CMakeLists.txt'), 'utf8').match(/^project\(lurus VERSION ([\d.]+)/m)?.[1] ?? fail('CMakeLists.txt says no version');
const epoch = Number(process.env.SOURCE_DATE_EPOCH || run('git', ['-C', ROOT, 'log', '-1', '--format=%ct']));
const release = fs.readFileSync('/etc/os-release', 'utf8');
const distro = `${release.match(/^ID=(\w+)/m)[1]}-${release.match(/^VERSION_ID="?([\d.]+)/m)[1]}`;
const vendor = distro.split('-')[0];

const id = (text) => `SPDXRef-${text.replace(/[^A-Za-z0-9.-]+/g, '-')}`;
const packages = new Map(), relationships = [];
const relate = (from, type, to, comment) => relationships.push({ spdxElementId: from, relationshipType: type, relatedSpdxElement: to, ...(comment ? { comment } : {}) });

function application(system, title) {
  const spdxId = id(`Package-lurus-${system}`);
  packages.set(spdxId, {
    SPDXID: spdxId, name: 'lurus', versionInfo: version, summary: title, primaryPackagePurpose: 'APPLICATION', supplier: 'NOASSERTION',
    downloadLocation: 'NOASSERTION', filesAnalyzed: false, licenseConcluded: 'Apache-2.0', licenseDeclared: 'Apache-2.0', copyrightText: 'NOASSERTION',
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: `pkg:generic/lurus@${version}?arch=x86_64&os=${system}` }],
  });
  relate('SPDXRef-DOCUMENT', 'DESCRIBES', spdxId);
  return spdxId;
}

function library({ name, version: of, homepage, binary }) {
  const license = LICENSES[name] ?? fail(`the licence of ${name} is not known: say it in LICENSES`);
  const spdxId = id(`Package-${name}-${of}`);
  packages.set(spdxId, {
    SPDXID: spdxId, name, versionInfo: of, primaryPackagePurpose: 'LIBRARY', supplier: `Organization: ${vendor[0].toUpperCase()}${vendor.slice(1)}`,
    downloadLocation: 'NOASSERTION', ...(homepage ? { homepage } : {}), filesAnalyzed: false, licenseConcluded: 'NOASSERTION', licenseDeclared: license,
    copyrightText: binary ? copyrightOf(binary) : 'NOASSERTION',
    externalRefs: [{
      referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl',
      referenceLocator: `pkg:deb/${vendor}/${encodeURIComponent(name)}@${encodeURIComponent(of)}?arch=source&distro=${distro}`,
    }],
  });
  return spdxId;
}

const has = (build) => fs.existsSync(path.join(build, 'build.ninja'));
const asked = (name) => process.argv.some((word) => word === `--${name}` || word.startsWith(`--${name}=`));

const linux = options['linux-build'], windows = options['windows-build'];
const linuxSources = () => [...sourcesOf(usedFiles(linux, 'lurus')).values()];

function windowsSources() {
  const libraries = options['windows-libraries'] ?? path.join(ROOT, 'build/windows-libraries');
  const installed = run('dpkg-query', ['-W', '-f=${source:Package}\t${Homepage}\t${Package}\n']).split('\n').map((line) => line.split('\t'));
  const sources = sourcesOf(usedFiles(windows, 'lurus'));
  for (const line of fs.readFileSync(path.join(libraries, 'versions.tsv'), 'utf8').trim().split('\n')) {
    const [name, of] = line.split('\t');
    const [, homepage, binary] = installed.find(([source]) => source === name) ?? [];
    sources.set(name, { name, version: of, homepage, binary });
  }
  return [...sources.values()];
}

/// Of Boost's thousands of files, each listed, the one licence that they share.
function notices(sources) {
  for (const { name, version: of, binary } of sources.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = `/usr/share/doc/${binary}/copyright`;
    if (!binary || !fs.existsSync(file)) fail(`there is no copyright file of ${name} on this machine`);
    const text = fs.readFileSync(file, 'utf8');
    const shown = name.startsWith('boost') ? text.split(/\n\s*\n/).find((stanza) => stanza.startsWith('License: BSL-1.0\n')) : text;
    process.stdout.write(`==== ${name} ${of} ====\n\n${shown.trimEnd()}\n\n`);
  }
}

const INSIDE = {
  linux: () => linuxSources().filter(({ name }) => !LINUX_DYNAMIC.has(name) && !LINUX_OPTIONAL.has(name) && !HEADERS_ONLY.has(name)),
  windows: windowsSources,
};

function writeDocument() {
  if (!has(linux)) fail(`there is no build in ${linux}`);
  const linuxId = application('linux', 'lurus for Linux (x86-64): the executable of the .deb, the tarball and npm');
  for (const source of linuxSources()) {
    const spdxId = library(source);
    if (LINUX_OPTIONAL.has(source.name)) relate(spdxId, 'OPTIONAL_DEPENDENCY_OF', linuxId, 'Not inside: looked for on the machine when it is configured.');
    else if (LINUX_DYNAMIC.has(source.name)) relate(linuxId, 'DYNAMIC_LINK', spdxId, "The machine's own, 2.31 or newer.");
    else if (HEADERS_ONLY.has(source.name)) relate(spdxId, 'BUILD_DEPENDENCY_OF', linuxId);
    else relate(linuxId, 'STATIC_LINK', spdxId);
  }

  if (has(windows)) {
    const windowsId = application('windows', 'lurus for Windows (x86-64): the executable of the .zip and npm');
    for (const source of windowsSources()) relate(windowsId, 'STATIC_LINK', library(source));
  } else if (asked('windows-build')) {
    fail(`there is no build in ${windows}`);
  } else {
    note(`no build in ${windows}: the executable of Windows is left out`);
  }

  const all = [...packages.values()].sort((a, b) => (a.SPDXID < b.SPDXID ? -1 : 1));
  relationships.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const digest = crypto.createHash('sha256').update(JSON.stringify([all, relationships])).digest('hex');
  const document = {
    spdxVersion: 'SPDX-2.3', dataLicense: 'CC0-1.0', SPDXID: 'SPDXRef-DOCUMENT', name: `lurus-${version}`,
    documentNamespace: `https://spdx.org/spdxdocs/lurus-${version}-${digest.slice(0, 32)}`,
    creationInfo: { created: new Date(epoch * 1000).toISOString().replace('.000Z', 'Z'), creators: ['Tool: lurus-sbom'] },
    packages: all, relationships,
  };
  fs.mkdirSync(options.out, { recursive: true });
  fs.writeFileSync(path.join(options.out, 'SBOM.spdx.json'), `${JSON.stringify(document, null, 2)}\n`);
  console.log('SBOM.spdx.json');
}

if (!options.notices) writeDocument();
else if (options.notices in INSIDE) notices(INSIDE[options.notices]());
else fail('--notices wants linux or windows');
