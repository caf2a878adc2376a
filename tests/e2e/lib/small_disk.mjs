// A disk of a few MiB that can be filled and emptied again.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { tempFolder } from './lurus.mjs';

/// Where nothing can be mounted: why.
export const noSmallDisk = (() => {
  const folder = tempFolder('lurus-disk-');
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'lurus', folder]);
  if (mounted.status === 0) spawnSync('umount', [folder]);
  fs.rmdirSync(folder);
  return mounted.status === 0 ? false : 'nothing can be mounted here';
})();

export function smallDisk(t, mebibytes) {
  const folder = tempFolder('lurus-disk-');
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'lurus', folder]);
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
  t.after(() => {
    spawnSync('umount', ['-l', folder]);
    fs.rmdirSync(folder);
  });
  const filler = path.join(folder, 'filler');
  return {
    folder,
    fill() {
      const file = fs.openSync(filler, 'a');
      for (const size of [256 << 10, 4096, 1]) {
        try {
          for (;;) fs.writeSync(file, Buffer.alloc(size, 'x'));
        } catch (error) {
          if (error.code !== 'ENOSPC') throw error;
        }
      }
      fs.closeSync(file);
    },
    empty: () => fs.rmSync(filler, { force: true }),
  };
}
