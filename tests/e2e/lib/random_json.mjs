// Random JSON *texts*: any whitespace, escapes, duplicate and unknown keys, numbers in every spelling. Never re-serialised.

const SPACES = ['', '', '', ' ', '\n', '\r\n', '\t', '  \n\t '];
const PIECES = ['a', 'Z', '0', ' ', 'ß', '€', '漢', '🌍', '\\n', '\\t', '\\"', '\\\\', '\\/', '\\b', '\\f', '\\r', '\\u0041', '\\u00e9', '\\ud83d\\ude00',
  '{', '}', '[', ']', ':', ',', 'model', '\\"model\\":', 'data: ', '\\u006dodel'];
const NUMBERS = ['0', '-0', '1', '-17', '3.25', '1e3', '1E+10', '-2.5e-7', '12345678901234567890123', '0.1000000000'];

export function randomString(random, pieces = 12) {
  let out = '"';
  for (let n = random.below(pieces); n > 0; n--) out += random.pick(PIECES);
  return `${out}"`;
}

export function randomValue(random, depth = 4) {
  const space = () => random.pick(SPACES);
  const kind = random.below(depth > 0 ? 8 : 5);
  if (kind === 0) return random.pick(NUMBERS);
  if (kind === 1) return random.pick(['true', 'false', 'null']);
  if (kind < 5) return randomString(random);
  const count = random.below(5);
  const items = [];
  for (let i = 0; i < count; i++) {
    const value = `${space()}${randomValue(random, depth - 1)}${space()}`;
    items.push(kind < 6 ? value : `${space()}${random.pick([randomString(random, 4), '"model"', '"x"', '"stream"'])}${space()}:${value}`);
  }
  return kind < 6 ? `[${items.join(',') || space()}]` : `{${items.join(',') || space()}}`;
}

/// An object with the given members (name → JSON text) at random places among random others.
/// Returns { text, at }: `at[name]` is the character range of that member's value in the text.
export function randomObject(random, members) {
  const space = () => random.pick(SPACES);
  const parts = Object.entries(members).map(([name, value]) => ({ name, key: JSON.stringify(name), value }));
  for (let n = random.below(8); n > 0; n--) {
    const key = random.pick(['"x"', '"metadata2"', '"messages2"', '"\\u0078"', '"tools_x"', '""', '"a\\"b"']);
    parts.splice(random.below(parts.length + 1), 0, { key, value: randomValue(random) });
  }
  let text = `${space()}{`;
  const at = {};
  parts.forEach((part, index) => {
    text += `${index ? ',' : ''}${space()}${part.key}${space()}:${space()}`;
    if (part.name) at[part.name] = [text.length, text.length + part.value.length];
    text += `${part.value}${space()}`;
  });
  return { text: `${text}}${space()}`, at };
}
