// Signing in by a real directory: slapd, started here on a port and in a folder of its own, with its own certificate.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE, configFor, freePort, startLurus, tempFolder } from './lib/lurus.mjs';
import { PASSWORD, api, login, users } from './lib/people.mjs';

const SLAPD = ['/usr/sbin/slapd', '/usr/local/sbin/slapd'].find((file) => fs.existsSync(file));
const missing = !SLAPD && 'no slapd here (Debian: apt install slapd)';
const SERVICE = 'the searching account';
const folder = tempFolder('lurus-ldap-');
let slapd, lurus, ldapPort, ldapsPort;

const ENTRIES = `
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: uid=ada,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Ada
sn: Lovelace
mail: ada@example.com
userPassword: ${PASSWORD}

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Bob
sn: Builder
mail: bob@example.com
userPassword: ${PASSWORD}

dn: uid=eve,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Eve
sn: Nobody
mail: eve@example.com
userPassword: ${PASSWORD}

dn: uid=twin1,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Twin
sn: One
mail: twin@example.com
userPassword: ${PASSWORD}

dn: uid=twin2,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Twin
sn: Two
mail: twin@example.com
userPassword: ${PASSWORD}

dn: cn=admins,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: admins
member: uid=ada,ou=people,dc=example,dc=com

dn: cn=staff,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: staff
member: uid=ada,ou=people,dc=example,dc=com
member: uid=bob,ou=people,dc=example,dc=com
`;

async function startSlapd() {
  const file = (name) => path.join(folder, name);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' });
  fs.mkdirSync(file('db'));
  const modulePath = ['/usr/lib/ldap', '/usr/lib64/openldap'].find((dir) => fs.existsSync(dir));
  fs.writeFileSync(file('slapd.conf'), `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath ${modulePath}
moduleload back_mdb
moduleload memberof
pidfile ${file('slapd.pid')}
TLSCertificateFile ${file('cert.pem')}
TLSCertificateKeyFile ${file('key.pem')}
security simple_bind=128
database mdb
maxsize 16777216
suffix "dc=example,dc=com"
rootdn "cn=service,dc=example,dc=com"
rootpw "${SERVICE}"
directory ${file('db')}
overlay memberof
`);
  fs.writeFileSync(file('entries.ldif'), ENTRIES.trimStart());
  [ldapPort, ldapsPort] = [await freePort(), await freePort()];
  slapd = spawn(SLAPD, ['-d', '0', '-f', file('slapd.conf'), '-h', `ldap://127.0.0.1:${ldapPort}/ ldaps://127.0.0.1:${ldapsPort}/`], { stdio: 'ignore' });
  const until = Date.now() + 10_000 * PATIENCE;
  for (;;) {
    const connected = await new Promise((resolve) => {
      const socket = net.connect(ldapsPort, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (connected) break;
    if (slapd.exitCode !== null || Date.now() > until) throw new Error(`slapd did not start (${slapd.exitCode})`);
    await sleep(50);
  }
  // Over LDAP and not with slapadd, so that the overlay sees the groups.
  execFileSync('ldapadd', ['-x', '-H', `ldaps://127.0.0.1:${ldapsPort}`, '-D', 'cn=service,dc=example,dc=com', '-w', SERVICE, '-f', file('entries.ldif')],
    { env: { ...process.env, LDAPTLS_CACERT: file('cert.pem') }, stdio: ['ignore', 'ignore', 'inherit'] });
}

const directory = (more = {}) => ({
  url: `ldaps://127.0.0.1:${ldapsPort}`,
  bind_dn: 'cn=service,dc=example,dc=com',
  bind_password_env: 'LURUS_TEST_LDAP',
  base: 'ou=people,dc=example,dc=com',
  roles: { admins: 'admin', 'cn=staff,ou=groups,dc=example,dc=com': 'member' },
  ca_file: path.join(folder, 'cert.pem'),
  timeout: '2s',
  ...more,
});
const { user, env } = users([{ email: 'local@example.com', password: 'a local one, kept here', role: 'member' }]);
const configWith = (ldap) => ({ ...configFor({ url: 'http://127.0.0.1:1' }), user, auth: { access_token: '15m' }, 'auth.ldap': ldap });
const withDirectory = async (ldap, check) => {
  const other = await startLurus({ config: configWith(ldap), env: { ...env, LURUS_TEST_LDAP: SERVICE } });
  try {
    await check(other);
  } finally {
    await other.close();
  }
};

test.before(async () => {
  if (missing) return;
  await startSlapd();
  lurus = await startLurus({ config: configWith(directory()), env: { ...env, LURUS_TEST_LDAP: SERVICE } });
});
test.after(async () => {
  await lurus?.close();
  if (slapd && slapd.exitCode === null) {
    slapd.kill('SIGTERM');
    await once(slapd, 'exit');
  }
  fs.rmSync(folder, { recursive: true, force: true });
});

const invite = (server, token) => api(server, 'POST', 'invitations', { token, body: { email: 'somebody@example.com' } });

test('over LDAPS: the directory password signs in, groups give the role, the user is made once', { skip: missing }, async () => {
  const ada = await login(lurus, 'Ada@example.com');
  assert.equal(ada.status, 200, JSON.stringify(ada.body) + lurus.output.slice(-2000));
  assert.equal(ada.body.user.name, 'Ada');
  assert.equal((await invite(lurus, ada.body.access_token)).status, 201, 'admin by the name of a group');
  assert.equal((await login(lurus, 'ada@example.com')).body.user.id, ada.body.user.id);
  const bob = await login(lurus, 'bob@example.com');
  assert.equal(bob.status, 200);
  assert.equal((await invite(lurus, bob.body.access_token)).status, 403, 'member by the DN of a group');
  assert.equal((await api(lurus, 'GET', 'sessions', { token: bob.body.access_token })).body.data[0].method, 'ldap');
});

test('wrong, empty, unknown, doubled, or with no group: out', { skip: missing }, async () => {
  for (const [email, password] of [['ada@example.com', 'wrong'], ['ada@example.com', ''], ['nobody@example.com', PASSWORD], ['twin@example.com', PASSWORD], ['', PASSWORD]])
    assert.equal((await login(lurus, email, password)).status, 401, `${email} ${password}`);
  assert.equal((await login(lurus, 'eve@example.com')).status, 403);
});

test('what looks like a filter is only text', { skip: missing }, async () => {
  for (const email of ['*', 'ada*', 'ada@example.com)(uid=*', '*)(mail=ada@example.com', 'a\\2aa@example.com', '(|(mail=*))'])
    assert.equal((await login(lurus, email)).status, 401, email);
});

test('who has a password here is not asked about there', { skip: missing }, async () => {
  assert.equal((await login(lurus, 'local@example.com', 'a local one, kept here')).status, 200);
  assert.equal((await login(lurus, 'local@example.com')).status, 401);
});

test('StartTLS works, and a certificate that is not trusted is refused', { skip: missing }, async () => {
  await withDirectory(directory({ url: `ldap://127.0.0.1:${ldapPort}` }), async (server) => {
    assert.equal((await login(server, 'bob@example.com')).status, 200);
  });
  const strange = path.join(folder, 'strange.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=strange', '-keyout', path.join(folder, 'strange.key'), '-out', strange], { stdio: 'ignore' });
  for (const url of [`ldaps://127.0.0.1:${ldapsPort}`, `ldap://127.0.0.1:${ldapPort}`]) {
    await withDirectory(directory({ url, ca_file: strange }), async (server) => {
      assert.equal((await login(server, 'bob@example.com')).status, 503);
    });
  }
});

test('a directory that is away, or refuses our own account, is 503 and never 401', { skip: missing }, async () => {
  await withDirectory(directory({ url: 'ldaps://127.0.0.1:1' }), async (server) => {
    assert.equal((await login(server, 'bob@example.com')).status, 503);
    assert.equal((await login(server, 'local@example.com', 'a local one, kept here')).status, 200);
  });
  await withDirectory(directory({ bind_dn: 'cn=other,dc=example,dc=com' }), async (server) => {
    assert.equal((await login(server, 'bob@example.com')).status, 503);
  });
  assert.ok(!lurus.output.includes(SERVICE) && !lurus.output.includes(PASSWORD));
});

test('the command line signs in with a directory password; the audit says which groups of a refused one came', { skip: missing }, async () => {
  const signed = await lurus.cli(['login', '--email', 'bob@example.com', '--password-stdin'], { input: `${PASSWORD}\n` });
  assert.equal(signed.code, 0, signed.stderr);
  const who = JSON.parse((await lurus.cli(['whoami', '--json'])).stdout);
  assert.deepEqual([who.name, who.method, who.role], ['bob@example.com', 'ldap', 'member']);
  assert.match((await lurus.cli(['whoami'])).stdout, /with a directory's password/);
  assert.equal((await lurus.cli(['logout'])).code, 0);
  assert.equal((await login(lurus, 'eve@example.com')).status, 403);
  const told = JSON.parse((await lurus.cli(['audit', 'list', '--action', 'login', '--actor', 'eve@example.com', '--json'])).stdout.split('\n')[0]);
  assert.match(told.after.detail, /^ldap: none of your groups has a role here.*; groups /);
  assert.equal(told.status, 403);
});
