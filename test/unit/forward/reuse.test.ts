/** When a connection to a server may be used again: real sockets, a server that the test plays. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import t from 'tap';
import {
  type AttemptEvents,
  type AttemptFailure,
  type ConnectionLimits,
  type ServerConnection,
  ServerConnections,
} from '../../../src/forward/index.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import { PoolCells } from '../../../src/observe/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ok } from '../../support/peer.ts';

const LIMITS: ConnectionLimits = {
  connectTimeoutMs: 2000,
  firstByteTimeoutMs: 30_000,
  bodyTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  maxAgeMs: 3_600_000,
  maxHeadBytes: 65_536,
  maxFields: 100,
};

/** An attempt that sends as soon as it can; what it heard last, and from whom. */
class Attempt implements AttemptEvents {
  readonly connection: ServerConnection;
  readonly ended = Promise.withResolvers<'answered' | AttemptFailure>();
  body = '';
  hasSent = false;
  /** Called in the very callback that brought the end of the answer. */
  onEnd = (): void => {};
  readonly #bindsConnection: boolean;

  constructor(connections: ServerConnections, bindsConnection = false) {
    this.#bindsConnection = bindsConnection;
    this.connection = connections.take('any');
    this.connection.open(this);
  }

  onReady(): void {
    this.hasSent = true;
    const text = 'GET / HTTP/1.1\r\nHost: t.example\r\n\r\n';
    const rest = {
      body: [],
      isChunked: false,
      isComplete: true,
      trailers: '',
      wantsUpgrade: false,
      takesLargePieces: false,
      silenceMs: 0,
    };
    this.connection.send({ method: 'GET', text, ...rest, bindsConnection: this.#bindsConnection });
  }
  onAnswerHead(): void {}
  onAnswerData(buffer: Buffer, from: number, to: number): void {
    this.body += buffer.toString('latin1', from, to);
  }
  onAnswerEnd(): void {
    this.onEnd();
    this.ended.resolve('answered');
  }
  onFailed(failure: AttemptFailure): void {
    this.ended.resolve(failure);
  }
  onInterim(): void {}
  onReadDone(): void {}
  onUpgrade(): void {}
  onServerDown(): void {}
  onServerDrain(): void {}
}

class Fixture implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly deadlines = new Deadlines(this.clock);
  readonly connections: ServerConnections;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly #accepted: Socket[] = [];
  unasked = 0;
  readonly #waiting: ((socket: Socket) => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.push(socket);
      socket.on('error', () => {});
      const waiting = this.#waiting.shift();
      if (waiting) waiting(socket);
      else this.#accepted.push(socket);
    });
    const { port } = server.address() as AddressInfo;
    const { clock, deadlines } = this;
    this.connections = new ServerConnections(
      { host: '127.0.0.1', port, path: '', tls: null },
      LIMITS,
      8,
      { clock, deadlines, sockets: new SocketIo() },
      {
        http2: new PoolCells(new Float64Array(64), 0),
        opened: () => {},
        moved: () => {},
        spokenUnasked: () => this.unasked++,
      },
    );
  }

  static async open(): Promise<Fixture> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Fixture(server);
  }

  /** The next connection at the server. */
  accept(): Promise<Socket> {
    const socket = this.#accepted.shift();
    return socket ? Promise.resolve(socket) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  get count(): number {
    return this.#sockets.length;
  }

  /** Answers whatever comes on connections from now on. */
  answerAll(): void {
    this.#server.on('connection', (socket) => socket.on('data', () => socket.write(ok())));
  }

  /** One exchange with this answer; resolves with the server's side. */
  async exchange(answer = ok()): Promise<{ attempt: Attempt; server: Socket }> {
    const attempt = new Attempt(this.connections);
    const server = await this.accept();
    await once(server, 'data');
    server.write(answer);
    await attempt.ended.promise;
    return { attempt, server };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connections.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    this.deadlines.stop();
  }
}

/** Lets the event loop take what has come on any socket by now. */
const aTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  server.close();
  return [near, far];
}

t.test('one that has rested is used again', async (t) => {
  await using fixture = await Fixture.open();
  const { attempt, server } = await fixture.exchange();
  await aTurn();
  const next = new Attempt(fixture.connections);
  t.equal(next.connection, attempt.connection);
  await once(server, 'data');
  server.write(ok('second'));
  t.equal(await next.ended.promise, 'answered');
  t.equal(next.body, 'second');
});

t.test('in the very read that ended its answer nothing is sent on it', async (t) => {
  await using fixture = await Fixture.open();
  const first = new Attempt(fixture.connections);
  const server = await fixture.accept();
  await once(server, 'data');
  const second = new Promise<Attempt>((resolve) => {
    first.onEnd = () => resolve(new Attempt(fixture.connections));
  });
  server.write(ok());
  const attempt = await second;
  t.equal(attempt.connection, first.connection, 'it is reserved for the next');
  t.equal(attempt.hasSent, false, 'who waits until all sockets were looked at once more');
  await once(server, 'data');
  server.write(ok('own'));
  t.equal(await attempt.ended.promise, 'answered');
  t.equal(attempt.body, 'own');
  t.equal(fixture.count, 1, 'the server gets no connection more for that');
});

t.test('what comes while it rests ends it, and the request goes elsewhere unsent', async (t) => {
  await using fixture = await Fixture.open();
  const first = new Attempt(fixture.connections);
  const server = await fixture.accept();
  await once(server, 'data');
  const second = new Promise<Attempt>((resolve) => {
    first.onEnd = () => {
      // As if it had come right behind the answer.
      server.write(ok('nobody asked'));
      resolve(new Attempt(fixture.connections));
    };
  });
  server.write(ok());
  const attempt = await second;
  t.match(await attempt.ended.promise, {
    kind: 'reset',
    wasSent: false,
    hadAnswer: false,
    wasReused: true,
  });
  t.equal(attempt.hasSent, false);
});

t.test('of several idle ones the last that has rested is taken', async (t) => {
  await using fixture = await Fixture.open();
  const attempts = [new Attempt(fixture.connections), new Attempt(fixture.connections)];
  const servers = [await fixture.accept(), await fixture.accept()];
  await Promise.all(servers.map((server) => once(server, 'data')));
  const [older, newer] = attempts as [Attempt, Attempt];
  const [a, b] = servers as [Socket, Socket];
  const [first, last] = older.connection === attempts[0]?.connection ? [a, b] : [b, a];
  first.write(ok());
  await older.ended.promise;
  await aTurn();
  const taken = new Promise<Attempt>((resolve) => {
    newer.onEnd = () => resolve(new Attempt(fixture.connections));
  });
  last.write(ok());
  t.equal((await taken).connection, older.connection);
});

for (const [what, end] of [
  ['unsolicited bytes', (server: Socket) => server.write(ok('nobody asked'))],
  ['a half-close', (server: Socket) => server.end()],
  ['a reset', (server: Socket) => server.resetAndDestroy()],
] as const)
  t.test(`${what} while idle end it`, async (t) => {
    await using fixture = await Fixture.open();
    const { attempt, server } = await fixture.exchange();
    end(server);
    const { connections } = fixture;
    for (let turns = 0; connections.count > 0 && turns < 200; turns++) await aTurn();
    t.equal(fixture.connections.count, 0);
    const next = new Attempt(fixture.connections);
    t.not(next.connection, attempt.connection);
    const other = await fixture.accept();
    await once(other, 'data');
    other.write(ok('own'));
    await next.ended.promise;
    t.equal(next.body, 'own');
  });

t.test('age ends it', async (t) => {
  await using fixture = await Fixture.open();
  const { attempt } = await fixture.exchange();
  await aTurn();
  fixture.clock.advance(LIMITS.idleTimeoutMs - 1000);
  t.equal(fixture.connections.count, 1);
  fixture.clock.advance(2000);
  t.equal(fixture.connections.count, 1, 'destroyed, and about to be gone');
  await aTurn();
  t.equal(fixture.connections.count, 0);
  t.not(new Attempt(fixture.connections).connection, attempt.connection);
});

t.test('bytes that came before the request was written are not its answer', async (t) => {
  await using fixture = await Fixture.open();
  const { attempt, server } = await fixture.exchange();
  const [near, far] = await socketPair();
  await aTurn();
  // Both lie there when the event loop looks next: first the request of a client, then what the server said unasked.
  const next = new Promise<Attempt>((resolve) => {
    near.once('data', () => resolve(new Attempt(fixture.connections)));
  });
  far.write('a client');
  server.write(ok('nobody asked'));
  const taken = await next;
  t.equal(taken.connection, attempt.connection, 'nothing could be seen of it when it was taken');
  t.match(await taken.ended.promise, { kind: 'reset', wasSent: false, hadAnswer: false, wasReused: true });
  t.equal(taken.body, '');
  near.destroy();
  far.destroy();
});

t.test('a server that spoke unasked once gets a connection for each request, for a minute', async (t) => {
  await using fixture = await Fixture.open();
  const { server } = await fixture.exchange();
  server.write(ok('nobody asked'));
  const { connections } = fixture;
  const isAlone = async (): Promise<boolean> => {
    for (let turns = 0; connections.count > 0 && turns < 200; turns++) await aTurn();
    return connections.count === 0;
  };
  t.ok(await isAlone());
  t.equal(fixture.unasked, 1);
  for (const body of ['a', 'b']) {
    const { attempt } = await fixture.exchange(ok(body));
    t.equal(attempt.body, body);
    t.ok(await isAlone(), 'it is not kept');
  }
  fixture.clock.advance(61_000);
  const { attempt } = await fixture.exchange();
  await aTurn();
  t.equal(new Attempt(connections).connection, attempt.connection, 'then it is trusted again');
});

t.test('a 408 before the server closes an idle connection is no reason for distrust', async (t) => {
  await using fixture = await Fixture.open();
  const { server } = await fixture.exchange();
  server.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
  const { connections } = fixture;
  for (let turns = 0; connections.count > 0 && turns < 200; turns++) await aTurn();
  t.equal(connections.count, 0);
  t.equal(fixture.unasked, 0);
  const { attempt } = await fixture.exchange();
  await aTurn();
  t.equal(new Attempt(connections).connection, attempt.connection);
});

t.test('who logs in to the connection is its last client', async (t) => {
  await using fixture = await Fixture.open();
  const login = new Attempt(fixture.connections, true);
  const server = await fixture.accept();
  await once(server, 'data');
  server.write(ok());
  server.resume();
  t.equal(await login.ended.promise, 'answered');
  await once(server, 'end');
  t.not(new Attempt(fixture.connections).connection, login.connection);
});

t.test('a burst leaves more idle connections than are kept, for a moment', async (t) => {
  await using fixture = await Fixture.open();
  const burst = async (count: number): Promise<ServerConnection[]> => {
    const attempts = Array.from({ length: count }, () => new Attempt(fixture.connections));
    t.equal(
      (await Promise.all(attempts.map((it) => it.ended.promise))).join(),
      'answered,'.repeat(count).slice(0, -1),
    );
    await aTurn();
    return attempts.map((it) => it.connection);
  };
  fixture.answerAll();
  const first = await burst(12);
  t.equal(fixture.connections.count, 12, 'eight are to be kept');
  t.same(new Set(await burst(12)), new Set(first), 'the next burst uses them again');
  t.equal(fixture.count, 12);
  fixture.clock.advance(1000);
  await burst(9);
  fixture.clock.advance(1500);
  await aTurn();
  t.equal(fixture.connections.count, 9, 'those that nobody used for two seconds have ended');
  fixture.clock.advance(2500);
  await aTurn();
  t.equal(fixture.connections.count, 8);
  t.equal(fixture.count, 12);
});
