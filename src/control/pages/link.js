// A link's token comes in the fragment, which no server sees. Until it is used it is in this tab's session storage: an
// error or a reload does not lose it, and neither the address bar nor the history keeps it.

const kinds = ['setup', 'invitation', 'verify', 'reset'];
const place = (kind) => `lurus.link.${kind}`;

const given = () => new URLSearchParams(location.hash.slice(1)).get('token');

/// What the page was opened for; null where it is no link's.
export function linkKind() {
  const last = location.pathname.replace(/\/+$/, '').split('/').pop();
  return kinds.includes(last) ? last : null;
}

export function tokenOf(kind) {
  const token = given();
  try {
    if (!token) return sessionStorage.getItem(place(kind));
    sessionStorage.setItem(place(kind), token);
  } catch {
    return token; // a browser that stores nothing: the token stays in the address
  }
  history.replaceState(null, '', location.pathname);
  return token;
}

export function forgetToken(kind) {
  history.replaceState(null, '', location.pathname);
  try {
    sessionStorage.removeItem(place(kind));
  } catch {
    // A browser that stores nothing has nothing to forget.
  }
}

// A link that is pasted into a tab that shows its page already changes the fragment and loads nothing.
addEventListener('hashchange', () => {
  if (linkKind() && given()) location.reload();
});
