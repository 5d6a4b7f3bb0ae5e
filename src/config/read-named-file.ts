import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { formatSize } from './units.ts';

/** More than any text that a configuration may name. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The text of a file that a configuration names, as `readNamedBytes`. */
export function readNamedFile(path: string): string {
  return readNamedBytes(path).toString('utf8');
}

/**
 * What is in a file that a configuration names. A reload reads them while the daemon serves: a pipe that nobody writes to would stop
 * it, and a device such as /dev/zero would fill its memory. The configuration itself may come out of a pipe.
 * @throws like `readFileSync`; Error for a pipe, a socket, a device (but /dev/null, which is empty), or one that is too large
 */
export function readNamedBytes(path: string): Buffer {
  // Without waiting for somebody who writes.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (path === '/dev/null') return Buffer.alloc(0);
    if (!stat.isFile() && !stat.isDirectory()) throw new Error('it is a pipe or a device, not a file');
    if (stat.size > MOST_BYTES) throw new Error(`it has more than ${formatSize(MOST_BYTES)}`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
