/**
 * The token that is made when none is configured: one line in `admin.token`, readable by this user alone. Whoever
 * looks sees no file or a whole one: it is written beside and linked into place, so that of two daemons that start at
 * once the first one's token counts for both. One that is there is used again, so a restart locks nobody out.
 */
import { chmod, link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, errorText, SluiceError } from '../kernel/errors.ts';
import { secretBytes } from '../kernel/random.ts';
import type { Log } from '../observe/index.ts';

const TOKEN_FILE = 'admin.token';
const MIN_TOKEN_CHARS = 20;
const TOKEN_BYTES = 32;

/**
 * The token in the folder's `admin.token`, made when there is none.
 * @throws SluiceError `token_file` when it can be neither read nor written, or holds no token
 */
export async function readOrMakeToken(folder: string, log: Log): Promise<string> {
  const file = join(folder, TOKEN_FILE);
  try {
    const known = await readToken(file, log);
    if (known !== undefined) return known;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const token = secretBytes(TOKEN_BYTES).toString('base64url');
    if (await publish(file, `${token}\n`)) {
      log.info('made a token for the admin API', { file });
      return token;
    }
    return (await readToken(file, log)) ?? token;
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw new SluiceError('token_file', `cannot keep the admin token in ${file}: ${errorText(error)}`, {
      hint: 'Give this user the right to write there, set store.path to another folder, or configure admin.tokens.',
      cause: error,
    });
  }
}

async function readToken(file: string, log: Log): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const token = text.trim();
  if (token.length < MIN_TOKEN_CHARS || !/^[\w\-.~+/]+=*$/.test(token))
    throw new SluiceError('token_file', `${file} holds no token`, {
      hint: `Delete the file; a new token is made at the next start. A token has at least ${MIN_TOKEN_CHARS} letters and digits.`,
    });
  // Windows has no such bits; what it reports there must not be "repaired".
  if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0) {
    await chmod(file, 0o600);
    log.warn('the admin token could be read by other users; closed it', {
      file,
      hint: 'Delete the file and restart if somebody may have read it.',
    });
  }
  return token;
}

/** False when the file is there already. */
async function publish(file: string, text: string): Promise<boolean> {
  const temporary = join(dirname(file), `.${TOKEN_FILE}.${secretBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(temporary, file);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST') return false;
    // Some file systems know no hard links; there the last one to start wins instead of the first.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error;
    await rename(temporary, file);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}
