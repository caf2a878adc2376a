// Certificates of any dates, chains and mistakes, made by `openssl`.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
const asn1 = (days) => new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '');

let count = 0;

/// An authority with a self-signed certificate, or one that `issuer` signed.
export class Authority {
  constructor(folder, name = 'Test Root', issuer = null) {
    this.folder = path.join(folder, `authority-${++count}`);
    fs.mkdirSync(this.folder);
    fs.writeFileSync(this.file('index.txt'), '');
    fs.writeFileSync(this.file('index.txt.attr'), 'unique_subject = no\n');
    fs.writeFileSync(this.file('serial'), `0${count}01\n`.slice(-5));
    fs.writeFileSync(this.file('ca.conf'), `[ca]
default_ca = this
[this]
database = ${this.file('index.txt')}
serial = ${this.file('serial')}
new_certs_dir = ${this.folder}
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[authority]
basicConstraints = critical,CA:TRUE
`);
    const made = (issuer ?? this).sign(this.file('ca'), name, { from: -10, to: 3650, kind: 'authority', selfSigned: !issuer });
    this.certificate = made.certificate;
    this.pem = fs.readFileSync(made.certificate, 'utf8');
  }

  file(name) {
    return path.join(this.folder, name);
  }

  sign(base, name, { from, to, kind, selfSigned = false }) {
    const [certificate, key, request] = [`${base}.pem`, `${base}.key`, `${base}.csr`];
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    fs.chmodSync(key, 0o600);
    const by = selfSigned ? ['-selfsign', '-keyfile', key] : ['-cert', this.file('ca.pem'), '-keyfile', this.file('ca.key')];
    openssl('ca', '-batch', '-notext', '-config', this.file('ca.conf'), '-extensions', kind, '-startdate', asn1(from), '-enddate', asn1(to), '-in', request, '-out', certificate, ...by);
    return { certificate, key, request };
  }

  /// { certificate, key, request }: paths of PEM files. `from` and `to` are days from now.
  issue(name = 'localhost', { from = -1, to = 90, kind = 'server' } = {}) {
    return this.sign(this.file(`issued-${++count}`), name, { from, to, kind });
  }
}

export function encrypted(key) {
  const out = `${key}.encrypted`;
  openssl('pkey', '-in', key, '-aes256', '-passout', 'pass:secret', '-out', out);
  fs.chmodSync(out, 0o600);
  return out;
}

export function der(certificate) {
  const out = `${certificate}.der`;
  openssl('x509', '-in', certificate, '-outform', 'der', '-out', out);
  return out;
}

/// In one step.
export function replaceFile(file, from) {
  fs.copyFileSync(from, `${file}.next`);
  fs.renameSync(`${file}.next`, file);
}
