/** The run itself: servers, daemon, clients, kills, reloads, and what is seen of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, delay } from '../../src/kernel/clock.ts';
import { errorText, SluiceError } from '../../src/kernel/errors.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { UnreliableServer } from '../../test/support/load/unreliable-server.ts';
import { DaemonProcess } from '../system/daemon.ts';
import { freePorts } from '../system/ports.ts';
import { GOOD_CLIENTS } from './clients.ts';
import { clientOfTarget, EXPLANATIONS } from './explanations.ts';
import { H2_CLIENTS } from './h2-clients.ts';
import { Ledger, type LoggedExchange } from './ledger.ts';
import type { SoakOptions } from './options.ts';
import { type ClientKind, type ListenerName, runClient, type Scene } from './scene.ts';
import { Origin, type SoakServers, soakInput } from './stage.ts';
import { BAD_CLIENTS } from './trouble.ts';
import { type Sample, takeSample } from './watch.ts';

const ORIGINS = 3;
const SAMPLE_MS = 1000;
const MEAN_KILL_MS = 15_000;
const DOWN_MS = 1500;
/** Within this everything must be back where it was. */
const BACK_WITHIN_MS = 30_000;
/** Descriptors of Node's own that come once and stay: log files anew, a resolver, a thread's pipe. */
const DESCRIPTORS_MORE = 8;
const CLIENTS: readonly ClientKind[] = [...GOOD_CLIENTS, ...H2_CLIENTS, ...BAD_CLIENTS];

export interface SoakEvent {
  readonly atMs: number;
  readonly what: 'reload' | 'kill';
}

export interface SoakResult {
  readonly samples: readonly Sample[];
  readonly events: readonly SoakEvent[];
  readonly ledger: Ledger;
  /** Before any client came, and when all had gone. */
  readonly before: Sample;
  readonly after: Sample;
  /** Everything that is not as it should be. */
  readonly problems: readonly string[];
}

class Run implements Scene {
  readonly clock: Clock;
  readonly ledger = new Ledger(EXPLANATIONS);
  readonly samples: Sample[] = [];
  readonly events: SoakEvent[] = [];
  readonly problems: string[] = [];
  readonly #daemon: DaemonProcess;
  readonly #servers: SoakServers;
  readonly #names = new Set(CLIENTS.map(({ name }) => name));
  readonly #startMs: number;
  isStopping = false;

  constructor(clock: Clock, daemon: DaemonProcess, servers: SoakServers) {
    this.clock = clock;
    this.#daemon = daemon;
    this.#servers = servers;
    this.#startMs = clock.nowMs();
  }

  port(listener: ListenerName): number {
    return this.#daemon.port(listener);
  }

  sample(): Promise<Sample> {
    return takeSample(this.#daemon, this.clock, this.#startMs);
  }

  #note(what: SoakEvent['what']): void {
    this.events.push({ atMs: Math.round(this.clock.nowMs() - this.#startMs), what });
  }

  async reloads(everyMs: number): Promise<void> {
    for (let turn = 1; ; turn++) {
      await delay(this.clock, everyMs);
      if (this.isStopping) return;
      this.#note('reload');
      await this.#daemon.reload(soakInput(this.#servers, turn));
    }
  }

  async kills(random: SeededRandom): Promise<void> {
    for (;;) {
      await delay(this.clock, MEAN_KILL_MS * (0.5 + random.next()));
      const origin = this.#servers.origins[random.below(ORIGINS)];
      if (this.isStopping || origin === undefined) return;
      this.#note('kill');
      this.ledger.killed(this.clock.wallMs());
      await origin.kill();
      await delay(this.clock, DOWN_MS);
      await origin.start();
    }
  }

  async watch(say: (line: string) => void): Promise<void> {
    for (let count = 1; !this.isStopping; count++) {
      await delay(this.clock, SAMPLE_MS);
      const sample = await this.sample();
      this.samples.push(sample);
      this.readLogs();
      if (count % 10 !== 0) continue;
      const mib = (sample.rssBytes / 2 ** 20).toFixed(0);
      const bad = this.ledger.unexplained.length + this.problems.length;
      say(
        `${(sample.atMs / 60_000).toFixed(1)} min: ${sample.requests} requests, ${sample.connections} connections, RSS ${mib} MiB, ${sample.descriptors} descriptors, ${bad} unexplained`,
      );
    }
  }

  readLogs(): void {
    for (const line of this.#daemon.newFaults()) this.problems.push(`log: ${line.slice(0, 500)}`);
    for (const line of this.#daemon.newAccessLines()) {
      const { target, status, reason, time, duration_ms } = JSON.parse(line) as LoggedExchange & {
        readonly time: string;
        readonly duration_ms: number;
      };
      const isOk = reason === 'ok' || reason === 'respond';
      const endMs = Date.parse(time);
      const client = clientOfTarget(target, this.#names);
      this.ledger.add({
        client,
        kind: isOk ? 'ok' : `${reason} ${status}`,
        startMs: endMs - duration_ms,
        endMs,
      });
    }
    this.ledger.settle();
  }

  /** Waits until what the clients had is gone, as far as it goes. */
  async settle(before: Sample): Promise<Sample> {
    const endMs = this.clock.nowMs() + BACK_WITHIN_MS;
    for (;;) {
      const now = await this.sample();
      const isBack =
        now.inFlight === 0 &&
        now.connections === 0 &&
        now.descriptors <= before.descriptors + DESCRIPTORS_MORE;
      if (isBack) return now;
      if (this.clock.nowMs() > endMs) {
        this.problems.push(
          `${BACK_WITHIN_MS / 1000} s after the last client: ${now.inFlight} in flight, ${now.connections} connections, ${now.descriptors} descriptors (${before.descriptors} at the start)`,
        );
        return now;
      }
      await delay(this.clock, 100);
    }
  }
}

export async function runSoak(
  options: SoakOptions,
  clock: Clock,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<SoakResult> {
  const random = new SeededRandom(options.seed);
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-soak-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const ports = await freePorts(ORIGINS + 1);
  const origins: Origin[] = [];
  for (const port of ports.slice(0, ORIGINS)) origins.push(stack.use(await Origin.start(port)));
  const shaky: UnreliableServer[] = [];
  for (const manners of [{ endsIdle: 0.3 }, { endsIdle: 0.2, resets: 0.1 }, { endsBehindAnswer: 0.2 }])
    shaky.push(await UnreliableServer.open(manners, new SeededRandom(random.below(2 ** 32))));
  const closeShaky = async (): Promise<void> => {
    for (const server of shaky.splice(0)) await server[Symbol.asyncDispose]();
  };
  stack.defer(closeShaky);
  const addresses = shaky.map(({ address }) => address);
  const servers = { origins, shaky: addresses, nobodyPort: ports[ORIGINS] ?? 0 };
  const daemon = stack.use(await DaemonProcess.start(folder, soakInput(servers, 0)));
  const run = new Run(clock, daemon, servers);
  const before = await run.sample();
  const kinds = CLIENTS.filter(({ name }) => options.only?.includes(name) ?? true);
  const unknown = options.only?.find((name) => !kinds.some((kind) => kind.name === name));
  if (unknown !== undefined)
    throw new SluiceError('bench_option', `--only: there is no client "${unknown}"`, {
      hint: `one of ${CLIENTS.map(({ name }) => name).join(', ')}`,
    });
  const clients = kinds.flatMap((kind) =>
    Array.from({ length: Math.max(1, Math.round(kind.count * options.load)) }, () =>
      runClient(run, kind, new SeededRandom(random.below(2 ** 32))),
    ),
  );
  const failed = (what: string) => (error: unknown) => void run.problems.push(`${what}: ${errorText(error)}`);
  const around = [
    run.watch(say).catch(failed('watching')),
    run.reloads(options.reloadSeconds * 1000).catch(failed('a reload')),
    run.kills(new SeededRandom(options.seed + 1)).catch(failed('a kill')),
  ];
  await Promise.race([delay(clock, options.minutes * 60_000), stopped(signal)]);
  run.isStopping = true;
  await Promise.all([...clients, ...around]);
  say('clients have gone, waiting for everything to be back');
  for (const origin of origins) await origin.kill();
  await closeShaky();
  const after = await run.settle(before);
  const code = await daemon.stop();
  if (code !== 0) run.problems.push(`it did not stop in order: exit code ${code}`);
  run.readLogs();
  return {
    samples: run.samples,
    events: run.events,
    ledger: run.ledger,
    before,
    after,
    problems: run.problems,
  };
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
