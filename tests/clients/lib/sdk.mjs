// Loads an official SDK from the folder that tests/clients/install.sh filled (LURUS_NODE_SDK).
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const cache = process.env.LURUS_NODE_CACHE || path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'lurus/node');
const FOLDER = process.env.LURUS_NODE_SDK || path.join(cache, 'sdk');

/// Why the SDK tests cannot run here, or false. Where they must run (LURUS_NODE_SDK is set), nothing is skipped.
export const missing = !process.env.LURUS_NODE_SDK && !fs.existsSync(path.join(FOLDER, 'node_modules'))
  ? `no SDKs in ${FOLDER} (tests/clients/install.sh sdk)`
  : Number(process.versions.node.split('.')[0]) < 22 && !process.env.LURUS_NODE_SDK ? 'the SDKs want Node 22 or newer' : false;

/// The ES module that `name` exports to `import`.
export async function load(name) {
  const folder = path.join(FOLDER, 'node_modules', name);
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const entry = pick(manifest.exports?.['.'] ?? manifest.exports) ?? manifest.module ?? manifest.main;
  return import(pathToFileURL(path.join(folder, entry)));
}

function pick(target) {
  if (typeof target === 'string') return target;
  if (!target) return undefined;
  for (const condition of ['node', 'import', 'default']) {
    const found = pick(target[condition]);
    if (found) return found;
  }
  return undefined;
}
