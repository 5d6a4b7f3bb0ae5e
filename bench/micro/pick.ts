/**
 * What choosing a server costs: ns per pick + release for each algorithm, at 3 and at 1 000 servers, idle and with
 * a load that leaves no server idle (the worst case of least_connections), and with a sticky cookie. One thread.
 *
 *   node bench/micro/pick.ts
 */

import { systemClock } from '../../src/kernel/clock.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { SlotAllocator } from '../../src/kernel/slot-allocator.ts';
import { SlotTable, STATE } from '../../src/kernel/slots.ts';
import { ALGORITHMS, type AlgorithmName, compilePool, type Pool } from '../../src/pool/index.ts';

const THREADS = 3;
const ROUNDS = 5;
const KEYS = [Buffer.alloc(32, 7)];

function makePool(algorithm: AlgorithmName, count: number, busy: boolean, sticky: boolean): Pool {
  const slots = SlotTable.create({ capacity: count + 1, threads: THREADS, nowMs: systemClock.nowMs() });
  const ids = Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:8080`);
  const plan = new SlotAllocator(slots).prepare(['pool', ...ids]);
  plan.commit();
  const servers = ids.map((id, i) => {
    const ref = plan.slots.get(id);
    if (!ref) throw new Error('no slot');
    slots.setState(ref.slot, STATE.healthy, 0);
    slots.setWeight(ref.slot, 1 + (i % 3));
    if (busy) for (let n = 0; n < 2; n++) slots.tryAcquire(ref.slot, 1, 0);
    return { id, address: id, host: '10.0.0.1', port: 8080, tls: false, backup: false, ...ref };
  });
  return compilePool(
    {
      name: 'pool',
      slot: plan.slots.get('pool')?.slot ?? 0,
      algorithm,
      hash: null,
      panic: 0,
      servers,
      sticky: sticky
        ? { cookie: 'sluice', ttlMs: null, path: '/', domain: null, sameSite: 'lax', secure: 'auto' }
        : null,
      queue: { max: 100, timeoutMs: 1000 },
    },
    { slots, thread: 0, clock: systemClock, random: new SeededRandom(1), stickyKeys: KEYS },
  );
}

/** The best of some rounds, in ns: other work on the machine only ever adds. */
function measure(pool: Pool, cookieHeader: string | null, iterations: number): number {
  let best = Number.POSITIVE_INFINITY;
  const nowMs = systemClock.nowMs();
  const refused = (): void => {};
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = systemClock.nowMs();
    for (let i = 0; i < iterations; i++) {
      const ctx = { hashKey: i, cookieHeader, tried: [], secure: true, priority: 1, nowMs };
      const result = pool.pickOrWait(ctx, refused);
      if (result.kind !== 'picked') throw new Error(`not picked: ${result.kind}`);
      result.release('ok');
    }
    best = Math.min(best, ((systemClock.nowMs() - startMs) * 1e6) / iterations);
  }
  return best;
}

function row(name: string, cells: readonly number[]): string {
  return `${name.padEnd(20)}${cells.map((ns) => `${ns.toFixed(0)} ns`.padStart(12)).join('')}\n`;
}

process.stdout.write(
  `${' '.repeat(20)}${['3 idle', '3 busy', '1000 idle', '1000 busy'].map((h) => h.padStart(12)).join('')}\n`,
);
for (const algorithm of ALGORITHMS) {
  const cells = [3, 1000].flatMap((count) =>
    [false, true].map((busy) =>
      measure(makePool(algorithm, count, busy, false), null, count === 3 ? 300_000 : 30_000),
    ),
  );
  process.stdout.write(row(algorithm, cells));
}
const cells = [3, 1000].flatMap((count) =>
  [false, true].map((busy) => {
    const pool = makePool('power_of_two', count, busy, true);
    const first = pool.pick({
      hashKey: 1,
      cookieHeader: null,
      tried: [],
      secure: true,
      priority: 1,
      nowMs: systemClock.nowMs(),
    });
    if (first.kind !== 'picked') throw new Error('not picked');
    first.release('ok');
    const cookie = `theme=dark; ${first.setCookie?.split(';')[0]}; lang=en`;
    return measure(pool, cookie, 300_000);
  }),
);
process.stdout.write(row('sticky', cells));
