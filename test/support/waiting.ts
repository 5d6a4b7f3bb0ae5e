/** Requests that may have to wait for a pool, and what became of them. */
import type { Lease, PickContext, Pool } from '../../src/pool/index.ts';
import { PoolFixture, type PoolSpec, said } from './pool-fixture.ts';

export interface Request {
  /** Who picked it, why it was refused, `waiting`, or `cancelled`. */
  state: string;
  settled: number;
  lease: Lease | undefined;
  cancel(): void;
}

export function ask(
  fixture: PoolFixture,
  part: Partial<PickContext> = {},
  pool: Pool = fixture.pool,
): Request {
  const request: Request = { state: '', settled: 0, lease: undefined, cancel: () => {} };
  const note = (result: Parameters<Parameters<Pool['pickOrWait']>[1]>[0]): void => {
    request.settled++;
    request.state = said(result);
    request.lease = result.kind === 'picked' ? result : undefined;
  };
  const result = pool.pickOrWait(fixture.ctx(part), note);
  if (result.kind !== 'waiting') note(result);
  else {
    request.state = 'waiting';
    request.cancel = () => {
      result.cancel();
      request.state = 'cancelled';
    };
  }
  return request;
}

/** One server with one place, taken; a queue of three for 100 ms. */
export function full(part: Partial<PoolSpec> = {}): { fixture: PoolFixture; holder: Lease } {
  const fixture = new PoolFixture({
    servers: [{ id: 'a', max: 1 }],
    queue: { max: 3, timeoutMs: 100 },
    ...part,
  });
  return { fixture, holder: fixture.take() };
}

export const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
export const states = (requests: readonly Request[]): string[] => requests.map((request) => request.state);
