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

dn: uid=mallory,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Mallory
sn: Many
mail: local@example.com
mail: mallory@example.com
mail: other@example.com
employeeType: unique@example.com
userPassword: ${PASSWORD}

dn: uid=thief,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Thief
sn: One
mail: kept@example.com
userPassword: ${PASSWORD}

dn: uid=owner@example.com,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Sly
sn: One
mail: sly@example.com
userPassword: ${PASSWORD}

dn: uid=renamed,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Renamed
sn: One
mail: before@example.com
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
member: uid=mallory,ou=people,dc=example,dc=com
member: uid=thief,ou=people,dc=example,dc=com
member: uid=owner@example.com,ou=people,dc=example,dc=com
member: uid=renamed,ou=people,dc=example,dc=com
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
  slapd = spawn(SLAPD, ['-d', '0', '-f', file('slapd.conf'), '-h', `ldap://127.0.0.1:${ldapPort}/ ldaps://127.0.0.1:${ldapsPort}/ ldaps://127.0.0.2:${ldapsPort}/`], { stdio: 'ignore' });
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
  changeDirectory('ldapadd', fs.readFileSync(file('entries.ldif'), 'utf8'));
}

function changeDirectory(tool, ldif) {
  execFileSync(tool, ['-x', '-H', `ldaps://127.0.0.1:${ldapsPort}`, '-D', 'cn=service,dc=example,dc=com', '-w', SERVICE],
    { env: { ...process.env, LDAPTLS_CACERT: path.join(folder, 'cert.pem') }, input: ldif, stdio: ['pipe', 'ignore', 'inherit'] });
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
const LOCAL = 'a local one, kept here';
const { user, env } = users(['local@example.com', 'kept@example.com', 'owner@example.com'].map((email) => ({ email, password: LOCAL, role: 'owner' })));
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
  assert.equal((await login(lurus, 'local@example.com', LOCAL)).status, 200);
  assert.equal((await login(lurus, 'local@example.com')).status, 401);
});

test('the typed address decides who one is, not the first one of the entry', { skip: missing }, async () => {
  const mallory = await login(lurus, 'Mallory@Example.com');
  assert.equal(mallory.status, 200, JSON.stringify(mallory.body));
  assert.equal(mallory.body.user.email, 'mallory@example.com');
  assert.equal((await invite(lurus, mallory.body.access_token)).status, 403, 'a member by her group, not the owner');
  assert.equal((await login(lurus, 'local@example.com')).status, 401, 'her password is not that of her first address');
  const local = await login(lurus, 'local@example.com', LOCAL);
  assert.equal(local.status, 200);
  assert.notEqual(local.body.user.id, mallory.body.user.id);
  const other = await login(lurus, 'other@example.com');
  assert.equal(other.body.user.email, 'other@example.com', 'each address is somebody of its own');
  assert.equal((await login(lurus, 'mallory@example.com')).body.user.id, mallory.body.user.id);
});

test('an address that changed hands in the directory is not the person it was', { skip: missing }, async () => {
  const before = await login(lurus, 'before@example.com');
  assert.equal(before.status, 200, JSON.stringify(before.body));
  changeDirectory('ldapmodify', 'dn: uid=renamed,ou=people,dc=example,dc=com\nchangetype: modify\nreplace: mail\nmail: after@example.com\n');
  const after = await login(lurus, 'after@example.com');
  assert.equal(after.status, 200, JSON.stringify(after.body));
  assert.equal(after.body.user.email, 'after@example.com');
  assert.notEqual(after.body.user.id, before.body.user.id);
  assert.equal((await login(lurus, 'before@example.com')).status, 401);
});

test('a filter that finds more than addresses: a name stands for the only address, and never for one with a password here', { skip: missing }, async () => {
  await withDirectory(directory({ filter: '(|(mail={email})(uid={email}))' }), async (server) => {
    const bob = await login(server, 'bob');
    assert.equal(bob.status, 200, JSON.stringify(bob.body));
    assert.equal(bob.body.user.email, 'bob@example.com');
    const several = await login(server, 'mallory');
    assert.equal(several.status, 403);
    assert.match(several.body.detail, /type the one/);
    const thief = await login(server, 'thief');
    assert.equal(thief.status, 403);
    assert.match(thief.body.detail, /password of its own/);
    const kept = await login(server, 'kept@example.com', LOCAL);
    assert.equal(kept.status, 200, 'whoever has the address is who they were');
    assert.equal((await api(server, 'GET', 'sessions', { token: kept.body.access_token })).body.data[0].method, 'password');
  });
  // The entry's uid is the owner's address, which is no address of the entry.
  const { user: nobody } = users([]);
  const other = await startLurus({ config: { ...configWith(directory({ filter: '(|(mail={email})(uid={email}))' })), user: nobody }, env: { ...env, LURUS_TEST_LDAP: SERVICE } });
  try {
    const sly = await login(other, 'owner@example.com');
    assert.equal(sly.status, 403, JSON.stringify(sly.body));
    assert.match(sly.body.detail, /does not list this address/);
    assert.equal((await login(other, 'sly@example.com')).status, 200);
  } finally {
    await other.close();
  }
});

test('email_attribute: another attribute holds the addresses', { skip: missing }, async () => {
  await withDirectory(directory({ filter: '(employeeType={email})', email_attribute: 'employeeType' }), async (server) => {
    const unique = await login(server, 'unique@example.com');
    assert.equal(unique.status, 200, JSON.stringify(unique.body));
    assert.equal(unique.body.user.email, 'unique@example.com');
    assert.equal((await login(server, 'mallory@example.com')).status, 401);
  });
  await withDirectory(directory({ filter: '(employeeType={email})' }), async (server) => {
    assert.equal((await login(server, 'unique@example.com')).status, 403, 'without it the addresses are those of `mail`');
  });
});

const strange = path.join(folder, 'strange.pem'), noCertificate = path.join(folder, 'no-certificate.pem');
const troubles = [
  ['a certificate that is not trusted', () => ({ ca_file: strange }), /certificate is not accepted/, /ca_file/],
  ['the same over StartTLS', () => ({ ca_file: strange, url: `ldap://127.0.0.1:${ldapPort}` }), /certificate is not accepted/, /ca_file/],
  ['a certificate of another name', () => ({ url: `ldaps://127.0.0.2:${ldapsPort}` }), /certificate is not accepted: IP address mismatch/, /ldap\.url/],
  ['a file that is not there', () => ({ ca_file: path.join(folder, 'nowhere.pem') }), /nowhere\.pem cannot be read/, /PEM file/],
  ['a file without a certificate', () => ({ ca_file: noCertificate }), /no-certificate\.pem holds no certificate/, /PEM file/],
  ['a filter that is none', () => ({ filter: '(ma il={email})' }), /is no filter/, /auth\.ldap\.filter/],
  ['a base that is not there', () => ({ base: 'ou=nowhere,dc=example,dc=com' }), /has no base ou=nowhere/, /auth\.ldap\.base/],
  ['a base that is no name', () => ({ base: 'people' }), /has no base people/, /auth\.ldap\.base/],
  ['an account that is refused', () => ({ bind_dn: 'cn=other,dc=example,dc=com' }), /refuses bind_dn cn=other/, /bind_dn/],
  ['no password for that account', () => ({ bind_password_env: 'LURUS_TEST_UNSET' }), /no password for bind_dn/, /bind_password_env/],
  ['nobody at the port', () => ({ url: 'ldaps://127.0.0.1:1' }), /127\.0\.0\.1:1/, /reachable/],
];
test('what is wrong with the directory is in the log and the doctor says what to do; who asks learns nothing of it', { skip: missing }, async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=strange', '-keyout', path.join(folder, 'strange.key'), '-out', strange], { stdio: 'ignore' });
  fs.writeFileSync(noCertificate, 'not a certificate\n');
  for (const [what, settings, problem, fix] of troubles) {
    await withDirectory(directory(settings()), async (server) => {
      const answer = await login(server, 'bob@example.com');
      assert.equal(answer.status, 503, what);
      assert.equal(answer.body.detail, 'signing in with the directory is not possible now; try again later, or tell whoever runs the gateway');
      assert.match(server.output, new RegExp(`nobody can sign in with the directory: .*${problem.source}`), what);
      const doctor = await server.cli(['doctor', '--json']);
      const found = doctor.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((each) => each.check === 'directory');
      assert.equal(found?.level, 'broken', what + doctor.stdout + doctor.stderr);
      assert.match(found.detail, problem, what);
      assert.match(found.fix, fix, what);
      assert.equal(doctor.code, 1);
      assert.ok(!(server.output + doctor.stdout).includes(SERVICE), what);
      assert.equal((await login(server, 'local@example.com', LOCAL)).status, 200, what);
    });
  }
});

test('the doctor, of a directory that answers, with and without a server', { skip: missing }, async () => {
  const doctor = async () => (await lurus.cli(['doctor', '--json'])).stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((each) => each.check === 'directory');
  assert.equal((await doctor())?.level, 'good');
  await lurus.stop();
  try {
    assert.equal((await doctor())?.level, 'good');
  } finally {
    await lurus.start();
  }
});

test('StartTLS works', { skip: missing }, async () => {
  await withDirectory(directory({ url: `ldap://127.0.0.1:${ldapPort}` }), async (server) => {
    assert.equal((await login(server, 'bob@example.com')).status, 200);
  });
});

test('no password was logged', { skip: missing }, () => {
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
