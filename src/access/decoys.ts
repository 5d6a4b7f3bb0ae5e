/**
 * What the password of an unknown user is checked against, so that the time it takes does not tell who is known. Hashes may have
 * different costs: each name gets that of one of the users, by chance but always the same, in all threads and after a restart. So
 * costs are spread over unknown names as over known ones, and one that takes long or short says nothing of a name. Rejected: one
 * cost for all unknown names (whoever takes another time is known), and the sum of all costs for everybody, who would pay for
 * the dearest hash of a file at each login.
 */
import { createHash, createHmac } from 'node:crypto';
import type { PasswordHash } from '../kernel/password-hash.ts';

export class Decoys {
  readonly #hashes: readonly PasswordHash[];
  /** Nobody outside knows the salts and hashes, so nobody can tell what a name is given. */
  readonly #key: Uint8Array;

  constructor(users: Iterable<PasswordHash>) {
    this.#hashes = [...users];
    const sum = createHash('sha256');
    for (const { salt, hash } of this.#hashes) sum.update(salt).update(hash);
    this.#key = sum.digest();
  }

  /** Costs as much as that of a user, and nothing is its password. @returns undefined when there are no users */
  of(name: string): PasswordHash | undefined {
    const chosen = createHmac('sha256', this.#key).update(name, 'latin1').digest();
    const like = this.#hashes[chosen.readUIntBE(0, 6) % this.#hashes.length];
    return like && { ...like, salt: chosen.subarray(0, 16), hash: new Uint8Array(like.hash.length) };
  }
}
