/**
 * A daemon as a process with some lanes, and what must hold of it between two turns: alive, nothing in its log, nothing in
 * flight, memory and descriptors bounded, and a plain request gets its own answer.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { answerRole, type Message, readMessage, statusOf } from '../../test/support/http-message.ts';
import { type DaemonInput, DaemonProcess } from '../system/daemon.ts';
import { LaneClient, LaneServer, type Reply, type Seen } from './lane.ts';

export const LANES = 12;
/** Far above what a daemon of this size has after a warm-up; a leak of some bytes an input gets there soon. */
const MAX_RSS_BYTES = 700 * 1024 * 1024;
const DESCRIPTORS_OVER_START = 3 * LANES + 16;
const SETTLES_WITHIN_MS = 5000;

export interface Lane {
  readonly server: LaneServer;
  readonly port: number;
}

type ListenerInput = NonNullable<DaemonInput['listeners']>[string];

function configFor(servers: readonly LaneServer[], listener: Partial<ListenerInput>): DaemonInput {
  const lanes = servers.map((server, i) => ({ name: `lane-${i}`, server }));
  return {
    threads: 1,
    listeners: Object.fromEntries(
      lanes.map(({ name }) => [
        name,
        { address: '127.0.0.1', port: 0, limits: { max_body_size: '1MiB' }, ...listener },
      ]),
    ),
    routes: [
      { name: 'admin', match: { path: '/admin/*' }, respond: { status: 403, body: 'no' } },
      ...lanes.map(({ name }) => ({ name, listeners: name, pool: name })),
    ],
    pools: Object.fromEntries(
      lanes.map(({ name, server }) => [
        name,
        { servers: [`127.0.0.1:${server.port}`], health: false as const },
      ]),
    ),
  };
}

export class Lanes implements AsyncDisposable {
  readonly #all: readonly Lane[];
  readonly #free: Lane[];
  readonly #daemon: DaemonProcess;
  readonly #owned: AsyncDisposableStack;
  readonly #mostDescriptors: number;

  private constructor(lanes: readonly Lane[], daemon: DaemonProcess, owned: AsyncDisposableStack) {
    this.#all = lanes;
    this.#free = [...lanes];
    this.#daemon = daemon;
    this.#owned = owned;
    this.#mostDescriptors = daemon.descriptors() + DESCRIPTORS_OVER_START;
  }

  /** @param listener what the listeners have beside their address and limits */
  static async open(listener: Partial<ListenerInput> = {}): Promise<Lanes> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const servers: LaneServer[] = [];
    for (let i = 0; i < LANES; i++) servers.push(stack.use(await LaneServer.open()));
    const daemon = stack.use(await DaemonProcess.start(folder, configFor(servers, listener)));
    const lanes = servers.map((server, i) => ({ server, port: daemon.port(`lane-${i}`) }));
    return new Lanes(lanes, daemon, stack.move());
  }

  /** Does something with a lane that nobody else has meanwhile. */
  async take(work: (lane: Lane) => Promise<string>): Promise<string> {
    const lane = this.#free.pop();
    if (lane === undefined) throw new RangeError('more inputs at a time than lanes');
    lane.server.clear();
    try {
      return await work(lane);
    } finally {
      this.#free.push(lane);
    }
  }

  async settled(): Promise<string> {
    for (const { server } of this.#all) await server.hangUp();
    return lookAtDaemon(this.#daemon, this.#all, this.#mostDescriptors);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** What must hold of the process while nothing is asked of it. */
async function lookAtDaemon(
  daemon: DaemonProcess,
  lanes: readonly Lane[],
  mostDescriptors: number,
): Promise<string> {
  if (!daemon.isRunning) return `ended: ${daemon.lastWords()}`;
  const [fault] = daemon.newFaults();
  if (fault !== undefined) return `log: ${fault}`;
  const bad = daemon.newAccessLines().find((line) => line.includes('"reason":"internal"'));
  if (bad !== undefined) return `log: ${bad}`;
  for (const lane of lanes.slice(0, 2)) {
    lane.server.clear();
    const complaint = await askPlainly(lane, '/probe');
    if (complaint !== '') return `probe: ${complaint}`;
  }
  const endMs = systemClock.nowMs() + SETTLES_WITHIN_MS;
  for (;;) {
    const [inFlight, descriptors] = [await daemon.inFlight(), daemon.descriptors()];
    if (inFlight === 0 && descriptors <= mostDescriptors) break;
    if (systemClock.nowMs() > endMs)
      return `left: ${inFlight} requests in flight, ${descriptors} descriptors`;
    await delay(systemClock, 20);
  }
  const rss = daemon.rssBytes();
  return rss > MAX_RSS_BYTES ? `memory: ${Math.round(rss / 2 ** 20)} MiB` : '';
}

/** The final answers in what a client got; `garbage` is what is none. */
export function readAll(raw: string, methods: readonly string[]): { messages: Message[]; garbage: string } {
  const messages: Message[] = [];
  for (let rest = raw; rest !== ''; ) {
    const reading = readMessage(rest, answerRole(rest, methods[messages.length] ?? ''));
    if (reading.kind === 'partial')
      return { messages, garbage: 'HTTP/1.1'.startsWith(rest.slice(0, 8)) ? '' : rest };
    const status = reading.kind === 'complete' ? statusOf(reading.message.start) : 0;
    if (reading.kind === 'bad' || status === 0) return { messages, garbage: rest };
    rest = reading.rest;
    if (status >= 200) messages.push(reading.message);
  }
  return { messages, garbage: '' };
}

/** Answers with the target of the request. */
export function echo({ message }: Seen): Reply {
  const target = message.start.split(' ')[1] ?? '';
  return {
    pieces: [Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`)],
    hasFin: false,
  };
}

/** A plain request must get the answer that is meant for it. @returns '' or what came instead */
export async function askPlainly({ server, port }: Lane, target: string): Promise<string> {
  server.reply = echo;
  const client = new LaneClient(port);
  await client.send([Buffer.from(`GET ${target} HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n`)]);
  const came = await client.until(() => false);
  await client.hangUp();
  const { messages } = readAll(client.raw, ['GET']);
  const [answer] = messages;
  const isRight = came && messages.length === 1 && answer?.body === target && statusOf(answer.start) === 200;
  return isRight ? '' : `a plain request got ${JSON.stringify(client.raw.slice(0, 500))}`;
}
