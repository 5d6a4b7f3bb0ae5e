/**
 * A fleet under load to which one mishap after another happens, in seeded order and at seeded moments: a server is killed
 * and comes back on its port, freezes for seconds, is drained, removed and added, gets another weight, the file changes
 * twice in a row. At any moment at most two of the four servers are in trouble.
 */
import { delay, systemClock } from '../../../src/kernel/clock.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { type AccessEntry, Fleet } from './fleet.ts';
import { Load } from './load.ts';
import type { LoadSummary } from './tally.ts';

const SERVERS = 4;

export interface MishapOptions {
  readonly seed: number;
  readonly clients: number;
  readonly durationMs: number;
  readonly meanPauseMs?: number;
}

export interface MishapResult {
  readonly happened: readonly string[];
  readonly load: LoadSummary;
  readonly unexplained: readonly AccessEntry[];
  readonly inFlightAtEnd: number;
  readonly exitCode: number | null;
  readonly maxRssBytes: number;
}

type Mishap = (fleet: Fleet, index: number, random: SeededRandom) => Promise<unknown>;

const pause = (random: SeededRandom, mostMs: number): Promise<void> =>
  delay(systemClock, random.next() * mostMs);

const MISHAPS: Readonly<Record<string, Mishap>> = {
  'killed and restarted': async (fleet, index, random) => {
    await fleet.kill(index);
    await pause(random, 1500);
    await fleet.restart(index);
  },
  'killed, restarted at once': async (fleet, index) => {
    await fleet.kill(index);
    await fleet.restart(index);
  },
  'stopped and restarted': async (fleet, index, random) => {
    fleet.signal(index, 'SIGTERM');
    await fleet.store(index).ended;
    await pause(random, 500);
    await fleet.restart(index);
  },
  frozen: async (fleet, index, random) => {
    fleet.signal(index, 'SIGSTOP');
    await delay(systemClock, 500 + random.next() * 2500);
    fleet.signal(index, 'SIGCONT');
  },
  'drained and back': async (fleet, index, random) => {
    await fleet.drain(fleet.address(index));
    await pause(random, 500);
    await fleet.act(fleet.address(index), 'undrain');
  },
  'removed and added': async (fleet, index, random) => {
    await fleet.remove(fleet.address(index));
    await pause(random, 500);
    await fleet.add(fleet.address(index));
  },
  'removed while frozen': async (fleet, index, random) => {
    fleet.signal(index, 'SIGSTOP');
    await pause(random, 300);
    try {
      await fleet.remove(fleet.address(index));
      await pause(random, 300);
    } finally {
      fleet.signal(index, 'SIGCONT');
    }
    await fleet.add(fleet.address(index));
  },
  'other weight': (fleet, index, random) => fleet.weigh(fleet.address(index), random.below(5)),
  'file changed twice in a row': async (fleet, index, random) => {
    const all = Array.from({ length: SERVERS }, (_, i) => ({
      address: fleet.address(i),
      weight: 1 + random.below(5),
    }));
    fleet.write({ servers: all.filter((_, i) => i !== index) });
    fleet.hangUp();
    await pause(random, 60);
    await fleet.reload({ servers: all });
  },
};

/** The other lane's file may have brought a removed server back, or have left out the one that was meant. */
function unlessCrossed(error: unknown): void {
  if (!(error instanceof Error && /: (?:404|409) /.test(error.message))) throw error;
}

export async function runMishaps(options: MishapOptions): Promise<MishapResult> {
  const { seed, clients, durationMs, meanPauseMs = 100 } = options;
  await using fleet = await Fleet.start(SERVERS);
  const random = new SeededRandom(seed);
  const targets = await fleet.targets();
  // A frozen server may hold the lock of the file that all write to, so these clients only read.
  const load = new Load({ targets, clients, seed, meanPauseMs, writes: false, timeoutMs: 25_000 });
  const happened: string[] = [];
  const startMs = systemClock.nowMs();
  const names = Object.keys(MISHAPS);
  const lane = async (indexes: readonly number[]): Promise<void> => {
    while (systemClock.nowMs() - startMs < durationMs) {
      await pause(random, 400);
      const name = names[random.below(names.length)] ?? '';
      const index = indexes[random.below(indexes.length)] ?? 0;
      happened.push(`${Math.round(systemClock.nowMs() - startMs)} ms: ${index} ${name}`);
      await MISHAPS[name]?.(fleet, index, random).catch(unlessCrossed);
    }
  };
  await Promise.all([lane([0, 1]), lane([2, 3])]);
  const summary = await load.stop();
  const access = await fleet.access(summary.requests);
  await fleet.until('nothing in flight', async () => (await fleet.inFlight()) === 0).catch(() => {});
  const inFlightAtEnd = await fleet.inFlight();
  const { maxRssBytes } = fleet;
  const { code } = await fleet.stop();
  const unexplained = access.filter((it) => it.status >= 500 || it.reason !== 'ok');
  return { happened, load: summary, unexplained, inFlightAtEnd, exitCode: code, maxRssBytes };
}
