import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import { type Algorithm, firstAccepted } from './algorithm.ts';

/**
 * `first`: the first of the file that has room below its `max_connections`. Packs the load on few servers, so that the
 * others can be stopped; weights mean nothing to it.
 */
export class First implements Algorithm {
  #members: readonly PoolServer[] = [];

  rebuild(members: readonly PoolServer[]): void {
    this.#members = members;
  }

  choose(ask: Ask): PoolServer | undefined {
    return firstAccepted(this.#members, 0, ask);
  }
}
