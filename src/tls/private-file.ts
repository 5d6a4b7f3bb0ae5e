/**
 * Files that only we may read, written so that whoever looks sees the old text or the new one, never half
 * of it, also after a power cut: temporary file in the same folder, fsync, then link or rename.
 *
 * `writeNew` is how several processes that start at once agree without a lock: a hard link fails when the
 * name is taken, so the first one wins and the others read what it wrote. A lock file was rejected: after a
 * kill -9 somebody has to decide when it is stale, and deciding that wrongly is the race it should prevent.
 */
import { chmod, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode, errorText, SluiceError } from '../kernel/errors.ts';
import { secretBytes } from '../kernel/random.ts';

export const PRIVATE_FILE_MODE = 0o600;
export const PUBLIC_FILE_MODE = 0o644;
const PRIVATE_FOLDER_MODE = 0o700;

/** Makes the folder, closed to others. One that is there already is left as it is unless `close` is set. */
export async function makePrivateFolder(path: string, options?: { close?: boolean }): Promise<void> {
  try {
    const made = await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER_MODE });
    if (made === undefined && options?.close) await chmod(path, PRIVATE_FOLDER_MODE);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Writes a file that must not exist yet. False when it does; then nothing was changed. */
export async function writeNew(path: string, text: string, mode: number): Promise<boolean> {
  return withTemporary(path, text, mode, async (temporary) => {
    try {
      await link(temporary, path);
      return true;
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      return claimWithoutLink(temporary, path, error);
    }
  });
}

/** Writes a file, whether it exists or not. */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  await withTemporary(path, text, mode, async (temporary) => {
    await rename(temporary, path);
  });
}

/** Some file systems (exFAT, some shared folders) know no hard links: claim the name, then fill it. */
async function claimWithoutLink(temporary: string, path: string, reason: unknown): Promise<boolean> {
  if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES'].includes(errorCode(reason))) {
    throw reason;
  }
  try {
    const claim = await open(path, 'wx', PRIVATE_FILE_MODE);
    await claim.close();
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  await rename(temporary, path);
  return true;
}

async function withTemporary<Result>(
  path: string,
  text: string,
  mode: number,
  publish: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const temporary = join(dirname(path), `.${basename(path)}.${secretBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    const result = await publish(temporary);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    throw cannotWrite(path, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Makes the new name itself durable; Windows cannot open a folder, and loses nothing we need by it. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch {
    // The text is safe; only the moment at which the name appears after a power cut is not.
  }
}

function cannotWrite(path: string, error: unknown): SluiceError {
  return new SluiceError('tls_cannot_write', `cannot write ${path}: ${errorText(error)}`, {
    cause: error,
    hint: `Give this user the right to write in ${dirname(path)}, or choose another folder.`,
  });
}
