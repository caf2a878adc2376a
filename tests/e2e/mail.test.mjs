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
/// `refuse`: { RCPT: '550 ...' } and so on, by the command's first word.
async function smtpServer({ implicit = false, starttls = true, refuse = {} } = {}) {
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
        const refusal = refuse[line.split(/[ :]/)[0].toUpperCase()];
        if (refusal) say(refusal);
        else if (/^EHLO/i.test(line)) {
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

const admin = (lurus) => fs.readFileSync(path.join(lurus.dataDir, 'admin.token'), 'utf8').trim();
const serverFor = (mail) => startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), mail: { from: 'Lurus <lurus@example.com>', ...mail }, user }, env });
const mailFinding = async (lurus) => (await lurus.cli(['doctor', '--json'])).stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((each) => each.check === 'mail');

test('a recipient whom the mail server refuses: who invited is told, in its words, and has a link that works', async () => {
  const server = await smtpServer({ refuse: { RCPT: '550 5.1.1 no such user here' } });
  const lurus = await serverFor({ smtp: server.url, ca_file: cert });
  try {
    const token = admin(lurus);
    const invited = await api(lurus, 'POST', 'invitations', { token, body: { email: 'new@example.com' } });
    assert.equal(invited.status, 201, JSON.stringify(invited.body));
    assert.equal(invited.body.mailed, false);
    assert.match(invited.body.problem, /new@example\.com: 550 5\.1\.1 no such user here/);
    assert.match(lurus.output, /a mail was not sent: to new@example\.com: .*550 5\.1\.1 no such user here/);
    assert.match(invited.body.link, /#token=lnk_/);
    const joined = await api(lurus, 'POST', 'invitations/accept', { body: { token: invited.body.token, password: 'nine bridges and a goose' } });
    assert.equal(joined.status, 200, JSON.stringify(joined.body));
    // Nobody has shown that the address is theirs.
    const person = (await api(lurus, 'GET', '/api/v1/users', { token })).body.data.find((each) => each.email === 'new@example.com');
    assert.equal(person.email_verified, false, JSON.stringify(person));

    const reset = await api(lurus, 'POST', 'password/reset-link', { token, body: { email: 'alice@example.com' } });
    assert.equal(reset.body.mailed, false);
    assert.match(reset.body.problem, /alice@example\.com: 550/);
    assert.equal((await api(lurus, 'POST', 'password/reset/confirm', { body: { token: reset.body.token, new_password: 'nine bridges and a goose' } })).status, 204);

    const command = await lurus.cli(['user', 'invite', 'other@example.com']);
    assert.equal(command.code, 0, command.stderr);
    assert.match(command.stdout, /not by mail: .*other@example\.com: 550 5\.1\.1 no such user here/);
    assert.match(command.stdout, /#token=lnk_/);

    const found = await mailFinding(lurus);
    assert.equal(found?.level, 'broken');
    assert.match(found.detail, /other@example\.com: 550/);
  } finally {
    await lurus.close();
    await server.close();
  }
});

test('a sender or a mail that the server refuses is told as well; one that it takes is `mailed`', async () => {
  for (const [command, words] of [['MAIL', '553 5.7.1 not from there'], ['DATA', '451 4.3.0 later']]) {
    const server = await smtpServer({ refuse: { [command]: words } });
    const lurus = await serverFor({ smtp: server.url, ca_file: cert });
    try {
      const invited = await api(lurus, 'POST', 'invitations', { token: admin(lurus), body: { email: 'new@example.com' } });
      assert.equal(invited.body.mailed, false, command);
      assert.ok(invited.body.problem.includes(words), invited.body.problem);
    } finally {
      await lurus.close();
      await server.close();
    }
  }
  const server = await smtpServer();
  const lurus = await serverFor({ smtp: server.url, ca_file: cert, from: '"Grüße, Inc." <lurus@example.com>' });
  try {
    const invited = await api(lurus, 'POST', 'invitations', { token: admin(lurus), body: { email: 'new@example.com' } });
    assert.equal(invited.body.mailed, true, JSON.stringify(invited.body));
    assert.equal(invited.body.problem, undefined);
    assert.equal(invited.body.link, undefined);
    assert.match(server.mails[0].text, /^From: =\?UTF-8\?B\?[A-Za-z0-9+/=]+\?= <lurus@example\.com>\r$/m);
    assert.match(server.mails[0].from, /^<lurus@example\.com>/);
    assert.equal((await mailFinding(lurus))?.level, 'good');
  } finally {
    await lurus.close();
    await server.close();
  }
});

test('a mail server that is away, or does not take our account: the link is with who invited, its address with the log and the doctor', async () => {
  const away = await smtpServer();
  await away.close();
  const refusing = await smtpServer({ implicit: true, refuse: { AUTH: '535 5.7.8 no' } });
  try {
    for (const [settings, detail] of [[{ smtp: away.url }, /[Cc]onnect/], [{ smtp: refusing.url, ca_file: cert, user: 'lurus', password_env: 'LURUS_TEST_SMTP' }, /[Ll]ogin denied.*535/]]) {
      const lurus = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), mail: { from: 'lurus@example.com', ...settings }, user }, env: { ...env, LURUS_TEST_SMTP: 'smtp secret' } });
      try {
        const invited = await api(lurus, 'POST', 'invitations', { token: admin(lurus), body: { email: 'new@example.com' } });
        assert.equal(invited.body.mailed, false);
        assert.equal(invited.body.problem, "the mail to new@example.com could not be sent now; the server's log says why");
        assert.match(invited.body.link, /#token=lnk_/);
        assert.match(lurus.output, /a mail was not sent: to new@example\.com: smtps?:\/\/127\.0\.0\.1/);
        const found = await mailFinding(lurus);
        assert.equal(found?.level, 'broken');
        assert.match(found.detail, detail);
        assert.ok(!lurus.output.includes('smtp secret'));
      } finally {
        await lurus.close();
      }
    }
  } finally {
    await refusing.close();
  }
});

test('an address that cannot be mailed is refused wherever one is taken', async () => {
  const server = await smtpServer();
  const lurus = await startLurus({ config: { ...configFor({ url: 'http://127.0.0.1:1' }), mail: { from: 'lurus@example.com', smtp: server.url, ca_file: cert }, user, auth: { open_signup: true } }, env });
  try {
    const token = admin(lurus);
    for (const email of ['a@b.c,evil@x.y', 'a b@c.d', 'a@b.c\r\nBcc: evil@x.y', 'a@b.c\n', '<a@b.c>', '"a"@b.c', '@x.y:a@b.c', 'a@', '@b.c', 'a', 'a@b..c', 'a@[127.0.0.1]', 'ö@b.c', `${'a'.repeat(65)}@b.c`, `a@${'b'.repeat(64)}.c`]) {
      const tries = [
        api(lurus, 'POST', 'invitations', { token, body: { email } }),
        api(lurus, 'POST', 'register', { body: { email, password: 'nine bridges and a goose' } }),
        api(lurus, 'POST', '/api/v1/members', { token, body: { email } }),
        api(lurus, 'POST', '/api/v1/orgs', { token, body: { name: 'other', owner: email } }),
        api(lurus, 'POST', 'password/import', { token, body: { email, password_hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' } }),
      ];
      for (const [i, answer] of (await Promise.all(tries)).entries()) assert.equal(answer.status, 400, `${i} ${JSON.stringify(email)} ${JSON.stringify(answer.body)}`);
      const command = await lurus.cli(['user', 'invite', '--', email]);
      assert.notEqual(command.code, 0, email);
    }
    assert.equal(server.mails.length, 0);
    assert.equal((await api(lurus, 'GET', '/api/v1/users', { token })).body.data.filter((each) => each.email !== 'alice@example.com').length, 0);
  } finally {
    await lurus.close();
    await server.close();
  }
});
