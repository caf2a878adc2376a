// What goes wrong with a database file, done to one that a server uses.
import fs from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/// False where there is no `sqlite3`.
export const hasSqlite = spawnSync('sqlite3', ['-version']).status === 0;

/// Another process that holds `BEGIN EXCLUSIVE` until `release()`.
export async function lockDatabase(file) {
  const child = spawn('sqlite3', ['-batch', file], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.write(".timeout 5000\nBEGIN EXCLUSIVE;\nSELECT 'locked';\n");
  const [said] = await once(child.stdout, 'data');
  if (`${said}` !== 'locked\n') throw new Error(`sqlite3: ${said}`);
  return {
    async release() {
      child.stdin.end('ROLLBACK;\n');
      await once(child, 'exit');
    },
  };
}

const onlyOnce = (undo) => {
  let done = false;
  return () => {
    if (done) return undefined;
    done = true;
    return undo();
  };
};

/// Each fault is made, and taken back by what it returns (null: it cannot be).
export const FAULTS = {
  deleted: {
    names: /deleted|is gone/,
    make(file) {
      fs.renameSync(file, `${file}.away`);
      return onlyOnce(() => fs.existsSync(`${file}.away`) && fs.renameSync(`${file}.away`, file));
    },
  },
  replaced: {
    names: /replaced/,
    make(file) {
      fs.renameSync(file, `${file}.away`);
      fs.copyFileSync(`${file}.away`, file);
      return onlyOnce(() => fs.existsSync(`${file}.away`) && fs.renameSync(`${file}.away`, file));
    },
  },
  locked: {
    names: /locked/,
    skip: hasSqlite ? false : 'no sqlite3 here',
    async make(file) {
      const lock = await lockDatabase(file);
      return onlyOnce(() => lock.release());
    },
  },
  'read-only': {
    names: /read-only/,
    make(file) {
      fs.chmodSync(file, 0o444);
      return onlyOnce(() => fs.existsSync(file) && fs.chmodSync(file, 0o600));
    },
  },
  overwritten: {
    names: /damaged/,
    make(file) {
      const before = fs.readFileSync(file);
      const handle = fs.openSync(file, 'r+');
      fs.writeSync(handle, Buffer.alloc(before.length, 'not a database any more. '), 0, before.length, 0);
      fs.closeSync(handle);
      return null;
    },
  },
  truncated: {
    names: /damaged|cut short/,
    make(file) {
      fs.truncateSync(file, 0);
      return null;
    },
  },
};
