import { fileURLToPath } from 'node:url';
import { delay } from '../../src/kernel/clock.ts';
import { SluiceError } from '../../src/kernel/errors.ts';
import type { Stage } from '../stage.ts';
import { freePorts } from '../system/ports.ts';
import { probe, waitForAnswer } from '../system/probe.ts';
import { startProcess } from '../system/process.ts';

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));
const DRAIN_TIMEOUT_MS = 20_000;

export interface FleetServer {
  readonly name: string;
  readonly meanServiceMs: number;
  readonly port: number;
}

interface Stats {
  readonly served: number;
  readonly waiting: number;
  readonly busy: number;
}

/** Real servers on ports of their own, each a process. */
export class Fleet implements AsyncDisposable {
  readonly servers: readonly FleetServer[];
  readonly #stage: Stage;
  readonly #running: AsyncDisposableStack;

  constructor(stage: Stage, servers: readonly FleetServer[], running: AsyncDisposableStack) {
    this.#stage = stage;
    this.servers = servers;
    this.#running = running;
  }

  /** How many requests each server has answered so far. */
  async served(): Promise<number[]> {
    return (await this.#stats()).map(({ served }) => served);
  }

  /** Waits until no server has work left, so that one run's queue is not the next one's latency. */
  async drained(): Promise<void> {
    const { clock } = this.#stage;
    const deadlineMs = clock.nowMs() + DRAIN_TIMEOUT_MS;
    while ((await this.#stats()).some(({ waiting, busy }) => waiting + busy > 0)) {
      if (clock.nowMs() > deadlineMs) {
        throw new SluiceError('bench_fleet', `the fleet still has work after ${DRAIN_TIMEOUT_MS} ms`);
      }
      await delay(clock, 50);
    }
  }

  #stats(): Promise<Stats[]> {
    return Promise.all(
      this.servers.map(async ({ port }): Promise<Stats> => {
        return JSON.parse((await probe(`http://127.0.0.1:${port}/stats`)).body);
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running.disposeAsync();
  }
}

/** Starts a server for each mean service time, on the load's cores. */
export async function startFleet(
  stage: Stage,
  meanServiceTimesMs: readonly number[],
  workers: number,
): Promise<Fleet> {
  await using running = new AsyncDisposableStack();
  const ports = await freePorts(meanServiceTimesMs.length);
  const servers: FleetServer[] = [];
  for (const [index, meanServiceMs] of meanServiceTimesMs.entries()) {
    const port = ports[index] ?? 0;
    const name = `server ${index + 1} (${meanServiceMs} ms)`;
    const folder = stage.newFolder('fleet');
    const logPath = `${folder}/log`;
    const server = await startProcess(
      {
        name,
        command: process.execPath,
        args: [SERVER, String(port), String(meanServiceMs), String(workers), String(index + 1)],
        cores: stage.cores.load,
        cwd: folder,
        outPath: logPath,
        errPath: logPath,
      },
      stage.clock,
    );
    running.use(server);
    await waitForAnswer(server, `http://127.0.0.1:${port}/healthz`, stage.clock);
    servers.push({ name, meanServiceMs, port });
  }
  return new Fleet(stage, servers, running.move());
}
