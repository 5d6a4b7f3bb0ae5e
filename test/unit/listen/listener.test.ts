import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { claimPort } from '../../../src/assembly/ports.ts';
import type { ClientInfo } from '../../../src/kernel/client-info.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { SluiceError } from '../../../src/kernel/errors.ts';
import {
  type ListenAddress,
  Listener,
  type ListenerSettings,
  type OpenConnection,
  OpenFiles,
} from '../../../src/listen/index.ts';
import { LISTENER } from '../../../src/observe/cells/blocks.ts';
import { ListenerCells, ThreadLog } from '../../../src/observe/index.ts';
import { compileTls, ListenerTls } from '../../../src/tls/index.ts';
import { authorityFor, listenerOptions, materialFor } from '../../support/tls-fixture.ts';

/** A connection that does nothing but tell what is asked of it; closed by the test. */
class Wire implements OpenConnection {
  readonly socket: Socket;
  readonly client: ClientInfo;
  readonly gone: Promise<void>;
  closes = 0;
  constructor(socket: Socket, client: ClientInfo, onClose: (connection: OpenConnection) => void) {
    this.socket = socket;
    this.client = client;
    socket.resume();
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    this.gone = new Promise((resolve) =>
      socket.on('close', () => {
        onClose(this);
        resolve();
      }),
    );
  }
  close(): void {
    this.closes++;
  }
  destroy(): void {
    this.socket.destroy();
  }
}

interface Options {
  readonly tls?: ListenerTls;
  readonly address?: ListenAddress;
  readonly settings?: Partial<ListenerSettings>;
  /** How many files may be open. */
  readonly openFiles?: number;
}

/** One listener on loopback, with what it counts, takes and logs. */
class Fixture implements AsyncDisposable {
  readonly listener: Listener;
  readonly row = new Float64Array(LISTENER.size);
  readonly wires: Wire[] = [];
  readonly logged: string[] = [];
  readonly deadlines = new Deadlines(systemClock);
  /** Places taken under the cap. */
  taken = 0;
  readonly settings: ListenerSettings;
  readonly #clients = new Map<Socket, Promise<unknown>>();
  #onWire: (() => void) | null = null;

  constructor(port: number, { tls, address, settings, openFiles }: Options) {
    this.settings = {
      name: 'web',
      tls: tls ?? null,
      handshakeTimeoutMs: 10_000,
      proxyProtocol: null,
      cells: new ListenerCells(this.row, 0),
      admits: () => true,
      isTrusted: () => false,
      acquire: () => ++this.taken > 0,
      release: () => this.taken--,
      ...settings,
    };
    const log = new ThreadLog('debug', (record) =>
      this.logged.push([record.message, record.fields['kind'] ?? []].flat().join(' ')),
    );
    const { deadlines } = this;
    const deps = { clock: systemClock, deadlines, log };
    this.listener = new Listener(
      address ?? { host: '127.0.0.1', port },
      this.settings,
      (socket, client, onClose) => {
        const wire = new Wire(socket, client, onClose);
        this.wires.push(wire);
        this.#onWire?.();
        return wire;
      },
      { ...deps, files: new OpenFiles(openFiles ?? Number.POSITIVE_INFINITY, deps) },
    );
  }

  static async start(options: Options = {}): Promise<Fixture> {
    const port = await claimPort('test', '127.0.0.1', 0);
    const fixture = new Fixture(port, options);
    await fixture.listener.listen();
    return fixture;
  }

  /** A plain TCP client; nothing is sent. */
  async dial(): Promise<Socket> {
    const socket = connect(this.listener.address.port, '127.0.0.1');
    socket.on('error', () => {});
    this.#clients.set(socket, new Promise((resolve) => socket.on('close', resolve)));
    await once(socket, 'connect');
    return socket;
  }

  /** Resolves when a client that was dialled has been disconnected. */
  async cut(client: Socket): Promise<void> {
    await this.#clients.get(client);
  }

  /** Resolves when `count` connections have been handed to the wire. */
  async opened(count: number): Promise<void> {
    while (this.wires.length < count) {
      await new Promise<void>((resolve) => {
        this.#onWire = resolve;
      });
    }
  }

  count(what: Exclude<keyof typeof LISTENER, 'size'>): number {
    return this.row[LISTENER[what]] as number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.destroy();
    for (const client of this.#clients.keys()) client.destroy();
    await Promise.all(this.#clients.values());
    await this.listener.drain();
    this.deadlines.stop();
  }
}

const authority = authorityFor('a.test');
const ca = authority.certPem;
const compiled = compileTls(listenerOptions([materialFor(authority, 'a', ['a.test'])]));
const makeTls = (): ListenerTls => new ListenerTls(compiled);

t.test('a connection is told who it comes from, and counted', async (t) => {
  await using fixture = await Fixture.start({ settings: { isTrusted: (ip) => ip === '127.0.0.1' } });
  const socket = await fixture.dial();
  await fixture.opened(1);
  t.same(fixture.wires[0]?.client, {
    listener: 'web',
    peerAddress: '127.0.0.1',
    peerPort: socket.localPort,
    localPort: fixture.listener.address.port,
    tlsVersion: '',
    isTrusted: true,
    memo: null,
  });
  t.notOk(fixture.listener.isTls);
  t.same([fixture.listener.connectionCount, fixture.taken], [1, 1]);
  t.same([fixture.count('accepted'), fixture.count('active')], [1, 1]);
  const wire = fixture.wires[0] as Wire;
  wire.destroy();
  await wire.gone;
  t.same([fixture.listener.connectionCount, fixture.taken, fixture.count('active')], [0, 0, 0]);
});

t.test('an IPv4 peer of a listener on all addresses has its IPv4 address', async (t) => {
  const port = await claimPort('test', undefined, 0);
  await using fixture = new Fixture(port, { address: { host: undefined, port } });
  await fixture.listener.listen();
  await fixture.dial();
  await fixture.opened(1);
  t.equal(fixture.wires[0]?.client.peerAddress, '127.0.0.1');
});

t.test('who is not admitted, or one too many, is refused and takes no place', async (t) => {
  const table: [string, Partial<ListenerSettings>][] = [
    ['not admitted', { admits: () => false }],
    ['no place', { acquire: () => false }],
  ];
  for (const isTls of [false, true]) {
    for (const [name, settings] of table) {
      await using fixture = await Fixture.start({ settings, ...(isTls ? { tls: makeTls() } : {}) });
      const socket = await fixture.dial();
      await fixture.cut(socket);
      const what = `${name}, ${isTls ? 'TLS' : 'plain'}`;
      t.equal(fixture.wires.length, 0, what);
      t.same([fixture.count('refused'), fixture.count('accepted'), fixture.taken], [1, 0, 0], what);
      t.equal(fixture.count('tlsFailed'), 0, `${what}: no handshake failed, none was begun`);
    }
  }
});

t.test('a reload changes who is admitted, for the next connection', async (t) => {
  await using fixture = await Fixture.start();
  await fixture.dial();
  await fixture.opened(1);
  const other = new Float64Array(LISTENER.size);
  fixture.listener.configure({
    ...fixture.settings,
    name: 'renamed',
    admits: () => false,
    cells: new ListenerCells(other, 0),
  });
  await fixture.cut(await fixture.dial());
  t.equal(other[LISTENER.refused], 1);
  t.equal(fixture.wires[0]?.socket.destroyed, false, 'who is in stays in');
  fixture.listener.configure({ ...fixture.settings, name: 'renamed' });
  await fixture.dial();
  await fixture.opened(2);
  t.equal(fixture.wires[1]?.client.listener, 'renamed');
});

t.test('TLS: version, session, failed handshakes', async (t) => {
  const tls = makeTls();
  await using fixture = await Fixture.start({ tls });
  const { port } = fixture.listener.address;
  t.ok(fixture.listener.isTls);
  const first = connectTls({
    host: '127.0.0.1',
    port,
    ca,
    servername: 'a.test',
    ALPNProtocols: ['http/1.1'],
  });
  const [session] = (await once(first, 'session')) as [Buffer];
  await fixture.opened(1);
  t.equal(fixture.wires[0]?.client.tlsVersion, 'TLSv1.3');
  t.equal(first.alpnProtocol, 'http/1.1');
  t.same([fixture.count('tlsOk'), fixture.count('tlsResumed')], [1, 0]);
  const second = connectTls({ host: '127.0.0.1', port, ca, servername: 'a.test', session });
  await fixture.opened(2);
  t.same([fixture.count('tlsOk'), fixture.count('tlsResumed')], [2, 1]);
  const plain = await fixture.dial();
  plain.write('GET / HTTP/1.1\r\n\r\n');
  await fixture.cut(plain);
  t.same([fixture.count('tlsFailed'), fixture.count('tlsOk')], [1, 2]);
  t.same(fixture.logged, ['TLS handshake failed http_request']);
  first.destroy();
  second.destroy();
  await Promise.all(fixture.wires.map((wire) => wire.gone));
  t.same([fixture.taken, fixture.count('active')], [0, 0]);
});

t.test('a handshake that does not come ends in time', async (t) => {
  await using fixture = await Fixture.start({
    tls: makeTls(),
    settings: { handshakeTimeoutMs: 20 },
  });
  await fixture.cut(await fixture.dial());
  t.equal(fixture.count('tlsFailed'), 1);
  t.match(fixture.logged, ['TLS handshake failed timeout']);
  await fixture.listener.drain();
  t.equal(fixture.taken, 0, 'its place is free again');
});

t.test('a handshake that drips ends in the same time, and by what a reload has set', async (t) => {
  await using fixture = await Fixture.start({ tls: makeTls() });
  fixture.listener.configure({ ...fixture.settings, handshakeTimeoutMs: 200 });
  const dripping = await fixture.dial();
  const hello = Buffer.from('16030102000100', 'hex');
  let sent = 0;
  const drip = setInterval(() => dripping.write(hello.subarray(sent, ++sent)), 20);
  const startMs = systemClock.nowMs();
  await fixture.cut(dripping);
  clearInterval(drip);
  t.ok(sent > 2, `${sent} pieces`);
  t.ok(systemClock.nowMs() - startMs < 5000, 'long before the ten seconds that it began with');
});

t.test('hands that are shaken have no deadline any more', async (t) => {
  await using fixture = await Fixture.start({ tls: makeTls() });
  const raw = await fixture.dial();
  const secure = connectTls({ socket: raw, ca, servername: 'a.test' });
  await Promise.all([once(secure, 'secureConnect'), fixture.opened(1)]);
  t.equal(fixture.deadlines.size, 0);
});

t.test('a client that leaves during its handshake leaves its place', async (t) => {
  await using fixture = await Fixture.start({ tls: makeTls() });
  const raw = await fixture.dial();
  while (fixture.count('accepted') === 0) await new Promise((resolve) => setImmediate(resolve));
  raw.end();
  await fixture.cut(raw);
  await fixture.listener.drain();
  t.equal(fixture.taken, 0);
});

t.test('drain asks every connection to close and waits for the last', async (t) => {
  await using fixture = await Fixture.start();
  await Promise.all([fixture.dial(), fixture.dial()]);
  await fixture.opened(2);
  let isDrained = false;
  const drained = fixture.listener.drain().then(() => {
    isDrained = true;
  });
  t.same(
    fixture.wires.map((wire) => wire.closes),
    [1, 1],
  );
  const refused = connect(fixture.listener.address.port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  t.equal(error.code, 'ECONNREFUSED');
  fixture.wires[0]?.destroy();
  await fixture.wires[0]?.gone;
  t.notOk(isDrained, 'one is left');
  fixture.wires[1]?.destroy();
  await drained;
  t.equal(fixture.listener.connectionCount, 0);
  await fixture.listener.drain();
});

t.test('drain with nobody there is over at once; destroy ends everything', async (t) => {
  await using empty = await Fixture.start();
  await empty.listener.drain();
  await using fixture = await Fixture.start();
  const client = await fixture.dial();
  await fixture.opened(1);
  const drained = fixture.listener.drain();
  fixture.listener.destroy();
  await Promise.all([drained, fixture.cut(client)]);
  t.equal(fixture.taken, 0);
});

t.test('drain waits for handshakes that are under way, and closes what comes of them', async (t) => {
  const tls = makeTls();
  await using fixture = await Fixture.start({ tls });
  const raw = await fixture.dial();
  while (fixture.count('accepted') === 0) await new Promise((resolve) => setImmediate(resolve));
  let isDrained = false;
  const drained = fixture.listener.drain().then(() => {
    isDrained = true;
  });
  const secure = connectTls({ socket: raw, ca, servername: 'a.test' });
  await Promise.all([once(secure, 'secureConnect'), fixture.opened(1)]);
  t.notOk(isDrained, 'the handshake was waited for');
  t.equal(fixture.wires[0]?.closes, 1, 'and its connection closes after what it is doing');
  fixture.wires[0]?.destroy();
  await drained;
});

t.test('destroy ends handshakes that are under way', async (t) => {
  await using fixture = await Fixture.start({ tls: makeTls() });
  const raw = await fixture.dial();
  while (fixture.count('accepted') === 0) await new Promise((resolve) => setImmediate(resolve));
  const drained = fixture.listener.drain();
  fixture.listener.destroy();
  await Promise.all([fixture.cut(raw), drained]);
  t.same([fixture.wires.length, fixture.taken], [0, 0]);
});

t.test('hardly any files left: connections are closed, counted, and told of once', async (t) => {
  await using fixture = await Fixture.start({ openFiles: 1 });
  for (let i = 0; i < 3; i++) await fixture.cut(await fixture.dial());
  t.same([fixture.count('noFile'), fixture.count('accepted'), fixture.taken], [3, 0, 0]);
  t.equal(fixture.wires.length, 0);
  t.equal(fixture.logged.length, 1);
  t.match(fixture.logged[0], /^too many open files/);
});

t.test('an address that cannot be bound', async (t) => {
  const squatter = createServer();
  squatter.listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const port = (squatter.address() as { port: number }).port;
  const fixture = new Fixture(port, {});
  const error = await fixture.listener.listen().catch((thrown: unknown) => thrown);
  t.ok(error instanceof SluiceError && error.code === 'listen_failed');
  t.match(String(error), `listener "web" cannot listen on port ${port}`);
  fixture.listener.destroy();
  squatter.close();
});
