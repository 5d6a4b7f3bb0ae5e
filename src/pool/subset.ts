/**
 * Which servers of a large pool one data thread keeps to, so that it holds connections to a few of them instead of to all.
 *
 * The servers stand on a circle, in an order that the name of this node mixes. Each thread begins at its part of the circle and
 * takes the first servers that are fit, until it has enough:
 *
 *      thread 0 ▸                 thread 1 ▸                thread 2 ▸
 *   a  f  c  k  b  m  h  e  l  d  i  g  …          who is not fit is passed over, for one more at the end
 *
 * So every server is kept by as many threads of the node as any other, give or take one; nodes are independent of each other; who goes
 * down or comes back changes one server of the threads that keep it; who joins or leaves the configuration changes two of a
 * thread at most. It depends on the names of node and servers alone: after a restart all is as it was.
 *
 * Rejected: the highest of a hash of thread and server (rendezvous). It moves as little, but chance decides how many threads keep a
 * server: of 100 servers, with 8 threads that keep 20 each, 17 would have none. Google's deterministic subsetting ("Site Reliability
 * Engineering", chapter 20) is as even, but shuffles all when the number of subsets changes.
 */
import { hashText, mix32 } from './client-key.ts';
import type { PoolServer, SubsetOptions } from './options.ts';

export interface SubsetPlace {
  /** Of the thread, from 0. */
  readonly thread: number;
  /** How many data threads there are. */
  readonly threads: number;
}

export interface Chosen {
  readonly kept: ReadonlySet<PoolServer>;
  /** The other fit ones, those first that would be kept next. */
  readonly others: readonly PoolServer[];
}

export class Subset {
  readonly #size: number;
  /** All servers, from where this thread begins. */
  readonly #circle: readonly PoolServer[];

  constructor(all: readonly PoolServer[], { size, node }: SubsetOptions, { thread, threads }: SubsetPlace) {
    const salt = hashText(node);
    const placeOf = (server: PoolServer): number => mix32(server.hash ^ salt);
    const circle = [...all].sort((a, b) => placeOf(a) - placeOf(b) || (a.id < b.id ? -1 : 1));
    const start = Math.floor(((thread % threads) * circle.length) / threads);
    this.#size = size;
    this.#circle = [...circle.slice(start), ...circle.slice(0, start)];
  }

  /** Of those that are fit. */
  of(fit: readonly PoolServer[]): Chosen {
    const isFit = new Set(fit);
    const inOrder = this.#circle.filter((server) => isFit.has(server));
    return { kept: new Set(inOrder.slice(0, this.#size)), others: inOrder.slice(this.#size) };
  }
}
