#!/usr/bin/env node
// The scripted upstream as a program.
//   cli.mjs --port 9000 --replay FOLDER/CASE     serves one recording (CASE.meta.json and its body) to every request
//   cli.mjs --port 9000 --script FILE.mjs        the module's default export: a reply, or an array (one for each request)
//   --split N (body bytes per write)  --gap MS (between writes)  --print (one JSON line per request)
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { startUpstream } from './upstream.mjs';
import { replayOf } from './recordings.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    replay: { type: 'string' },
    script: { type: 'string' },
    split: { type: 'string' },
    gap: { type: 'string' },
    print: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || (!values.replay && !values.script)) {
  const text = fs.readFileSync(new URL(import.meta.url), 'utf8');
  console.log(text.split('\n').filter((line) => line.startsWith('//')).map((line) => line.slice(3)).join('\n'));
  process.exit(values.help ? 0 : 2);
}

const pace = { ...(values.split && { split: Number(values.split) }), ...(values.gap && { gap: Number(values.gap) }) };
const up = await startUpstream({ port: Number(values.port) });
const withPrint = (reply) => async (request, wire) => {
  if (values.print) {
    console.log(JSON.stringify({ line: request.startLine, headers: request.headers, body: request.body.toString() }));
  }
  const chosen = typeof reply === 'function' ? await reply(request, wire) : reply;
  return chosen && { ...chosen, ...pace };
};
if (values.replay) {
  up.always(withPrint(replayOf(path.dirname(values.replay), path.basename(values.replay))));
} else {
  const script = (await import(pathToFileURL(path.resolve(values.script)))).default;
  if (Array.isArray(script)) {
    up.next(...script.map(withPrint));
    up.always(withPrint(script.at(-1)));
  } else {
    up.always(withPrint(script));
  }
}
console.error(`upstream on ${up.url}`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => up.close().then(() => process.exit(0)));
