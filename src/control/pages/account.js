// What the links of mails and of the first start lead to, signing in and signing out. The management API does the work.
import { by, call, clearForm, complain, expect, focusFirst, isBusy, isolated, link, setField, setOther, show } from './form.js';
import { limitItems } from './limits.js';
import { forgetToken, linkKind, tokenOf } from './link.js';

let atHome = false;

const path = () => location.pathname.replace(/\/+$/, '').split('/').pop();
const toSignIn = () => link('Go to the sign-in page', '/console/');
const hint = (methods) => `At least ${methods.min_password_length} characters.`;

/// Whatever is shown next, unless the server's answer was one of `good`.
const unless = (answer, ...good) => (good.includes(answer.status) ? null : answer);

function end(title, lead, notice = []) {
  show({ title, lead, notice, more: [toSignIn()] });
}

function unreachable(answer, again) {
  show({ title: 'That did not work', button: 'Try again', doing: 'Trying …', submit: again });
  complain(answer.detail);
}

// ---- signing in and out ----

function offer(methods) {
  by('providers').replaceChildren(...methods.providers.map(({ name, start }) => {
    const item = document.createElement('li');
    const button = link('Sign in with ', start);
    button.className = 'button';
    button.append(isolated(name));
    item.append(button);
    return item;
  }));
  by('providers').hidden = methods.providers.length === 0;
}

// Which of the two codes is asked for; null: neither.
function askFor(code) {
  setField('totp', code === 'totp');
  setField('recovery_code', code === 'recovery_code');
  setOther({ totp: 'Use a recovery code instead', recovery_code: 'Use the code of your app instead' }[code] ?? '');
}

function signIn({ notice = [], email = '' } = {}, methods) {
  let code = null;
  const more = [];
  if (methods.reset_by_mail) more.push(link('Forgot the password?', '/console/forgot'));
  if (methods.reset_by_mail && methods.open_signup) more.push(' · ');
  if (methods.open_signup) more.push(link('Make an account', '/console/sign-up'));
  show({
    title: 'Sign in', notice, more, fields: ['email', 'password'], values: { email }, button: 'Sign in', doing: 'Signing in …',
    hint: methods.directory ? 'That of your organisation’s directory works here as well.' : '',
    // Somebody else may have no second factor.
    edited: () => {
      if (code) askFor(code = null);
    },
    otherwise: () => {
      askFor(code = code === 'totp' ? 'recovery_code' : 'totp');
      complain('');
      focusFirst();
    },
    submit: async (values) => {
      const answer = await call('auth/login', {
        email: values.email, password: values.password, ...(code ? { [code]: values[code].trim() } : {}), session: true,
      });
      if (answer.body.totp_required) {
        askFor(code = 'totp');
        complain('');
        focusFirst();
        return { notice: ['This account has a second factor: enter its code as well.'] };
      }
      const refused = unless(answer, 200);
      if (refused) return refused;
      return home(code === 'recovery_code' ? { notice: await codesLeft() } : {});
    },
  });
  offer(methods);
}

async function codesLeft() {
  const factor = await call('auth/totp');
  if (factor.status !== 200) return ['You used up a recovery code.'];
  return [`You used up a recovery code; ${factor.body.recovery_codes} are left.`];
}

/// Who is signed in, or the form to sign in with `then.notice` above it.
async function home(then = {}) {
  history.replaceState(null, '', '/console/');
  const [me, methods] = await Promise.all([call('me'), call('auth/methods')]);
  const failed = unless(me, 200, 401) ?? unless(methods, 200);
  if (failed) return unreachable(failed, () => home(then));
  atHome = me.status === 200;
  if (!atHome) return signIn(then, methods.body);
  const { name, org, organisations } = me.body;
  const place = organisations.find(({ id }) => id === org);
  const lead = ['Signed in as ', isolated(name), ...(place ? [`, ${place.role} of `, isolated(place.name)] : []), '.'];
  const use = await call('limits');
  const limits = use.status === 200 ? limitItems(use.body.data) : [];
  show({
    title: 'Welcome', lead, limits, notice: then.notice ?? [], button: 'Sign out', doing: 'Signing out …', quiet: true,
    submit: async () => {
      const answer = await call('auth/logout', {});
      return unless(answer, 204, 401) ?? home({ notice: ['You are signed out.'] });
    },
  });
}

async function forgot() {
  const methods = await call('auth/methods');
  if (methods.status !== 200) return unreachable(methods, forgot);
  if (!methods.body.reset_by_mail) return end('Forgot the password?', ['No mail is sent from here. Ask whoever runs this gateway for a link.']);
  show({
    title: 'Forgot the password?', lead: ['A link to choose a new one comes by mail.'], fields: ['email'], button: 'Send the link', doing: 'Sending …', more: [toSignIn()],
    submit: async ({ email }) => {
      const answer = await call('auth/password/reset', { email });
      return unless(answer, 202) ?? end('Look into your mail', ['If there is an account of ', isolated(email), ', a link is on its way to it. It works for an hour.']);
    },
  });
}

async function signUp() {
  const methods = await call('auth/methods');
  if (methods.status !== 200) return unreachable(methods, signUp);
  if (!methods.body.open_signup) return end('Make an account', ['Accounts are made by invitation here. Ask whoever runs this gateway for one.']);
  show({
    title: 'Make an account', fields: ['email', 'name', 'password'], optional: ['name'], fresh: true, hint: hint(methods.body), button: 'Make the account', doing: 'Making it …', more: [toSignIn()],
    submit: async ({ email, name, password }) => {
      const answer = await call('auth/register', { email, name, password });
      return unless(answer, 202) ?? end('Look into your mail', ['A link is on its way to ', isolated(email), '. It works for a day and finishes the sign-up.']);
    },
  });
}

// ---- links ----

const over = {
  setup: ['Was the owner’s account made? Then sign in with it. If not, the server prints a new link at its next start.'],
  invitation: ['If you have accepted it, sign in. If not, ask who invited you for another.'],
  verify: ['If you have confirmed the address, sign in. If not, sign up once more.'],
  reset: ['If you have changed the password with it, sign in. If not, ask for another.'],
};

function dead(kind) {
  forgetToken(kind);
  const more = kind === 'reset' ? [toSignIn(), ' · ', link('Ask for another link', '/console/forgot')] : [toSignIn()];
  show({ title: 'This link does not work any more', lead: ['It was used, has expired, or is not whole. ', ...over[kind]], more });
}

/// Sends what a link is for, and goes on as `then` says. A link that died meanwhile says so.
const sending = (kind, token, path, body, then) => async (values) => {
  const answer = await call('auth/' + path, { token, ...body(values) });
  if (answer.status < 300 && answer.status > 0) {
    forgetToken(kind);
    return then(answer);
  }
  if (answer.status !== 403) return answer;
  const again = await call('auth/links/check', { purpose: kind, token });
  return again.status === 403 ? dead(kind) : answer;
};

const joined = ({ email, org, role }) => [isolated(email), ' now belongs to ', isolated(org), ` as ${role}.`];

const opened = {
  setup: (token, _, methods) => ({
    title: 'Make the owner’s account', lead: ['This account owns the installation.'], fields: ['email', 'name', 'password'], optional: ['name'], fresh: true, hint: hint(methods),
    button: 'Make the account', doing: 'Making it …',
    submit: sending('setup', token, 'setup', ({ email, name, password }) => ({ email, name, password, session: true }), () => home({ notice: ['The account is made.'] })),
  }),
  invitation: (token, invited, methods) => {
    const { email, org, role, account } = invited;
    const lead = [isolated(email), ' is invited to ', isolated(org), ` as ${role}.`];
    if (account) {
      return {
        title: 'You are invited', lead: [...lead, ' You have an account already, and keep its password.'], button: 'Accept', doing: 'Accepting …',
        submit: sending('invitation', token, 'invitations/accept', () => ({ session: true }), () => home({ notice: joined(invited), email })),
      };
    }
    return {
      title: 'You are invited', lead, fields: ['email', 'name', 'password'], optional: ['name'], values: { email }, fixed: ['email'], fresh: true, hint: hint(methods),
      button: 'Accept', doing: 'Accepting …',
      submit: sending('invitation', token, 'invitations/accept', ({ name, password }) => ({ name, password, session: true }), () => home({ notice: joined(invited) })),
    };
  },
  verify: (token, { email }) => ({
    title: 'Confirm your address', lead: ['Is ', isolated(email), ' yours?'], button: 'Confirm', doing: 'Confirming …',
    submit: sending('verify', token, 'verify', () => ({}), () => home({ notice: ['The address is confirmed; sign in now.'], email })),
  }),
  reset: (token, { email }, methods) => ({
    title: 'Choose a new password', lead: ['For the account ', isolated(email), '.'], label: 'New password', fields: ['email', 'password'], values: { email }, fixed: ['email'], fresh: true, hint: hint(methods), button: 'Set the password', doing: 'Setting it …',
    submit: sending('reset', token, 'password/reset/confirm', ({ password }) => ({ new_password: password }), () => home({ notice: ['The password is changed; sign in with it.'], email })),
  }),
};

async function openLink(kind) {
  const token = tokenOf(kind);
  if (!token) return end('This link is not whole', ['What follows # in it is missing. Copy all of it, or open it where it came.']);
  const [checked, methods] = await Promise.all([call('auth/links/check', { purpose: kind, token }), call('auth/methods')]);
  if (checked.status === 403) return dead(kind);
  const failed = unless(checked, 200) ?? unless(methods, 200);
  if (failed) return unreachable(failed, () => openLink(kind));
  show(opened[kind](token, checked.body, methods.body));
}

// Signing out in one tab is seen in the others, and a session that is over when one comes back to it.
document.addEventListener('visibilitychange', async () => {
  if (document.visibilityState !== 'visible' || !atHome || isBusy()) return;
  if ((await call('me')).status === 401 && atHome && !isBusy()) await home({ notice: ['You are not signed in any more.'] });
});

clearForm();
expect();
if (linkKind()) openLink(linkKind());
else if (path() === 'forgot') forgot();
else if (path() === 'sign-up') signUp();
else home();
