/**
 * The phases over real sockets, in the test's own process, with gates that the test makes: what no configuration can say, such as a
 * gate that settles when the test wants. Of each wire: our codec, Node's server, HTTP/2.
 */

import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { AccessBook } from '../../src/access/index.ts';
import { buildSnapshot, poolDefinitions, slotKeys } from '../../src/assembly/build-snapshot.ts';
import { ConnectionBook } from '../../src/assembly/connection-book.ts';
import { compileSnapshot } from '../../src/assembly/plane.ts';
import { SharedLimitsBook } from '../../src/assembly/shared-limits-book.ts';
import type { ListenerSnapshot } from '../../src/assembly/snapshot.ts';
import { wireOf } from '../../src/assembly/wires.ts';
import { loadConfig } from '../../src/config/index.ts';
import { EncoderPlaces } from '../../src/encode/index.ts';
import { HttpDate } from '../../src/http/index.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { Deadlines } from '../../src/kernel/deadlines.ts';
import { RequestIds } from '../../src/kernel/ids.ts';
import { MemoryPressure } from '../../src/kernel/memory.ts';
import { fastRandom } from '../../src/kernel/random.ts';
import { SlotAllocator } from '../../src/kernel/slot-allocator.ts';
import { SlotTable, STATE } from '../../src/kernel/slots.ts';
import { SocketIo } from '../../src/kernel/socket-io.ts';
import { LimiterTable, PlaceTable } from '../../src/limit/index.ts';
import type { OpenConnection } from '../../src/listen/index.ts';
import {
  type AccessRecord,
  type ListenerCells,
  type LogRecord,
  ThreadCells,
  ThreadLog,
} from '../../src/observe/index.ts';
import { CellAllocator } from '../../src/observe/main/index.ts';
import type { Exchange } from '../../src/proxy/exchange.ts';
import type { Gate } from '../../src/proxy/gate.ts';
import { RequestPhases } from '../../src/proxy/index.ts';
import { H2Client, read } from './h2-client.ts';
import { Peer, RawServer } from './peer.ts';
import { type Changes, onePool } from './proxied.ts';

export const GATED_WIRES = ['raw', 'node', 'h2'] as const;
export type GatedWire = (typeof GATED_WIRES)[number];

/** An exchange that waits at a gate of the test. */
export interface Waiting {
  readonly exchange: Exchange;
  settle(passes: boolean): void;
  fail(why: Error): void;
}

/** A gate that asks the test. */
export class AskingGate implements Gate {
  readonly #waiting: Waiting[] = [];
  #onAsked: (() => void) | null = null;

  check(exchange: Exchange): Promise<boolean> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ exchange, settle, fail });
      this.#onAsked?.();
    });
  }

  /** The next exchange that waits here. */
  async next(): Promise<Waiting> {
    if (this.#waiting.length === 0)
      await new Promise<void>((resolve) => {
        this.#onAsked = resolve;
      });
    this.#onAsked = null;
    return this.#waiting.shift() as Waiting;
  }
}

interface Said {
  readonly status: number;
  readonly body: string;
}

/** A client of one wire: one request. */
export interface GatedClient extends AsyncDisposable {
  /** @param length of the body; -1 = its end is not told; 0 = none */
  begin(method: string, length: number): void;
  write(bytes: Buffer): void;
  end(): void;
  answer(): Promise<Said>;
  /** Goes away without a word. */
  leave(): void;
}

export class GatedProxy implements AsyncDisposable {
  readonly server: RawServer;
  /** What is at the end of each exchange: its log line's record, copied. */
  readonly records: AccessRecord[] = [];
  readonly logged: LogRecord[] = [];
  readonly #listener: Server;
  readonly #connections = new Set<OpenConnection>();
  readonly #wire: GatedWire;
  readonly #slots: SlotTable;
  readonly #stop: () => void;
  #onRecord: (() => void) | null = null;

  private constructor(parts: {
    server: RawServer;
    listener: Server;
    wire: GatedWire;
    slots: SlotTable;
    stop: () => void;
  }) {
    this.server = parts.server;
    this.#listener = parts.listener;
    this.#wire = parts.wire;
    this.#slots = parts.slots;
    this.#stop = parts.stop;
  }

  static async start(
    wire: GatedWire,
    gates: readonly Gate[],
    changes: Changes = {},
    clock: Clock = systemClock,
  ): Promise<GatedProxy> {
    const server = await RawServer.open();
    const listener = {
      ...changes.listener,
      engine: wire === 'node' ? 'node' : 'raw',
      h2c: wire === 'h2',
    } as const;
    const loaded = loadConfig(
      { text: JSON.stringify(onePool([server], { ...changes, listener })), name: '<test>', baseDir: '/' },
      { env: {}, wallMs: systemClock.wallMs(), checkFiles: false },
    );
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
    const { config } = loaded;
    const pools = poolDefinitions(config);
    const slots = SlotTable.create({ capacity: 16, threads: 2, nowMs: clock.nowMs() });
    const plan = new SlotAllocator(slots).prepare(slotKeys(config, pools));
    plan.commit();
    for (const { slot } of plan.slots.values()) {
      slots.setState(slot, STATE.healthy, 0);
      slots.setWeight(slot, 1);
    }
    const cells = new CellAllocator({ threads: 2 }, clock);
    const snapshot = buildSnapshot(config, {
      node: 'one',
      generation: 1,
      pools,
      certificates: [],
      ports: new Map(),
      authorities: new Map(),
      slotOf: (key) => plan.slots.get(key) as { slot: number; generation: number },
      cellsOf: (kind, ...labels) => cells.block(kind, ...labels).offset,
    });
    const deadlines = new Deadlines(clock);
    const sockets = new SocketIo();
    const connections = new ConnectionBook();
    const log = new ThreadLog('debug', (record) => proxy.logged.push(record));
    const compiled = await compileSnapshot(snapshot, {
      clock,
      deadlines,
      sockets,
      ServerSessions: null,
      random: fastRandom(),
      slots,
      places: PlaceTable.attach(
        PlaceTable.create({ entries: 64, threads: 1, seed: Buffer.alloc(8, 1) }).buffer,
        0,
      ),
      limiter: LimiterTable.create({ entries: 64, seed: Buffer.alloc(8, 1), nowMs: clock.nowMs() }),
      row: cells.table.row(0),
      thread: 0,
      stickyKeys: [Buffer.alloc(32, 7)],
      connections,
      log,
      access: new AccessBook(),
      shared: new SharedLimitsBook({
        clock,
        deadlines,
        log,
        cells: new ThreadCells(cells.table.row(0), cells.block('thread', '0').offset),
      }),
    });
    const { plane } = compiled;
    (plane.routes.match('http', 't.example', '/')?.route as { gates: readonly Gate[] }).gates = gates;
    const handler = new RequestPhases({
      clock,
      deadlines,
      ids: new RequestIds(),
      random: fastRandom(),
      accessLog: { write: (record: AccessRecord) => proxy.#onEnd(record) } as never,
      log,
      record: {} as AccessRecord,
      encoders: new EncoderPlaces(new MemoryPressure()),
      planeFor: () => plane,
    });
    const open = await wireOf(
      snapshot.listeners[0] as ListenerSnapshot,
      { clock, deadlines, handler, date: new HttpDate(clock), sockets, memory: sockets.pressure },
      plane.listeners.get('http')?.cells as ListenerCells,
    );
    const listening = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => {
      const client = {
        listener: 'http',
        peerAddress: '127.0.0.1',
        peerPort: socket.remotePort ?? 0,
        localAddress: '127.0.0.1',
        localPort: socket.localPort ?? 0,
        tlsVersion: '',
        isTrusted: false,
        memo: null,
      };
      const opened = open(socket, client, (it) => proxy.#connections.delete(it));
      proxy.#connections.add(opened);
    });
    const proxy: GatedProxy = new GatedProxy({
      server,
      listener: listening,
      wire,
      slots,
      stop: () => {
        connections.destroyAll();
        deadlines.stop();
      },
    });
    await once(listening.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  #onEnd(record: AccessRecord): void {
    this.records.push({ ...record });
    this.#onRecord?.();
  }

  /** The record of the next exchange that ends. */
  async ended(count = 1): Promise<AccessRecord> {
    while (this.records.length < count)
      await new Promise<void>((resolve) => {
        this.#onRecord = resolve;
      });
    return this.records[count - 1] as AccessRecord;
  }

  /** Requests in flight on servers. */
  inFlight(): number {
    let sum = 0;
    for (let slot = 0; slot < this.#slots.capacity; slot++) sum += this.#slots.inFlight(slot);
    return sum;
  }

  /** How long servers take, as the algorithms know it; -1 = nothing was observed. */
  peakMs(nowMs: number): number {
    let most = -1;
    for (let slot = 0; slot < this.#slots.capacity; slot++)
      most = Math.max(most, this.#slots.times.peakMs(slot, nowMs));
    return most;
  }

  async client(): Promise<GatedClient> {
    const { port } = this.#listener.address() as AddressInfo;
    if (this.#wire !== 'h2') return new Http1Client(await Peer.connect(port));
    return new Http2Client(await H2Client.open(port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#listener.close();
    await once(this.#listener, 'close');
    this.#stop();
    await this.server[Symbol.asyncDispose]();
  }
}

class Http1Client implements GatedClient {
  readonly #peer: Peer;
  #method = '';
  #isChunked = false;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  begin(method: string, length: number): void {
    this.#method = method;
    this.#isChunked = length < 0;
    const framing =
      length < 0 ? 'Transfer-Encoding: chunked\r\n' : length > 0 ? `Content-Length: ${length}\r\n` : '';
    this.#peer.write(`${method} / HTTP/1.1\r\nHost: t.example\r\n${framing}\r\n`);
  }
  write(bytes: Buffer): void {
    if (this.#isChunked) this.#peer.write(`${bytes.length.toString(16)}\r\n`);
    this.#peer.write(bytes);
    if (this.#isChunked) this.#peer.write('\r\n');
  }
  end(): void {
    if (this.#isChunked) this.#peer.write('0\r\n\r\n');
  }
  async answer(): Promise<Said> {
    const { status, body } = await this.#peer.answer(this.#method);
    return { status, body };
  }
  leave(): void {
    this.#peer.reset();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }
}

class Http2Client implements GatedClient {
  readonly #client: H2Client;
  #stream: ClientHttp2Stream | null = null;
  #answer: Promise<Said> | null = null;

  constructor(client: H2Client) {
    this.#client = client;
  }

  begin(method: string, length: number): void {
    const lengthField = length > 0 ? { 'content-length': String(length) } : {};
    const fields = { ':method': method, ':path': '/', ':authority': 't.example', ...lengthField };
    this.#stream = this.#client.session.request(fields, { endStream: length === 0 });
    this.#stream.on('error', () => {});
    this.#answer = read(this.#stream).then(({ status, body }) => ({ status, body: body.toString('latin1') }));
  }
  write(bytes: Buffer): void {
    this.#stream?.write(bytes);
  }
  end(): void {
    this.#stream?.end();
  }
  answer(): Promise<Said> {
    return this.#answer as Promise<Said>;
  }
  leave(): void {
    this.#client.session.destroy();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
