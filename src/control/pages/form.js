// The page's one form: what it shows, that it is sent once, and how it says what went wrong.

export const by = (id) => document.getElementById(id);

const form = by('form');
const fields = ['email', 'name', 'password', 'totp', 'recovery_code'];
const answer_limit = 90_000; // longer than a directory may take
const patience = 4_000; // before a word that it takes long
let view = null;
let busy = false;
let slow = 0; // the timer

export const isBusy = () => busy;

/// Text in whatever direction it has, so that what stands around it keeps its own.
export function isolated(text) {
  const element = document.createElement('bdi');
  element.textContent = text;
  return element;
}

export function link(text, href) {
  const element = document.createElement('a');
  element.href = href;
  element.textContent = text;
  return element;
}

const sentence = (text) => text.replace(/`/g, '').replace(/^[a-z]/, (c) => c.toUpperCase()).replace(/([^.!?])$/, '$1.');

/// { status, body, detail }; status 0: there was no answer of the server's. `detail` is for people.
export async function call(path, body) {
  const how = { cache: 'no-store', signal: AbortSignal.timeout(answer_limit) };
  if (body !== undefined) Object.assign(how, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  let status = 0, text = '';
  try {
    const answer = await fetch('/api/v1/' + path, how);
    text = await answer.text();
    status = answer.status;
  } catch (error) {
    const late = error.name === 'TimeoutError';
    return { status: 0, body: {}, detail: late ? 'The server does not answer. Try again in a moment.' : 'The server cannot be reached. Is it running? Try again in a moment.' };
  }
  try {
    const parsed = text ? JSON.parse(text) : {};
    return { status, body: parsed, detail: sentence(parsed.detail || parsed.title || '') };
  } catch {
    return { status: 0, body: {}, detail: `Something between this page and the server answered with status ${status}. Try again in a moment.` };
  }
}

const row = (name) => by(name + '-row');

export function setField(name, shown, required = shown) {
  row(name).hidden = !shown;
  by(name).required = required;
  if (!shown) by(name).value = '';
  by(name).removeAttribute('aria-invalid');
}

export function tell(...parts) {
  by('notice').replaceChildren(...parts);
}

/// Says so when what is shown next is long in coming.
export function expect() {
  slow = setTimeout(() => tell('The server takes long; this page still waits for it.'), patience);
}

function setBusy(on) {
  busy = on;
  clearTimeout(slow);
  if (on) expect();
  by('submit').textContent = on ? view.doing : view.button;
  by('submit').setAttribute('aria-disabled', on);
  form.setAttribute('aria-busy', on);
}

/// Says what is wrong, and puts the cursor where it can be put right.
export function complain(detail, field) {
  by('problem').textContent = detail;
  for (const name of fields) by(name).removeAttribute('aria-invalid');
  if (!field) return;
  by(field).setAttribute('aria-invalid', 'true');
  by(field).focus();
  by(field).select();
}

// The server's word names the field: `the password is too short`.
function fieldOf(detail) {
  const named = { recovery_code: /recovery code/i, totp: /\bcode\b/i, password: /password/i, email: /address|e-?mail/i, name: /\bname\b/i };
  return Object.keys(named).find((name) => !row(name).hidden && !by(name).readOnly && named[name].test(detail));
}

export function focusFirst() {
  const open = fields.map(by).find((input) => !row(input.name).hidden && !input.readOnly && input.value === '');
  (open ?? (view.quiet ? by('title') : by('submit'))).focus();
}

/// `next`: title, lead, limits (list items), notice; fields, optional ones among them, values, fixed ones; button, doing, submit, which may
/// return an answer that refuses, or a notice; otherwise: what the second button does; edited: another address is typed;
/// more; fresh: the password is a new one; label: what the password is called; quiet: ENTER does nothing by itself.
export function show(next) {
  view = { fields: [], optional: [], values: {}, fixed: [], lead: [], limits: [], notice: [], more: [], ...next };
  document.title = `${view.title} – Lurus`;
  by('title').textContent = view.title;
  by('lead').replaceChildren(...view.lead);
  by('limits').replaceChildren(...view.limits);
  by('limits').hidden = view.limits.length === 0;
  by('more').replaceChildren(...view.more);
  by('problem').textContent = '';
  clearForm();
  for (const name of fields) {
    setField(name, view.fields.includes(name), view.fields.includes(name) && !view.optional.includes(name));
    by(name).value = view.values[name] ?? '';
    by(name).readOnly = view.fixed.includes(name);
  }
  by('password').autocomplete = view.fresh ? 'new-password' : 'current-password';
  by('password-label').textContent = view.label ?? 'Password';
  by('password-hint').textContent = view.hint ?? '';
  setOther('');
  by('providers').hidden = true;
  form.hidden = !view.button;
  setBusy(false);
  tell(...view.notice);
  if (view.button) focusFirst();
  else by('title').focus();
}

export function setOther(text) {
  by('other').hidden = text === '';
  by('other').textContent = text;
}

/// Nothing that was typed stays.
export function clearForm() {
  form.reset();
  by('password').type = 'password';
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (busy) return;
  const wrong = fields.map(by).find((input) => !row(input.name).hidden && !input.checkValidity());
  if (wrong) {
    const name = document.querySelector(`label[for=${wrong.id}]`).firstChild.textContent.trim();
    complain(`${name}: ${wrong.validationMessage}`, wrong.id);
    return;
  }
  const values = Object.fromEntries(fields.map((name) => [name, by(name).value]));
  const asked = view;
  complain('');
  tell();
  setBusy(true);
  const { notice = [], detail, status } = (await asked.submit(values)) ?? {};
  if (view !== asked) return;
  setBusy(false);
  tell(...notice);
  if (detail) complain(detail, status >= 400 && status < 500 ? fieldOf(detail) : undefined);
});

by('other').addEventListener('click', () => view.otherwise());
by('reveal').addEventListener('change', () => { by('password').type = by('reveal').checked ? 'text' : 'password'; });
by('email').addEventListener('input', () => view.edited?.());

// A page that the browser keeps for going back to is one that was left.
addEventListener('pagehide', clearForm);
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload();
});
