'use strict';
// What the links of mails and of the first start lead to, and signing in. The management API does the work.

const by = (id) => document.getElementById(id);
const form = by('form');
const page = location.pathname.replace(/\/+$/, '').split('/').pop();
const token = new URLSearchParams(location.hash.slice(1)).get('token');
// The token works once; it need not stay in the address bar and the history.
if (token) history.replaceState(null, '', location.pathname);

const pages = {
  setup: {
    lead: 'Make the account that owns this installation.', button: 'Make the account', fields: ['email', 'name', 'password'],
    fresh: true, path: 'setup', body: (v) => ({ token, email: v.email, name: v.name, password: v.password, session: true }),
  },
  invitation: {
    lead: 'You are invited. Choose a password; who has an account already leaves it empty.', button: 'Accept', fields: ['name', 'password'],
    fresh: true, optional: true, path: 'invitations/accept',
    body: (v) => ({ token, name: v.name, ...(v.password ? { password: v.password } : {}), session: true }),
  },
  verify: { lead: 'Confirm that this address is yours.', button: 'Confirm', fields: [], path: 'verify', body: () => ({ token }), done: 'The address is confirmed; sign in now.' },
  reset: {
    lead: 'Choose a new password.', button: 'Set the password', fields: ['password'], fresh: true, path: 'password/reset/confirm',
    body: (v) => ({ token, new_password: v.password }), done: 'The password is changed; sign in with it.',
  },
  'sign-in': {
    lead: 'Sign in.', button: 'Sign in', fields: ['email', 'password'], path: 'login',
    body: (v) => ({ email: v.email, password: v.password, ...(v.totp ? { totp: v.totp } : {}), session: true }),
  },
};

async function call(path, body) {
  const answer = await fetch('/api/v1/' + path, body === undefined ? {} : {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : {} };
}

function show(name, lead) {
  const what = pages[name];
  by('lead').textContent = lead || what.lead;
  by('problem').textContent = '';
  for (const field of ['email', 'name', 'password', 'totp']) {
    by(field + '-row').hidden = !what.fields.includes(field);
    form.elements[field].required = what.fields.includes(field) && field !== 'name' && !what.optional;
  }
  form.elements.password.autocomplete = what.fresh ? 'new-password' : 'current-password';
  form.querySelector('button').textContent = what.button;
  form.hidden = false;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const answer = await call('auth/' + what.path, what.body(Object.fromEntries(new FormData(form))));
    if (answer.body.totp_required) by('totp-row').hidden = false;
    if (answer.status >= 400) by('problem').textContent = answer.body.detail || answer.body.title;
    else if (what.done) show('sign-in', what.done);
    else home();
  };
}

async function home() {
  const me = await call('me');
  if (me.status === 401) return show('sign-in');
  if (me.status >= 400) {
    by('lead').textContent = me.body.detail || me.body.title;
    return;
  }
  history.replaceState(null, '', '/console/');
  by('problem').textContent = '';
  by('lead').textContent = `Signed in as ${me.body.name || me.body.email}.`;
  form.hidden = false;
  for (const field of ['email', 'name', 'password', 'totp']) {
    by(field + '-row').hidden = true;
    form.elements[field].required = false;
  }
  form.querySelector('button').textContent = 'Sign out';
  form.onsubmit = async (event) => {
    event.preventDefault();
    await call('auth/logout', {});
    show('sign-in');
  };
}

if (!pages[page] || page === 'sign-in') home();
else if (token) show(page);
else by('lead').textContent = 'This link is not whole: what follows # in it is missing.';
