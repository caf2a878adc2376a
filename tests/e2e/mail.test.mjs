// Mails over SMTP: TLS from the first byte, STARTTLS, a server that cannot be trusted and one that is away.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE, configFor, startLurus, tempFolder } from './lib/lurus.mjs';
import { api, login, tokenIn, users } from './lib/people.mjs';

const folder = tempFolder('lurus-smtp-');
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
  '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
const secure = { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

/// A server that takes every mail: { url, mails: [{ from, to, text, encrypted, auth }], close }.
async function smtpServer({ implicit = false, starttls = true } = {}) {
  const mails = [];
  const talk = (socket, encrypted) => {
    let mail = { encrypted, text: '' };
    let body = false, buffered = '';
    const say = (line) => socket.write(`${line}\r\n`);
    const hear = (data) => {
      buffered += data;
      for (let end = buffered.indexOf('\r\n'); end >= 0; end = buffered.indexOf('\r\n')) {
        const line = buffered.slice(0, end);
        buffered = buffered.slice(end + 2);
        if (body) {
          if (line !== '.') mail.text += `${line.replace(/^\./, '')}\r\n`;
          else {
            body = false;
            mails.push(mail);
            mail = { encrypted, text: '', auth: mail.auth };
            say('250 taken');
          }
          continue;
        }
        if (/^EHLO/i.test(line)) {
          const more = [...(starttls && !encrypted ? ['STARTTLS'] : []), ...(encrypted ? ['AUTH PLAIN'] : []), '8BITMIME'];
          for (const word of more.slice(0, -1)) say(`250-${word}`);
          say(`250 ${more.at(-1)}`);
        } else if (/^STARTTLS/i.test(line)) {
          say('220 go');
          socket.removeAllListeners('data');
          talk(new tls.TLSSocket(socket, { isServer: true, ...secure }).on('error', () => {}), true);
          return;
        } else if (/^AUTH PLAIN$/i.test(line)) say('334 ');
        else if (/^AUTH PLAIN /i.test(line)) { mail.auth = Buffer.from(line.slice(11), 'base64').toString(); say('235 welcome'); }
        else if (/^[A-Za-z0-9+/]+=*$/.test(line) && !/^(QUIT|DATA|RSET|NOOP)$/i.test(line)) { mail.auth = Buffer.from(line, 'base64').toString(); say('235 welcome'); }
        else if (/^MAIL FROM:/i.test(line)) { mail.from = line.slice(10); say('250 ok'); }
        else if (/^RCPT TO:/i.test(line)) { mail.to = line.slice(8); say('250 ok'); }
        else if (/^DATA/i.test(line)) { body = true; say('354 go on'); }
        else if (/^QUIT/i.test(line)) { say('221 bye'); socket.end(); }
        else say('502 what?');
      }
    };
    socket.setEncoding('utf8').on('data', hear).on('error', () => {});
    return say;
  };
  const server = implicit ? tls.createServer(secure, (socket) => talk(socket, true)('220 here')) : net.createServer((socket) => talk(socket, false)('220 here'));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `${implicit ? 'smtps' : 'smtp'}://127.0.0.1:${server.address().port}`, mails, close: () => new Promise((resolve) => server.close(resolve)) };
}

const { user, env } = users([{ email: 'alice@example.com', role: 'member' }]);
async function withMail(settings, check) {
  const mail = { from: 'Lurus <lurus@example.com>', ...settings };
  const lurus = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), mail, user }, env: { ...env, LURUS_TEST_SMTP: 'smtp secret' } });
  try {
    assert.equal((await api(lurus, 'POST', 'password/reset', { body: { email: 'alice@example.com' } })).status, 202);
    await check(lurus);
    assert.ok(!lurus.output.includes('smtp secret'));
  } finally {
    await lurus.close();
  }
}
async function first(mails) {
  for (let i = 0; i < 250 * PATIENCE && mails.length === 0; ++i) await sleep(20);
  assert.equal(mails.length, 1);
  return mails[0];
}
const complaint = async (lurus) => {
  for (let i = 0; i < 250 * PATIENCE && !/a mail was not sent/.test(lurus.output); ++i) await sleep(20);
  assert.match(lurus.output, /a mail was not sent/);
};

test('smtps: encrypted from the first byte, signed in, the link works', async () => {
  const server = await smtpServer({ implicit: true });
  await withMail({ smtp: server.url, ca_file: cert, user: 'lurus', password_env: 'LURUS_TEST_SMTP' }, async (lurus) => {
    const mail = await first(server.mails);
    assert.equal(mail.encrypted, true);
    assert.equal(mail.auth, '\0lurus\0smtp secret');
    assert.match(mail.from, /^<lurus@example\.com>/);
    assert.match(mail.to, /^<alice@example\.com>/);
    const confirmed = await api(lurus, 'POST', 'password/reset/confirm', { body: { token: tokenIn(mail.text), new_password: 'nine bridges and a goose' } });
    assert.equal(confirmed.status, 204);
    assert.equal((await login(lurus, 'alice@example.com', 'nine bridges and a goose')).status, 200);
  });
  await server.close();
});

test('smtp: STARTTLS before anything is said', async () => {
  const server = await smtpServer();
  await withMail({ smtp: server.url, ca_file: cert }, async () => {
    assert.equal((await first(server.mails)).encrypted, true);
  });
  await server.close();
});

test('a certificate that nobody vouches for gets no mail', async () => {
  const server = await smtpServer({ implicit: true });
  await withMail({ smtp: server.url }, async (lurus) => {
    await complaint(lurus);
    assert.equal(server.mails.length, 0);
  });
  await server.close();
});

test('a server that is away is said in the log, and the answer was the same', async () => {
  const server = await smtpServer();
  await server.close();
  await withMail({ smtp: server.url }, complaint);
});
