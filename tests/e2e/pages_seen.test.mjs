// Every page as it is seen: on a telephone and on a desk, dark and light, with long names and names from right to left.
import test from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { missing } from './lib/browser.mjs';
import { checks } from './lib/page_checks.mjs';
import { LONG_ADDRESS, PROVIDER, addFactor, at, heading, inFocus, ownerLink, pages, problem, signIn } from './lib/pages.mjs';
import { configFor, startLurus } from './lib/lurus.mjs';
import { PASSWORD, api, mailTo, tokenIn } from './lib/people.mjs';

const pictures = process.env.LURUS_PICTURES; // a folder: each page is kept there as it was seen
const LONG_NAME = 'donaudampfschifffahrt-kapitaen';
const ESCAPED = `o'neil&amp@example.com`;
const context = pages();

// Every page: its name, and how one comes to it.
const everyPage = {
  'sign in': (tab) => tab.open(at(context.lurus, '/console/')),
  'sign in, with all that may be offered': async (tab) => {
    await tab.open(at(context.mailing, '/console/'));
    await tab.says(`Sign in with ${PROVIDER}`);
  },
  'a wrong password': async (tab) => {
    await signIn(tab, context.lurus, 'nobody@example.com', 'not the password');
    await problem(tab, 'wrong');
  },
  'a code is asked for': async (tab) => {
    await signIn(tab, context.lurus, 'codes@example.com');
    await inFocus(tab, 'totp');
  },
  'a recovery code is asked for': async (tab) => {
    await signIn(tab, context.lurus, 'codes@example.com');
    await inFocus(tab, 'totp');
    await tab.run(`document.getElementById('other').click()`);
    await inFocus(tab, 'recovery_code');
  },
  'signed in': async (tab) => {
    await signIn(tab, context.lurus, LONG_ADDRESS);
    await heading(tab, 'Welcome');
  },
  'the first link': async (tab, links) => {
    await tab.open(links.setup);
    await heading(tab, 'Make the owner’s account');
  },
  'an invitation': async (tab, links) => {
    await tab.open(links.invitation);
    await heading(tab, 'You are invited');
    await tab.says(LONG_NAME);
  },
  'an invitation, with escapes and from right to left': async (tab, links) => {
    await tab.open(links.escaped);
    await tab.says(ESCAPED);
    await inFocus(tab, 'name');
    await tab.type('شركة البوابة و أولاد');
    assert.equal(await tab.run(`getComputedStyle(document.activeElement).direction`), 'rtl');
  },
  'an invitation of somebody known': async (tab, links) => {
    await tab.open(links.known);
    await tab.says('You have an account already');
  },
  'a new password': async (tab, links) => {
    await tab.open(links.reset);
    await heading(tab, 'Choose a new password');
  },
  'a weak password': async (tab, links) => {
    await tab.open(links.reset);
    await inFocus(tab, 'password');
    await tab.type('short');
    await tab.key('Enter');
    await problem(tab, '12');
  },
  'an address to confirm': async (tab, links) => {
    await tab.open(links.verify);
    await heading(tab, 'Confirm your address');
  },
  'a link that is over': async (tab) => {
    await tab.open(at(context.lurus, '/console/reset#token=lnk_x'));
    await heading(tab, 'This link does not work any more');
  },
  'half a link': async (tab) => {
    await tab.open(at(context.lurus, '/console/setup'));
    await heading(tab, 'This link is not whole');
  },
  'a forgotten password': async (tab) => {
    await tab.open(at(context.mailing, '/console/forgot'));
    await tab.says('A link to choose a new one comes by mail.');
  },
  'a forgotten password without mail': async (tab) => {
    await tab.open(at(context.lurus, '/console/forgot'));
    await tab.says('No mail is sent from here.');
  },
  'sign up': async (tab) => {
    await tab.open(at(context.mailing, '/console/sign-up'));
    await heading(tab, 'Make an account');
    await inFocus(tab, 'email');
  },
  'sign up where that is closed': async (tab) => {
    await tab.open(at(context.lurus, '/console/sign-up'));
    await tab.says('by invitation here');
  },
  'no such page': (tab) => tab.open(at(context.lurus, '/console/nothing')),
  'a refused way back': (tab) => tab.open(at(context.mailing, `/api/v1/auth/oidc/${PROVIDER}/callback?state=x`)),
};

test('every page on every width, dark and light: nothing is cut off, all is named and readable', { skip: missing }, async () => {
  const fresh = await startLurus({ config: configFor({ url: 'http://127.0.0.1:1' }) });
  try {
    await addFactor(context.lurus, 'codes@example.com');
    const links = { setup: await ownerLink(fresh), reset: (await context.command('user', 'reset-password', LONG_ADDRESS)).link };
    await context.command('org', 'create', LONG_NAME);
    links.invitation = (await context.invite(LONG_ADDRESS.replace('very', 'most'), '--org', LONG_NAME)).link;
    links.escaped = (await context.invite(ESCAPED)).link;
    links.known = (await context.invite('bob@example.com', '--org', LONG_NAME)).link;
    await api(context.mailing, 'POST', 'register', { body: { email: 'shown@example.com', password: PASSWORD } });
    links.verify = at(context.mailing, `/console/verify#token=${tokenIn(await mailTo(context.sink, 'shown@example.com'))}`);
    for (const [name, come] of Object.entries(everyPage)) {
      await context.inTab(async (tab) => {
        await come(tab, links);
        await tab.until(`document.activeElement !== document.body`, `${name}: something is in focus`);
        for (const [width, dark] of [[320, false], [360, false], [360, true], [1280, false], [1280, true]]) {
          await tab.look({ width, height: 740, dark });
          if (pictures) await tab.picture(path.join(pictures, `${name.replace(/\W+/g, '-')}-${width}${dark ? '-dark' : ''}.png`));
          for (const [what, check] of Object.entries(checks)) assert.equal(await tab.run(check), '', `${name}, ${width} px${dark ? ', dark' : ''}: ${what}`);
        }
      });
    }
  } finally {
    await fresh.close();
  }
});
