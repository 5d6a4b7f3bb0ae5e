/**
 * Plays wire cases against one daemon: a *lane* is a listener, a pool and a server of its own, so that as many
 * cases run at a time as there are lanes and none sees another's bytes. Each case starts with fresh connections on both sides.
 *
 * Nothing is waited for by time where an event tells it: answers, ends of connections. Only what must *not* come
 * (a second request at the server, a close) is given a quiet while.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from './daemon-fixture.ts';
import { answerRole, readMessage, statusOf } from './http-message.ts';
import { expand, judge, mustClose, type WireCase, type WireResult } from './wire-case.ts';
import { WireServer } from './wire-server.ts';
import { RAW, type Wire } from './wires.ts';

/** Silence on both sides after which nothing more is expected. */
const QUIET_MS = 100;
/** A case that has not got what it waits for by then is judged with what it has. */
const CASE_MS = 4000;

export interface WireVerdict {
  readonly wire: WireCase;
  readonly result: WireResult;
  /** Empty = passed. */
  readonly complaints: readonly string[];
}

/** The set-up that the cases assume, once a lane. */
function configFor(servers: readonly WireServer[], wire: Wire): FileInput {
  const limits = { max_body_size: '1MiB', header_timeout: '1s', body_timeout: '1s', idle_timeout: '5s' };
  const lanes = servers.map((server, i) => ({ name: `lane-${i}`, server }));
  return {
    listeners: Object.fromEntries(
      lanes.map(({ name }) => [name, { ...wire.listener, address: '127.0.0.1', port: 0, limits }]),
    ),
    routes: [
      { name: 'admin', match: { path: '/admin/*' }, respond: { status: 403, body: 'no' } },
      ...lanes.map(({ name }) => ({ name, listeners: name, pool: name })),
    ],
    pools: Object.fromEntries(
      lanes.map(({ name, server }) => [
        name,
        {
          servers: [`127.0.0.1:${server.port}`],
          health: false as const,
          upstream: { first_byte_timeout: '1s' },
        },
      ]),
    ),
  };
}

/** Runs all cases, `laneCount` at a time; each promise settles when its case is judged. */
export class WireRunner implements AsyncDisposable {
  readonly fixture: DaemonFixture;
  readonly #servers: readonly WireServer[];

  private constructor(fixture: DaemonFixture, servers: readonly WireServer[]) {
    this.fixture = fixture;
    this.#servers = servers;
  }

  static async open(laneCount: number, wire: Wire = RAW): Promise<WireRunner> {
    const servers = await Promise.all(Array.from({ length: laneCount }, () => WireServer.open()));
    return new WireRunner(await DaemonFixture.start(configFor(servers, wire)), servers);
  }

  /** @param laneCount cases that are played at a time; as many as there are lanes when left out */
  run(
    cases: readonly WireCase[],
    laneCount = this.#servers.length,
  ): ReadonlyMap<string, Promise<WireVerdict>> {
    const lanes = this.#servers.map((server, lane) => ({ server, port: this.fixture.port(`lane-${lane}`) }));
    return runCases(cases, lanes.slice(0, laneCount));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture[Symbol.asyncDispose]();
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
  }
}

/** A listener of a proxy, and the server that it passes everything on to. */
export interface WireLane {
  readonly port: number;
  readonly server: WireServer;
}

/** Plays the cases, one a lane at a time, against whatever proxy the lanes belong to. */
export function runCases(
  cases: readonly WireCase[],
  lanes: readonly WireLane[],
): ReadonlyMap<string, Promise<WireVerdict>> {
  const verdicts = new Map(cases.map((wire) => [wire.id, Promise.withResolvers<WireVerdict>()]));
  const queue = [...cases];
  for (const { port, server } of lanes) {
    void (async () => {
      for (let wire = queue.shift(); wire; wire = queue.shift()) {
        const verdict = verdicts.get(wire.id);
        try {
          const result = await playCase(wire, port, server);
          verdict?.resolve({ wire, result, complaints: judge(wire, result) });
        } catch (error) {
          verdict?.reject(error);
        }
      }
    })();
  }
  return new Map([...verdicts].map(([id, { promise }]) => [id, promise]));
}

export async function playCase(wire: WireCase, port: number, server: WireServer): Promise<WireResult> {
  const client = new WireClient(wire, port);
  server.play(wire, () => client.onActivity());
  await client.play();
  const { status, answers, isComplete, isClosed, text } = client;
  const result = {
    status,
    answers,
    isComplete,
    isClosed,
    clientText: text,
    serverRaw: server.raw,
    serverText: server.transcript,
  };
  await client.hangUp();
  await server.hangUp();
  return result;
}

/** What the bytes at the client are, read as answers to the requests that it sent. */
interface Answers {
  readonly count: number;
  readonly firstStatus: number;
  readonly isComplete: boolean;
  readonly hasGarbage: boolean;
}

function readAnswers(raw: string, methods: readonly string[], isClosed: boolean): Answers {
  let count = 0;
  let firstStatus = 0;
  let isComplete = false;
  for (let rest = raw; rest !== ''; ) {
    const status = statusOf(rest.split('\r\n', 1)[0] as string);
    if (status === 0)
      return { count, firstStatus, isComplete, hasGarbage: !'HTTP/1.'.startsWith(rest.slice(0, 7)) };
    const reading = readMessage(rest, answerRole(rest, methods[count] ?? ''));
    if (reading.kind !== 'complete') {
      if (rest.includes('\r\n\r\n')) {
        count++;
        firstStatus ||= status;
      }
      return { count, firstStatus, isComplete: false, hasGarbage: false };
    }
    rest = reading.rest;
    if (status < 200 && status !== 101) continue;
    count++;
    firstStatus ||= status;
    isComplete = reading.isFramed || isClosed;
    if (status === 101) break;
  }
  return { count, firstStatus, isComplete, hasGarbage: false };
}

class WireClient {
  readonly #wire: WireCase;
  readonly #socket: Socket;
  readonly #methods: readonly string[];
  readonly #answersWanted: number;
  readonly #done = Promise.withResolvers<void>();
  #raw = '';
  #hasSentAll = false;
  #quiet: NodeJS.Timeout | undefined;
  isClosed = false;

  constructor(wire: WireCase, port: number) {
    this.#wire = wire;
    this.#methods = [...wire.send.matchAll(/^([A-Z]+) \S+ HTTP\/1\.[01]\r\n/gm)].map(
      (match) => match[1] ?? '',
    );
    const wanted = wire.expect.clientSees?.map((it) => /<RESPS=(\d+)>/.exec(it)?.[1]).find((it) => it);
    this.#answersWanted = Number(wanted ?? 1);
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    this.#socket.on('data', (chunk) => {
      this.#raw += chunk.toString('latin1');
      this.onActivity();
    });
    const onClosed = (): void => {
      this.isClosed = true;
      this.onActivity();
    };
    this.#socket.on('end', onClosed);
    this.#socket.on('close', onClosed);
    this.#socket.on('error', onClosed);
  }

  get #answers(): Answers {
    return readAnswers(this.#raw, this.#methods, this.isClosed);
  }
  get status(): number {
    return this.#answers.firstStatus;
  }
  get answers(): number {
    return this.#answers.count;
  }
  get isComplete(): boolean {
    return this.#answers.isComplete;
  }
  get text(): string {
    const { count, isComplete, firstStatus, hasGarbage } = this.#answers;
    const whole = isComplete && firstStatus < 500 ? '<COMPLETE>' : '';
    return `${this.#raw}${hasGarbage ? '<GARBAGE>' : ''}<RESPS=${count}>${whole}`;
  }

  async play(): Promise<void> {
    const limit = setTimeout(() => this.#done.resolve(), CASE_MS);
    this.#send(this.#wire.send);
    for (const { afterMs, send } of this.#wire.then ?? []) {
      await sleep(afterMs);
      this.#send(send);
    }
    if (this.#wire.fin === true) this.#socket.end();
    this.#hasSentAll = true;
    this.onActivity();
    await this.#done.promise;
    clearTimeout(limit);
    clearTimeout(this.#quiet);
  }

  #send(text: string): void {
    if (text !== '' && !this.isClosed) this.#socket.write(expand(text), 'latin1');
  }

  /** Something happened on either side: when all that is waited for is there, the quiet while starts anew. */
  onActivity(): void {
    clearTimeout(this.#quiet);
    if (this.#hasWhatItWaitsFor()) this.#quiet = setTimeout(() => this.#done.resolve(), QUIET_MS);
  }

  #hasWhatItWaitsFor(): boolean {
    if (!this.#hasSentAll) return false;
    if (this.isClosed) return true;
    const { count, isComplete, firstStatus } = this.#answers;
    return count >= this.#answersWanted && isComplete && !mustClose(this.#wire, firstStatus);
  }

  hangUp(): Promise<void> {
    const socket = this.#socket;
    if (socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
  }
}
