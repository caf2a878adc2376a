// The pages in a browser, by keyboard: what links lead to, signing in and out, what goes wrong on the way.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { addFactor, at, fields, heading, inFocus, ownerLink, pages, problem, signIn, typed } from './lib/pages.mjs';
import { startLurus, tempFolder } from './lib/lurus.mjs';
import { PASSWORD, api, mailTo, tokenIn } from './lib/people.mjs';

const context = pages();

context.live('the first link: its token outlives an error and a reload, and is over once it was used', async (tab) => {
  const link = await ownerLink(context.mailing);
  await tab.open(link);
  await heading(tab, 'Make the owner’s account');
  assert.equal(await tab.run('location.href'), at(context.mailing, '/console/setup')); // neither bar nor history have the token
  await inFocus(tab, 'email');
  await tab.type('first@example.com');
  await tab.key('Tab');
  await inFocus(tab, 'name');
  await tab.key('Tab');
  await tab.type('short');
  await tab.key('Enter');
  await problem(tab, '12');
  await inFocus(tab, 'password');
  assert.equal(await tab.run(`document.getElementById('password').getAttribute('aria-invalid')`), 'true');
  await tab.reload();
  await heading(tab, 'Make the owner’s account');
  assert.equal(await typed(tab), '');
  await inFocus(tab, 'email');
  await tab.type('first@example.com');
  await tab.key('Tab');
  await tab.key('Tab');
  await tab.type(PASSWORD);
  await tab.key('Enter');
  await heading(tab, 'Welcome');
  await tab.says('Signed in as first@example.com, owner of ');
  await tab.says('The account is made.');
  assert.equal(await tab.run(`sessionStorage.length`), 0);
  for (const where of [link, at(context.mailing, '/console/setup')]) {
    await tab.open(where);
    await tab.until(`/does not work any more|not whole/.test(document.querySelector('h1').innerText)`);
    assert.deepEqual(await fields(tab), {});
    assert.equal(await tab.run(`document.getElementById('form').hidden`), true);
    await tab.reload();
  }
});

context.live('signing out leaves neither address nor password, also for whoever goes back', async (tab) => {
  await signIn(tab, context.lurus, 'ada@example.com');
  await heading(tab, 'Welcome');
  assert.equal(await typed(tab), '');
  await tab.until(`document.activeElement.id === 'title'`); // a second ENTER signs nobody out
  await tab.key('Tab');
  await inFocus(tab, 'submit');
  await tab.key('Enter');
  await heading(tab, 'Sign in');
  await tab.says('You are signed out.');
  await inFocus(tab, 'email');
  assert.deepEqual(await fields(tab), { email: '', password: '' });
  // What was typed and not sent does not come back either.
  await tab.type('ada@example.com');
  await tab.key('Tab');
  await tab.type(PASSWORD);
  await tab.open(at(context.lurus, '/console/forgot'));
  await heading(tab, 'Forgot the password?');
  await tab.run('history.back()');
  await heading(tab, 'Sign in');
  assert.deepEqual(await fields(tab), { email: '', password: '' });
  const me = await tab.run(`fetch('/api/v1/me').then((answer) => answer.status)`);
  assert.equal(me, 401);
});

context.live('a session that ended elsewhere is told when one comes back to the tab', async (tab) => {
  await signIn(tab, context.lurus, 'ada@example.com');
  await heading(tab, 'Welcome');
  const ended = await tab.run(`fetch('/api/v1/auth/logout', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then((answer) => answer.status)`);
  assert.equal(ended, 204);
  await tab.run(`document.dispatchEvent(new Event('visibilitychange'))`);
  await tab.says('You are not signed in any more.');
  await heading(tab, 'Sign in');
});

context.live('a wrong password is said where it is typed, and the field it is about is in focus', async (tab) => {
  await signIn(tab, context.lurus, 'bob@example.com', 'not the password');
  await problem(tab, 'The address or the password is wrong.');
  await inFocus(tab, 'password');
  assert.equal(await tab.run(`document.getElementById('password').getAttribute('aria-invalid')`), 'true');
  await tab.type(PASSWORD); // over what was selected
  await tab.key('Enter');
  await heading(tab, 'Welcome');
  await tab.open(at(context.lurus, '/console/'));
  await heading(tab, 'Welcome');
  await tab.run(`document.getElementById('submit').click()`);
  await heading(tab, 'Sign in');
  await tab.key('Enter'); // nothing typed
  await problem(tab, 'E-mail address: ');
  await inFocus(tab, 'email');
});

context.live('a second factor: the code of the app, or a recovery code', async (tab) => {
  const codes = await addFactor(context.lurus, 'codes@example.com');
  await signIn(tab, context.lurus, 'codes@example.com');
  await tab.says('enter its code as well');
  await inFocus(tab, 'totp');
  assert.equal(await tab.run(`document.getElementById('totp').autocomplete`), 'one-time-code');
  await tab.type('000000');
  await tab.key('Enter');
  await problem(tab, 'code is wrong');
  await inFocus(tab, 'totp');
  for (let i = 0; i < 2; ++i) await tab.key('Tab'); // over the button that sends, to the one beside it
  await inFocus(tab, 'other');
  await tab.key('Enter');
  await inFocus(tab, 'recovery_code');
  assert.equal(await tab.run(`document.getElementById('problem').innerText`), '');
  await tab.type('no-such-code');
  await tab.key('Enter');
  await problem(tab, 'recovery code is wrong');
  await tab.type(` ${codes[0].toUpperCase()} `);
  await tab.key('Enter');
  await heading(tab, 'Welcome');
  await tab.says('9 are left');
  // Somebody else on the same machine is asked for no code.
  await tab.run(`document.getElementById('submit').click()`);
  await heading(tab, 'Sign in');
  await tab.type('codes@example.com');
  await tab.key('Tab');
  await tab.type(PASSWORD);
  await tab.key('Enter');
  await inFocus(tab, 'totp');
  await tab.key('Tab', { shift: true });
  await tab.key('Tab', { shift: true });
  await tab.key('Tab', { shift: true });
  await inFocus(tab, 'email');
  await tab.run(`document.getElementById('email').select()`);
  await tab.type('ada@example.com');
  assert.deepEqual(Object.keys(await fields(tab)), ['email', 'password']);
  await tab.key('Enter');
  await heading(tab, 'Welcome');
});

context.live('a link that is pasted into the tab works, whatever the tab showed', async (tab) => {
  const { token } = await context.invite('pasted@example.com');
  await tab.open(at(context.lurus, '/console/invitation'));
  await heading(tab, 'This link is not whole');
  await tab.open(at(context.lurus, '/console/invitation#token=lnk_wrong'));
  await heading(tab, 'This link does not work any more');
  await tab.open(at(context.lurus, `/console/invitation#token=${token}`));
  await heading(tab, 'You are invited');
  await tab.says('pasted@example.com is invited to ');
  assert.deepEqual(await fields(tab), { email: 'pasted@example.com', name: '', password: '' });
  await inFocus(tab, 'name');
  const { token: second } = await context.invite('pasted-second@example.com');
  await tab.open(at(context.lurus, `/console/invitation#token=${second}`));
  await tab.says('pasted-second@example.com is invited to ');
  await inFocus(tab, 'name');
  await tab.type('Zoë');
  await tab.key('Tab');
  await tab.type(PASSWORD);
  await tab.key('Enter');
  await heading(tab, 'Welcome');
  await tab.says('pasted-second@example.com now belongs to ');
});

context.live('who has an account is told what accepting did, and where to go', async (tab) => {
  await context.command('org', 'create', 'second-place');
  const { link } = await context.invite('ada@example.com', '--org', 'second-place', '--role', 'viewer');
  await tab.open(link);
  await tab.says('ada@example.com is invited to second-place as viewer. You have an account already');
  assert.deepEqual(await fields(tab), {});
  await inFocus(tab, 'submit');
  await tab.key('Enter');
  await heading(tab, 'Sign in');
  await tab.says('ada@example.com now belongs to second-place as viewer.');
  assert.deepEqual(await fields(tab), { email: 'ada@example.com', password: '' });
  await inFocus(tab, 'password');
  await tab.type(PASSWORD);
  await tab.key('Enter');
  await heading(tab, 'Welcome');
  // Signed in already: the word is there, and no form to sign in.
  await context.command('org', 'create', 'third-place');
  await tab.open((await context.invite('ada@example.com', '--org', 'third-place')).link);
  await inFocus(tab, 'submit');
  await tab.key('Enter');
  await tab.says('ada@example.com now belongs to third-place as member.');
  await tab.says('Signed in as ada@example.com');
});

context.live('links that were used say so', async (tab) => {
  const reset = await context.command('user', 'reset-password', 'bob@example.com');
  await tab.open(reset.link);
  await heading(tab, 'Choose a new password');
  await inFocus(tab, 'password');
  await tab.type(`${PASSWORD} again`);
  // Meanwhile it is used elsewhere.
  assert.equal((await api(context.lurus, 'POST', 'password/reset/confirm', { body: { token: reset.token, new_password: `${PASSWORD} elsewhere` } })).status, 204);
  await tab.key('Enter');
  await heading(tab, 'This link does not work any more');
  assert.equal(await tab.run('sessionStorage.length'), 0);
  await tab.says('Go to the sign-in page');
  const again = await context.command('user', 'reset-password', 'bob@example.com');
  await tab.open(again.link);
  await inFocus(tab, 'password');
  await tab.type(PASSWORD);
  await tab.key('Enter');
  await heading(tab, 'Sign in');
  await tab.says('The password is changed; sign in with it.');
  await inFocus(tab, 'password');
  for (const link of [again.link, at(context.lurus, '/console/verify#token=lnk_x'), at(context.lurus, '/console/setup#token=x')]) {
    await tab.open(link);
    await heading(tab, 'This link does not work any more');
    assert.deepEqual(await fields(tab), {});
  }
});

context.live('a stopped server: the page says so, and works on when the server is back', async (tab) => {
  const user = context.lurus.config.user.filter(({ email }) => email === 'ada@example.com');
  const own = await startLurus({ config: { ...context.lurus.config, user, server: { threads: 1 } }, env: context.lurus.env, dataDir: tempFolder('lurus-pages-own-') });
  try {
    await tab.open(at(own, '/console/'));
    await heading(tab, 'Sign in');
    await tab.type('ada@example.com');
    await tab.key('Tab');
    await tab.type(PASSWORD);
    await own.stop();
    for (let i = 0; i < 2; ++i) {
      await tab.key('Enter');
      await problem(tab, 'The server cannot be reached.');
      assert.equal(await tab.run(`document.getElementById('submit').innerText`), 'Sign in');
      assert.equal(await tab.run(`document.getElementById('submit').getAttribute('aria-disabled')`), 'false');
    }
    assert.deepEqual(await fields(tab), { email: 'ada@example.com', password: PASSWORD });
    await own.start();
    await tab.key('Enter');
    await heading(tab, 'Welcome');
    await own.stop();
    await tab.run(`document.getElementById('submit').click()`);
    await problem(tab, 'The server cannot be reached.');
    await tab.says('Signed in as'); // for so it is
    await own.start();
    await tab.run(`document.getElementById('submit').click()`);
    await heading(tab, 'Sign in');
  } finally {
    await own.close();
    fs.rmSync(own.folder, { recursive: true, force: true });
  }
});

/// Requests to this path wait; `held` has their ids.
async function hold(tab, pattern) {
  await tab.send('Fetch.enable', { patterns: [{ urlPattern: pattern }] });
  const held = [];
  const take = tab.take.bind(tab);
  tab.take = (method, params) => (method === 'Fetch.requestPaused' ? held.push(params.requestId) : take(method, params));
  return held;
}

context.live('a slow answer shows, and nothing is sent twice', async (tab) => {
  await tab.open(at(context.lurus, '/console/'));
  await heading(tab, 'Sign in');
  const held = await hold(tab, '*/auth/login');
  await tab.type('ada@example.com');
  await tab.key('Tab');
  await tab.type(PASSWORD);
  for (let i = 0; i < 3; ++i) await tab.key('Enter');
  await tab.run(`document.getElementById('submit').click()`);
  await tab.until(`document.getElementById('submit').innerText === 'Signing in …'`);
  assert.equal(await tab.run(`document.getElementById('submit').getAttribute('aria-disabled')`), 'true');
  await tab.says('The server takes long');
  assert.equal(held.length, 1);
  await tab.send('Fetch.failRequest', { requestId: held[0], errorReason: 'ConnectionReset' });
  await problem(tab, 'The server cannot be reached.');
  await tab.send('Fetch.disable');
  await tab.key('Enter');
  await heading(tab, 'Welcome');
});

context.live('a page that cannot ask the server says so and asks again', async (tab) => {
  const { link } = await context.invite('patient@example.com');
  const held = await hold(tab, '*/auth/links/check');
  await tab.open(link);
  await tab.says('The server takes long');
  await tab.send('Fetch.fulfillRequest', { requestId: held[0], responseCode: 502, body: Buffer.from('<h1>Bad gateway</h1>').toString('base64') });
  await heading(tab, 'That did not work');
  await problem(tab, 'answered with status 502');
  await inFocus(tab, 'submit');
  await tab.send('Fetch.disable');
  await tab.key('Enter');
  await tab.says('patient@example.com is invited to ');
});

context.live('whoever signed in sees how much of the own limits is used', async (tab) => {
  await context.command('key', 'create', '--name', 'laptop', '--user', 'bob@example.com', '--rpm', '60', '--budget', '10 USD/day');
  await signIn(tab, context.lurus, 'bob@example.com');
  await tab.says('Key laptop: 0 of 60 requests a minute (0 %)');
  await tab.says('$0.00 of $10.00 a day (0 %), anew ');
  assert.equal(await tab.run(`document.getElementById('limits').children.length`), 2);
});

context.live('identity providers are offered; their refusal and what is not there are pages', async (tab) => {
  await tab.open(at(context.mailing, '/console/'));
  await tab.says('Sign in with corp');
  await tab.run(`document.querySelector('#providers a').focus()`);
  await tab.key('Enter');
  await heading(tab, 'Signing in did not work');
  await tab.says('The provider refused: `access_denied`.');
  assert.equal(tab.status, 403);
  await tab.until(`document.activeElement.innerText === 'Go to the sign-in page'`);
  await tab.key('Enter');
  await heading(tab, 'Sign in');
  await tab.open(at(context.mailing, '/console/nothing'));
  await heading(tab, 'Not found');
  assert.equal(tab.status, 404);
});

context.live('signing up and a forgotten password, by mail', async (tab) => {
  await tab.open(at(context.mailing, '/console/'));
  await tab.says('Make an account');
  await tab.run(`document.querySelector('#more a[href$=sign-up]').click()`);
  await heading(tab, 'Make an account');
  await inFocus(tab, 'email');
  await tab.type('new@example.com');
  await tab.key('Tab');
  await tab.type('أحمد');
  await tab.key('Tab');
  await tab.type(PASSWORD);
  await tab.key('Enter');
  await heading(tab, 'Look into your mail');
  await tab.open(at(context.mailing, `/console/verify#token=${tokenIn(await mailTo(context.sink, 'new@example.com'))}`));
  await tab.says('Is new@example.com yours?');
  await inFocus(tab, 'submit');
  await tab.key('Enter');
  await tab.says('The address is confirmed; sign in now.');
  await inFocus(tab, 'password');
  await tab.run(`document.querySelector('#more a[href$=forgot]').click()`);
  await heading(tab, 'Forgot the password?');
  await inFocus(tab, 'email');
  await tab.type('new@example.com');
  await tab.key('Enter');
  await heading(tab, 'Look into your mail');
  await tab.open(at(context.mailing, `/console/reset#token=${tokenIn(await mailTo(context.sink, 'new@example.com', 2))}`));
  await inFocus(tab, 'password');
  await tab.type(`${PASSWORD} again`);
  await tab.key('Enter');
  await tab.says('The password is changed; sign in with it.');
  await tab.type(`${PASSWORD} again`);
  await tab.key('Enter');
  await tab.says('Signed in as new@example.com');
});

context.live('password managers are told what each field is', async (tab) => {
  const told = () => tab.run(`[...document.querySelectorAll('.row input:not([type=checkbox])')].filter((e) => e.offsetHeight).map((e) => e.autocomplete).join(' ')`);
  await tab.open(at(context.lurus, '/console/'));
  await heading(tab, 'Sign in');
  assert.equal(await told(), 'username current-password');
  await tab.open((await context.invite('managed@example.com')).link);
  await heading(tab, 'You are invited');
  assert.equal(await told(), 'username name new-password');
  await tab.open((await context.command('user', 'reset-password', 'ada@example.com')).link);
  await heading(tab, 'Choose a new password');
  assert.equal(await told(), 'username new-password');
  await tab.type(PASSWORD);
  await tab.run(`document.getElementById('reveal').click()`);
  assert.equal(await tab.run(`document.getElementById('password').type`), 'text');
});
