// TLS listeners: what is served, how it is renewed, and what is said of certificates that are wrong.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import https from 'node:https';
import { once } from 'node:events';
import { anthropic, json, sse, startUpstream, streamOf } from '../upstream/index.mjs';
import { connectRaw, requestBytes } from './lib/raw.mjs';
import { Lurus, PATIENCE, configFor, freePort, httpGet, startLurus, tempFolder } from './lib/lurus.mjs';
import { Authority, der, encrypted, replaceFile } from './lib/certificates.mjs';
import { PASSWORD, users } from './lib/people.mjs';
import { health, healthy, told, until } from './lib/until.mjs';

let up, folder, root, good;

before(async () => {
  up = await startUpstream();
  up.always(() => json(anthropic.json));
  folder = tempFolder('lurus-e2e-certificates-');
  root = new Authority(folder);
  good = root.issue();
});
after(async () => {
  await up?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/// A server with a plain listener to ask it by and a TLS one at `lurus.secure`, whose files can be replaced.
async function withTls(run, { makePair = () => good, server = {}, sections = {}, env } = {}) {
  const pair = makePair();
  const [plain, secure] = [await freePort(), await freePort()];
  const own = tempFolder('lurus-e2e-pair-');
  const files = { certificate: path.join(own, 'cert.pem'), private_key: path.join(own, 'key.pem') };
  fs.copyFileSync(pair.certificate, files.certificate);
  fs.copyFileSync(pair.key, files.private_key);
  const lurus = await startLurus({ url: `http://127.0.0.1:${plain}`, env, config: { ...configFor(up, { server: {
    listen: [`127.0.0.1:${plain}`], listener: [{ address: `127.0.0.1:${secure}`, tls: files }], ...server,
  } }), ...sections } });
  try {
    await run({ lurus, secure, files, own });
  } finally {
    await lurus.close();
    fs.rmSync(own, { recursive: true, force: true });
  }
}

async function connect(port, options = {}) {
  const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca: root.pem, ...options });
  socket.on('error', () => {});
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close').then(() => { throw new Error('no handshake'); })]);
  return socket;
}

async function servedName(port) {
  const socket = await connect(port, { rejectUnauthorized: false });
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return name;
}

const failures = async (lurus, reason) => Number(new RegExp(`gateway_tls_handshake_failures_total{reason="${reason}"} (\\d+)`).exec((await httpGet(`${lurus.url}/metrics`)).body)[1]);

async function findings(lurus) {
  const { stdout } = await lurus.cli(['doctor', '--json']);
  return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

test('a renewed certificate is served without a restart, and connections go on', () => withTls(async ({ lurus, secure, files }) => {
  assert.equal(await servedName(secure), 'localhost');
  lurus.port = secure;
  const old = await connectRaw(lurus, { tls: { ca: root.pem, servername: 'localhost' } });
  up.next(sse(streamOf(anthropic), { split: 40, gap: 100 }));
  await old.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(true) }));
  await old.until(() => old.answers.length > 0, 'the stream');
  const renewed = root.issue('renewed');
  replaceFile(files.certificate, renewed.certificate);
  replaceFile(files.private_key, renewed.key);
  await until('the renewed certificate', async () => (await servedName(secure)) === 'renewed');
  assert.equal((await old.answer(1)).body.toString(), streamOf(anthropic));
  await old.write(requestBytes('POST', '/v1/messages', { body: anthropic.request(false) }));
  assert.equal((await old.answer(2)).body.toString(), anthropic.json);
  old.close();
  assert.equal((await health(lurus)).status, 'healthy');
  assert.match(lurus.output, /the renewed certificate .* is served, valid until/);
}));

test('what cannot be served leaves the certificate before in use, and is told until it is right', () => withTls(async ({ lurus, secure, files }) => {
  const other = root.issue('other');
  for (const [name, spoil, says] of [
    ['emptied', () => fs.writeFileSync(files.certificate, ''), /is empty/],
    ['cut short', () => fs.writeFileSync(files.certificate, fs.readFileSync(good.certificate, 'utf8').slice(0, 300)), /damaged or cut short/],
    ['gone', () => fs.rmSync(files.certificate), /does not exist/],
    ['of another key', () => replaceFile(files.certificate, other.certificate), /is not the key of the certificate/],
    ['expired', () => { const pair = root.issue('late', { from: -20, to: -1 }); replaceFile(files.certificate, pair.certificate); replaceFile(files.private_key, pair.key); }, /expired on/],
  ]) {
    spoil();
    await told(lurus, says);
    assert.equal(await servedName(secure), 'localhost', name);
    assert.ok((await findings(lurus)).some((finding) => finding.level === 'broken' && finding.check === 'files' && says.test(finding.detail)), name);
    replaceFile(files.certificate, good.certificate);
    replaceFile(files.private_key, good.key);
    await healthy(lurus);
  }
}));

test('a reload reads certificates again at once, and a link that is led elsewhere is followed', () => withTls(async ({ lurus, secure, files, own }) => {
  for (const version of ['v1', 'v2']) fs.mkdirSync(path.join(own, version));
  const renewed = root.issue('mounted');
  for (const [version, pair] of [['v1', good], ['v2', renewed]]) {
    fs.copyFileSync(pair.certificate, path.join(own, version, 'cert.pem'));
    fs.copyFileSync(pair.key, path.join(own, version, 'key.pem'));
  }
  fs.symlinkSync('v1', path.join(own, '..data'));
  for (const name of ['cert.pem', 'key.pem']) {
    fs.symlinkSync(`..data/${name}`, path.join(own, `${name}.link`));
    fs.renameSync(path.join(own, `${name}.link`), path.join(own, name));
  }
  fs.symlinkSync('v2', path.join(own, '..next'));
  fs.renameSync(path.join(own, '..next'), path.join(own, '..data'));
  await until('the mounted certificate', async () => (await servedName(secure)) === 'mounted');
  const third = root.issue('third');
  replaceFile(files.certificate, third.certificate);
  replaceFile(files.private_key, third.key);
  await lurus.reload();
  await until('the third certificate', async () => (await servedName(secure)) === 'third');
}));

test('each wrong certificate is named by `config check`, `doctor` and `serve`, and nobody is asked for a pass phrase', async () => {
  const intermediate = new Authority(folder, 'Test Intermediate', root);
  const other = root.issue('other');
  const own = tempFolder('lurus-e2e-wrong-');
  const file = (name, text) => {
    fs.writeFileSync(path.join(own, name), text, { mode: 0o600 });
    return path.join(own, name);
  };
  const cut = file('cut.pem', fs.readFileSync(good.key, 'utf8').slice(0, 100));
  const reversed = intermediate.issue('reversed');
  const cases = [
    ['missing certificate', '/nonexistent/cert.pem', good.key, /[\\/]nonexistent[\\/]cert\.pem does not exist/],
    ['missing key', good.certificate, '/nonexistent/key.pem', /the private key: \S*[\\/]nonexistent[\\/]key\.pem does not exist/],
    ['folder', own, good.key, /is a folder/],
    ['empty', file('empty.pem', ''), good.key, /empty\.pem is empty/],
    ['encrypted', good.certificate, encrypted(good.key), /the private key .*\.encrypted is encrypted, and nobody is asked for its pass phrase: decrypt it/],
    ['mismatched', good.certificate, other.key, /is not the key of the certificate/],
    ['exchanged', good.key, good.certificate, /certificate and private_key are exchanged/],
    ['key for certificate', good.key, good.key, /holds a private key, not a certificate/],
    ['certificate for key', good.certificate, good.certificate, /holds a certificate, not a private key/],
    ['request', good.request, good.key, /holds a certificate request, which an authority has to sign first/],
    ['DER', der(good.certificate), good.key, /is DER or PKCS#12, and PEM is wanted/],
    ['text', file('text.pem', 'hello'), good.key, /holds no PEM text/],
    ['cut key', good.certificate, cut, /is damaged or cut short|holds no PEM text/],
    ['wrong order', file('order.pem', intermediate.pem + fs.readFileSync(reversed.certificate, 'utf8')), reversed.key, /is the key of certificate 2 in .*the server's own certificate has to be the first/],
  ];
  for (const [name, certificate, key, says] of cases) {
    const lurus = new Lurus({ config: configFor(up, { server: { listener: [{ address: '127.0.0.1:0', tls: { certificate, private_key: key } }] } }) });
    try {
      lurus.writeConfig();
      const check = await lurus.cli(['config', 'check']);
      assert.notEqual(check.code, 0, name);
      assert.match(check.stderr, says, name);
      assert.match(check.stderr, /lurus\.toml:\d+:\d+: /, name);
      const doctor = await findings(lurus);
      assert.ok(doctor.some((finding) => finding.level === 'broken' && says.test(finding.detail)), `${name}: ${JSON.stringify(doctor)}`);
      const serve = await lurus.cli(['serve'], { timeout: 10_000 * PATIENCE });
      assert.equal(serve.code, 1, name);
      assert.match(serve.stderr, says, name);
    } finally {
      await lurus.close();
    }
  }
  fs.rmSync(own, { recursive: true, force: true });
});

test('what can be served and is not well is a warning: dates, chain, usage, a key that others may read', async () => {
  const intermediate = new Authority(folder, 'Test Intermediate', root);
  const leaf = intermediate.issue('leaf');
  const own = tempFolder('lurus-e2e-warned-');
  const chain = path.join(own, 'chain.pem');
  fs.writeFileSync(chain, fs.readFileSync(leaf.certificate, 'utf8') + intermediate.pem);
  const broken = path.join(own, 'broken.pem');
  fs.writeFileSync(broken, fs.readFileSync(leaf.certificate, 'utf8') + fs.readFileSync(good.certificate, 'utf8'));
  const shown = root.issue('shown');
  fs.chmodSync(shown.key, 0o644);
  const withRoot = (pair) => {
    const file = path.join(own, `${path.basename(pair.certificate)}.chain`);
    fs.writeFileSync(file, fs.readFileSync(pair.certificate, 'utf8') + root.pem);
    return { certificate: file, key: pair.key };
  };
  const cases = [
    ['expired', withRoot(root.issue('late', { from: -20, to: -1 })), 'broken', /the certificate .* expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC/],
    ['not yet valid', withRoot(root.issue('early', { from: 2, to: 90 })), 'broken', /is not valid before \d{4}-/],
    ['ends tomorrow', withRoot(root.issue('soon', { to: 1.5 })), 'warning', /expires on .*, in 1 day/],
    ['ends in 29 days', withRoot(root.issue('soon', { to: 29.5 })), 'warning', /in 29 days/],
    ['incomplete chain', leaf, 'warning', /the chain in .* is incomplete, unless clients know "Test Intermediate" as a root/],
    ['broken chain', { certificate: broken, key: leaf.key }, 'broken', /certificate 2 did not issue the one before it/],
    ['for clients', withRoot(root.issue('client', { kind: 'client' })), 'broken', /is not meant for servers/],
    ['a key that others may read', withRoot(shown), 'warning', /all users may read the private key/],
    ['whole chain', { certificate: chain, key: leaf.key }, 'good', /is valid until \d{4}-/],
    ['90 days left', withRoot(root.issue('fine', { to: 90 })), 'good', /is valid until/],
  ];
  for (const [name, pair, level, says] of cases) {
    const port = await freePort();
    const lurus = new Lurus({ config: configFor(up, { server: { listener: [{ address: `127.0.0.1:${port}`, tls: { certificate: pair.certificate, private_key: pair.key } }] } }) });
    try {
      lurus.writeConfig();
      const check = await lurus.cli(['config', 'check']);
      assert.equal(check.code, 0, `${name}: ${check.stderr}`);
      if (level === 'good') assert.doesNotMatch(check.stdout, /certificate|chain/, name);
      else assert.match(check.stdout, says, name);
      const doctor = (await findings(lurus)).filter((finding) => finding.check === 'file');
      assert.ok(doctor.some((finding) => finding.level === level && says.test(finding.detail)), `${name}: ${JSON.stringify(doctor)}`);
    } finally {
      await lurus.close();
    }
  }
  fs.rmSync(own, { recursive: true, force: true });
});

test('an expired certificate is served and told', () => withTls(async ({ lurus, secure }) => {
  assert.equal(await servedName(secure), 'late');
  await told(lurus, /the certificate that is served .* expired on/);
}, { makePair: () => root.issue('late', { from: -20, to: -1 }) }));

test('suites without forward secrecy or AEAD are off', () => withTls(async ({ lurus, secure }) => {
  const suite = async (ciphers, more = {}) => {
    const socket = await connect(secure, { ciphers: `${ciphers}:@SECLEVEL=0`, maxVersion: 'TLSv1.2', ...more });
    const { standardName } = socket.getCipher();
    socket.destroy();
    return standardName;
  };
  assert.match(await suite('ECDHE-ECDSA-AES128-GCM-SHA256'), /^TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256$/);
  assert.match(await suite('ECDHE-ECDSA-CHACHA20-POLY1305'), /CHACHA20/);
  for (const weak of ['AES128-GCM-SHA256', 'AES256-SHA', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'DHE-RSA-AES256-SHA'])
    await assert.rejects(suite(weak), /./, weak);
  await assert.rejects(suite('DEFAULT', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }));
  await until('the counts', async () => (await failures(lurus, 'no_shared_cipher')) === 5 && (await failures(lurus, 'version')) === 1);
}));

test('plain HTTP on the TLS port gets a sentence, whatever its method', () => withTls(async ({ lurus, secure }) => {
  const said = /^HTTP\/1\.1 400 Bad Request\r\n[^]*This port speaks HTTPS only, and this request came as plain HTTP/;
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT'];
  for (const method of methods) {
    const socket = net.connect(secure, '127.0.0.1');
    const parts = [];
    socket.on('data', (part) => parts.push(part));
    socket.end(`${method} /health HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n${'a'.repeat(200_000)}`);
    await once(socket, 'close');
    assert.match(Buffer.concat(parts).toString(), said, method);
  }
  const odd = net.connect(secure, '127.0.0.1');
  odd.on('error', () => {});
  odd.end('\x00\x01\x02 hello, this is no TLS\r\n');
  await once(odd.resume(), 'close');
  const silent = net.connect(secure, '127.0.0.1');
  silent.end();
  await once(silent.resume(), 'close');
  await until('the counts', async () => (await failures(lurus, 'plain_http')) === methods.length && (await failures(lurus, 'closed')) >= 1 &&
    (await failures(lurus, 'not_tls')) + (await failures(lurus, 'other')) === 1);
  assert.equal(await servedName(secure), 'localhost');
}));

test('a client that refuses the certificate is counted', () => withTls(async ({ lurus, secure }) => {
  // Node's own check comes after the handshake; OpenSSL's client says so within it.
  const { execFile } = await import('node:child_process');
  await new Promise((resolve) => execFile('openssl', ['s_client', '-connect', `127.0.0.1:${secure}`, '-verify_return_error', '-CAfile', good.certificate], resolve).stdin.end());
  await until('the count', async () => (await failures(lurus, 'certificate_refused')) === 1);
}));

test('a handshake that never ends is given up and counted', () => withTls(async ({ lurus, secure }) => {
  const socket = net.connect(secure, '127.0.0.1');
  socket.write(Buffer.from([0x16, 0x03, 0x01]));
  await once(socket.resume(), 'close');
  await until('the count', async () => (await failures(lurus, 'timeout')) === 1);
}, { server: { header_timeout: '300ms' } }));

test('the cookie over TLS is __Host- and Secure, whatever the Origin is', async () => {
  const { user, env } = users([{ email: 'admin@example.com', role: 'owner' }]);
  await withTls(async ({ lurus, secure }) => {
    const ask = (method, target, headers, body) => new Promise((resolve, reject) => {
      const request = https.request({ host: '127.0.0.1', port: secure, servername: 'localhost', ca: root.pem, method, path: target, headers: { 'content-type': 'application/json', ...headers } }, (answer) => {
        answer.resume().on('end', () => resolve(answer));
      });
      request.on('error', reject).end(body && JSON.stringify(body));
    });
    for (const origin of [undefined, `https://127.0.0.1:${secure}`]) {
      const answer = await ask('POST', '/api/v1/auth/login', origin ? { origin } : {}, { email: 'admin@example.com', password: PASSWORD, session: true });
      assert.equal(answer.statusCode, 200);
      const [cookie] = answer.headers['set-cookie'];
      assert.match(cookie, /^__Host-lurus_session=lss_[A-Za-z0-9]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/);
      assert.equal((await ask('GET', '/api/v1/auth/sessions', { cookie: cookie.split(';')[0] })).statusCode, 200);
      // Over TLS a cookie that plain HTTP could have set is none.
      assert.equal((await ask('GET', '/api/v1/auth/sessions', { cookie: cookie.split(';')[0].replace('__Host-', '') })).statusCode, 401);
    }
    assert.equal(lurus.output.includes(PASSWORD), false);
  }, { sections: { user }, env });
});

test('roots of directories, mail servers and vendors that end soon, have ended or are none are told', async () => {
  const soon = root.issue('Directory Root', { to: 10.5, kind: 'authority' });
  const late = root.issue('Mail Root', { from: -20, to: -1, kind: 'authority' });
  const config = configFor(up, { server: { listen: '127.0.0.1:0' }, provider: { ca_file: path.join(folder, 'none.pem') } });
  config['auth.ldap'] = { url: 'ldaps://127.0.0.1:1', bind_dn: 'cn=reader', base: 'dc=example', ca_file: soon.certificate };
  config.mail = { smtp: 'smtps://127.0.0.1:1', from: 'lurus@example.com', ca_file: late.certificate };
  const lurus = new Lurus({ config });
  try {
    lurus.writeConfig();
    const doctor = (await findings(lurus)).filter((finding) => finding.check === 'file');
    const has = (level, says) => assert.ok(doctor.some((finding) => finding.level === level && says.test(finding.detail)), `${says}: ${JSON.stringify(doctor)}`);
    has('warning', /auth\.ldap's ca_file .*: "Directory Root" expires on .*, in 10 days/);
    has('broken', /mail's ca_file .* holds no valid certificate: "Mail Root" expired on/);
    has('broken', /provider ant's ca_file: .*none\.pem does not exist/);
    const check = await lurus.cli(['config', 'check']);
    assert.notEqual(check.code, 0);
    assert.match(check.stderr, /lurus\.toml:\d+:\d+: provider ant's ca_file: .*none\.pem does not exist/);
  } finally {
    await lurus.close();
  }
});
