/**
 * What the tables of this folder have in common: shared memory cut into sets, of which a keyed hash names one.
 *
 *   buffer:  header (64 B) | set 0 | set 1 | ...
 *   header:  0 magic · 1 sets · 2–3 hash key · 4–15 the table's own
 */
import { SluiceError } from '../kernel/errors.ts';
import { WordHasher } from './hash.ts';

const SETS_CELL = 1;
const KEY_CELL = 2;
/** Where the first set begins. */
export const HEADER_CELLS = 16;
/** Entries of a set. */
export const WAYS = 8;

export interface SetTableKind {
  /** First cell: what it is, and in which version. */
  readonly magic: number;
  /** For people, and the code of errors. */
  readonly name: string;
  readonly code: string;
}

export interface SetTableOptions {
  /** Rounded up to the next power of two, at least 8. */
  readonly entries: number;
  /** 32-bit cells of a set. */
  readonly setCells: number;
  /** At least 8 random bytes (kernel `secretBytes`): the hash key. */
  readonly seed: Uint8Array;
}

/** @throws SluiceError with the kind's code when the seed is too short */
export function createSetTable(kind: SetTableKind, options: SetTableOptions): Int32Array<SharedArrayBuffer> {
  const { entries, setCells, seed } = options;
  if (seed.length < 8) throw new SluiceError(kind.code, 'the seed needs at least 8 random bytes');
  const sets = 2 ** Math.max(0, Math.ceil(Math.log2(entries / WAYS)));
  const ints = new Int32Array(new SharedArrayBuffer((HEADER_CELLS + sets * setCells) * 4));
  const key = new DataView(seed.buffer, seed.byteOffset, 8);
  ints[0] = kind.magic;
  ints[SETS_CELL] = sets;
  ints[KEY_CELL] = key.getInt32(0, true);
  ints[KEY_CELL + 1] = key.getInt32(4, true);
  return ints;
}

/**
 * @param ints all of a table that `createSetTable` made; of any thread
 * @throws SluiceError with the kind's code when it is something else
 */
export function openSetTable(
  kind: SetTableKind,
  ints: Int32Array,
  setCells: number,
): { readonly setMask: number; readonly hasher: WordHasher } {
  const sets = ints[SETS_CELL] ?? 0;
  if (ints[0] !== kind.magic || ints.length !== HEADER_CELLS + sets * setCells)
    throw new SluiceError(kind.code, `the shared buffer is not a ${kind.name} of this version`);
  return {
    setMask: sets - 1,
    hasher: new WordHasher(ints[KEY_CELL] ?? 0, ints[KEY_CELL + 1] ?? 0),
  };
}
