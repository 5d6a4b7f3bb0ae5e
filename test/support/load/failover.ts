/**
 * The promise "a server killed and nobody notices", as one run: clients on kept connections, and while they ask, one
 * after the other, a server is killed, one drained, one added, one removed, and the file edited and reloaded.
 */
import { delay, systemClock } from '../../../src/kernel/clock.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { type AccessEntry, Fleet, type ServerState } from './fleet.ts';
import { Load } from './load.ts';
import type { LoadSummary } from './tally.ts';

export interface FailoverOptions {
  readonly seed: number;
  readonly clients: number;
  readonly durationMs: number;
  readonly meanPauseMs?: number;
}

export interface FailoverEvent {
  readonly atMs: number;
  readonly what: string;
}

export interface FailoverResult {
  readonly seed: number;
  readonly clients: number;
  readonly durationMs: number;
  readonly events: readonly FailoverEvent[];
  readonly load: LoadSummary;
  /** Requests that took more than one attempt, as the access log has it. */
  readonly retried: number;
  /** Access lines with a status of 500 or more, or another reason than `ok`, that are not about a POST. */
  readonly unexplained: readonly AccessEntry[];
  /** Answers 404 and 412 of changes and deletions that had one attempt only. */
  readonly unexplainedRepeats: number;
  readonly accessLines: number;
  readonly inFlightAtEnd: number;
  readonly servers: readonly ServerState[];
  /** The address that was killed. */
  readonly killed: string;
  readonly rssBeforeBytes: number;
  readonly maxRssBytes: number;
  readonly rssAfterBytes: number;
}

/** Five servers run; the file names four of them, the fifth is added. */
const IN_FILE = 4;

export async function runFailover(options: FailoverOptions): Promise<FailoverResult> {
  const { seed, clients, durationMs, meanPauseMs = 100 } = options;
  await using fleet = await Fleet.start(IN_FILE, 2);
  const random = new SeededRandom(seed);
  const rssBeforeBytes = fleet.rssBytes();
  const load = new Load({ targets: await fleet.targets(), clients, seed, meanPauseMs });
  const killed = fleet.address(0);
  const events: FailoverEvent[] = [];
  const startMs = systemClock.nowMs();
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['kill -9 of a server', () => fleet.kill(0)],
    ['a server drained', () => fleet.drain(fleet.address(1))],
    ['a server added', () => fleet.add(fleet.address(4))],
    ['a server removed', () => fleet.remove(fleet.address(2))],
    ['SIGHUP: a weight changed, a server added to the file', () => editFile(fleet)],
  ];
  const slotMs = durationMs / (steps.length + 1);
  for (const [index, [what, act]] of steps.entries()) {
    const dueMs = slotMs * (index + 0.4 + 0.6 * random.next());
    await delay(systemClock, Math.max(0, dueMs - (systemClock.nowMs() - startMs)));
    events.push({ atMs: Math.round(systemClock.nowMs() - startMs), what });
    await act();
  }
  await delay(systemClock, Math.max(0, durationMs - (systemClock.nowMs() - startMs)));
  const summary = await load.stop();
  return {
    seed,
    clients,
    durationMs,
    events,
    load: summary,
    killed,
    rssBeforeBytes,
    ...(await look(fleet, summary)),
  };
}

/** A new weight for one server, and one server more. */
async function editFile(fleet: Fleet): Promise<void> {
  await fleet.reload({
    servers: [
      { address: fleet.address(0) },
      { address: fleet.address(1) },
      { address: fleet.address(2) },
      { address: fleet.address(3), weight: 3 },
      { address: fleet.address(5) },
    ],
  });
}

async function look(
  fleet: Fleet,
  summary: LoadSummary,
): Promise<
  Omit<FailoverResult, 'seed' | 'clients' | 'durationMs' | 'events' | 'load' | 'killed' | 'rssBeforeBytes'>
> {
  const access = await fleet.access(summary.requests);
  await fleet.until('nothing in flight', async () => (await fleet.inFlight()) === 0).catch(() => {});
  return {
    retried: access.filter((it) => it.attempts > 1).length,
    unexplained: access.filter((it) => it.method !== 'POST' && (it.status >= 500 || it.reason !== 'ok')),
    unexplainedRepeats: access.filter((it) => (it.status === 404 || it.status === 412) && it.attempts === 1)
      .length,
    accessLines: access.length,
    inFlightAtEnd: await fleet.inFlight(),
    servers: await fleet.servers(),
    maxRssBytes: fleet.maxRssBytes,
    rssAfterBytes: fleet.rssBytes(),
  };
}
