/**
 * The secrets that all data threads share, in `<directory>/secrets.json` (0600 in a folder 0700).
 *
 * - Sticky keys sign the server's id in the sticky cookie. The one before the newest still verifies, so a
 *   rotation moves nobody; after the next rotation its cookies are strangers and get a new server.
 * - The ticket key lets a TLS session resume on another thread and after a restart. It is replaced every
 *   twelve hours so that a stolen file opens little. Node takes a single key, so there is no overlap: clients
 *   with an older session make one full handshake.
 *
 * Several processes may share the folder: the first file wins, later rotations replace it whole.
 */
import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../kernel/clock.ts';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { secretBytes } from '../kernel/random.ts';
import { BaseService } from '../kernel/service.ts';
import { readTextFile } from './pem-file.ts';
import { makePrivateFolder, PRIVATE_FILE_MODE, replaceFile, writeNew } from './private-file.ts';
import { TICKET_KEY_BYTES } from './server.ts';
import type { OnTlsEvent, SecretBytes } from './types.ts';

const FILE_NAME = 'secrets.json';
const STICKY_KEY_BYTES = 32;
const STICKY_KEYS_KEPT = 2;
const HOUR_MS = 3_600_000;

/** How old a key may become. */
export const TICKET_KEY_MAX_AGE_MS = 12 * HOUR_MS;
export const STICKY_KEY_MAX_AGE_MS = 90 * 24 * HOUR_MS;
const CHECK_PERIOD_MS = HOUR_MS / 4;

interface StoredKey {
  readonly madeAtMs: number;
  readonly hex: string;
}

interface StoredSecrets {
  readonly version: 1;
  /** Newest first. */
  readonly sticky: readonly StoredKey[];
  readonly ticket: StoredKey;
}

export interface SecretsDeps {
  readonly clock: Clock;
  readonly onEvent?: OnTlsEvent | undefined;
  /** Called with the new bytes after each rotation, not for those that `start` found. */
  readonly onChange?: ((secrets: SecretBytes) => void) | undefined;
}

/** Owns the file and the rotation. After `start`, `current()` holds what goes into the snapshot. */
export class Secrets extends BaseService {
  readonly name = 'secrets';
  readonly #path: string;
  readonly #directory: string;
  readonly #deps: SecretsDeps;
  #stored: StoredSecrets | undefined;
  #ticker: Timer | undefined;
  /** Rotations follow one another; each reads what the one before wrote. */
  #queue: Promise<void> = Promise.resolve();

  /** @param directory the folder of the secrets, e.g. `data/secrets`. */
  constructor(directory: string, deps: SecretsDeps) {
    super();
    this.#directory = directory;
    this.#path = join(directory, FILE_NAME);
    this.#deps = deps;
  }

  /** Plain copies, fit for `postMessage`. */
  current(): SecretBytes {
    const stored = this.#stored;
    if (!stored) throw new Error('secrets: start() has not finished');
    return {
      stickyKeys: stored.sticky.map((key) => bytesOf(key)),
      ticketKey: bytesOf(stored.ticket),
    };
  }

  /** Replaces the ticket key now: no session made so far can be resumed. */
  rotateTicketKey(): Promise<void> {
    return this.#rotate({ ticket: true, sticky: false });
  }

  /** A new sticky key signs from now on; cookies under the one before stay good. */
  rotateStickyKey(): Promise<void> {
    return this.#rotate({ ticket: false, sticky: true });
  }

  protected override async onStart(): Promise<void> {
    await makePrivateFolder(this.#directory, { close: true });
    const fresh = makeSecrets(this.#deps.clock.wallMs());
    if (await writeNew(this.#path, encode(fresh), PRIVATE_FILE_MODE)) {
      this.#deps.onEvent?.({
        type: 'secret_made',
        level: 'info',
        name: this.name,
        message: `new secrets in ${this.#path}`,
      });
    }
    await this.#closeToOthers();
    this.#stored = await this.#read();
    await this.#rotateOld();
    this.#ticker = this.#deps.clock.setTicker(CHECK_PERIOD_MS, () => void this.#rotateOld());
  }

  protected override async onStop(): Promise<void> {
    this.#ticker?.cancel();
    await this.#queue;
  }

  async #rotateOld(): Promise<void> {
    const stored = this.#stored;
    if (!stored) return;
    const now = this.#deps.clock.wallMs();
    const ticket = isOld(stored.ticket, now, TICKET_KEY_MAX_AGE_MS);
    const sticky = isOld(stored.sticky[0], now, STICKY_KEY_MAX_AGE_MS);
    if (!ticket && !sticky) return;
    try {
      await this.#rotate({ ticket, sticky });
    } catch (error) {
      // The old keys go on working; a full disk must not end the daemon.
      this.#deps.onEvent?.({
        type: 'secret_rotated',
        level: 'error',
        name: this.name,
        message: `secrets were not rotated, the old ones stay: ${errorText(error)}`,
      });
    }
  }

  #rotate(which: { readonly ticket: boolean; readonly sticky: boolean }): Promise<void> {
    const turn = this.#queue.then(async () => {
      const before = await this.#read();
      const fresh = makeSecrets(this.#deps.clock.wallMs());
      const after: StoredSecrets = {
        version: 1,
        sticky: which.sticky ? [...fresh.sticky, ...before.sticky].slice(0, STICKY_KEYS_KEPT) : before.sticky,
        ticket: which.ticket ? fresh.ticket : before.ticket,
      };
      await replaceFile(this.#path, encode(after), PRIVATE_FILE_MODE);
      this.#stored = after;
      const what = [which.ticket ? 'ticket key' : '', which.sticky ? 'sticky key' : ''].filter(Boolean);
      this.#deps.onEvent?.({
        type: 'secret_rotated',
        level: 'info',
        name: this.name,
        message: `rotated: ${what.join(', ')}`,
      });
      this.#deps.onChange?.(this.current());
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #read(): Promise<StoredSecrets> {
    const stored = decode(await readTextFile(this.#path));
    if (stored) return stored;
    throw new SluiceError('secrets_damaged', `${this.#path} does not hold the secrets of Sluice`, {
      hint: 'Delete it and start again: sticky clients choose anew and TLS sessions are not resumed once.',
    });
  }

  async #closeToOthers(): Promise<void> {
    if (process.platform === 'win32') return;
    const { mode } = await stat(this.#path);
    if ((mode & 0o077) === 0) return;
    await chmod(this.#path, PRIVATE_FILE_MODE);
    this.#deps.onEvent?.({
      type: 'secret_made',
      level: 'warn',
      name: this.name,
      message: `${this.#path} could be read by other users; closed it. Delete it to get new secrets.`,
    });
  }
}

function makeSecrets(wallMs: number): StoredSecrets {
  const key = (count: number): StoredKey => ({ madeAtMs: wallMs, hex: secretBytes(count).toString('hex') });
  return { version: 1, sticky: [key(STICKY_KEY_BYTES)], ticket: key(TICKET_KEY_BYTES) };
}

function isOld(key: StoredKey | undefined, wallMs: number, maxAgeMs: number): boolean {
  return key === undefined || wallMs - key.madeAtMs >= maxAgeMs;
}

/** A copy with a buffer of its own: a slice of Node's pool would carry its neighbours to the other thread. */
function bytesOf(key: StoredKey): Uint8Array {
  return Uint8Array.from(Buffer.from(key.hex, 'hex'));
}

function encode(secrets: StoredSecrets): string {
  return `${JSON.stringify(secrets, undefined, 2)}\n`;
}

function decode(text: string): StoredSecrets | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('sticky' in value) || !('ticket' in value)) {
    return undefined;
  }
  const { sticky, ticket } = value;
  const isGood =
    Array.isArray(sticky) &&
    sticky.length > 0 &&
    sticky.every((key) => isKey(key, STICKY_KEY_BYTES)) &&
    isKey(ticket, TICKET_KEY_BYTES);
  return isGood ? { version: 1, sticky, ticket } : undefined;
}

function isKey(value: unknown, byteCount: number): value is StoredKey {
  if (typeof value !== 'object' || value === null || !('hex' in value) || !('madeAtMs' in value))
    return false;
  return (
    typeof value.madeAtMs === 'number' &&
    typeof value.hex === 'string' &&
    value.hex.length === byteCount * 2 &&
    /^[0-9a-f]+$/.test(value.hex)
  );
}
