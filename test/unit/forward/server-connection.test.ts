/** How long a server may take, in every state of an exchange: real sockets, a clock that the test moves. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import {
  type AttemptEvents,
  type AttemptFailure,
  type ConnectionLimits,
  ServerConnection,
} from '../../../src/forward/index.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const LIMITS: ConnectionLimits = {
  connectTimeoutMs: 2000,
  firstByteTimeoutMs: 30_000,
  bodyTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  maxAgeMs: 3_600_000,
  maxHeadBytes: 65_536,
  maxFields: 100,
};
const HEAD = 'POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 1000000000\r\n\r\n';

/** One attempt that has sent a head, or a whole request, to a server that the test plays. */
class Attempt implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly deadlines = new Deadlines(this.clock);
  readonly events: string[] = [];
  failure: AttemptFailure | undefined;
  connection!: ServerConnection;
  server!: Socket;
  #told: (() => void) | undefined;

  static async begin(isComplete: boolean): Promise<Attempt> {
    const attempt = new Attempt();
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const target = { host: '127.0.0.1', port, path: '', tls: null };
    const { clock, deadlines } = attempt;
    const accepted = once(server, 'connection');
    const connection = new ServerConnection(
      target,
      LIMITS,
      { clock, deadlines, sockets: new SocketIo() },
      () => {},
      () => {},
    );
    attempt.connection = connection;
    connection.open(attempt.#listener());
    attempt.server = (await accepted)[0] as Socket;
    server.close();
    attempt.server.on('error', () => {});
    await attempt.until('ready');
    connection.send({
      method: 'POST',
      text: isComplete ? 'GET / HTTP/1.1\r\n\r\n' : HEAD,
      body: [],
      isChunked: false,
      isComplete,
      trailers: '',
      wantsUpgrade: false,
      bindsConnection: false,
      takesLargePieces: false,
      silenceMs: 0,
    });
    return attempt;
  }

  #listener(): AttemptEvents {
    const note = (what: string): void => {
      this.events.push(what);
      this.#told?.();
    };
    return {
      onReady: () => note('ready'),
      onInterim: (head) => note(`interim ${head.status}`),
      onAnswerHead: (head) => note(`head ${head.status}`),
      onAnswerData: () => note('data'),
      onAnswerEnd: () => note('end'),
      onReadDone: () => note('read'),
      onUpgrade: () => note('upgrade'),
      onFailed: (failure) => {
        this.failure = failure;
        note('failed');
      },
      onServerDown: () => note('down'),
      onServerDrain: () => note('drain'),
    };
  }

  async until(what: string): Promise<void> {
    while (!this.events.includes(what)) {
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
  }

  /** Sends from the server and waits until `what` is heard of it. */
  async say(text: string, what: string): Promise<void> {
    this.events.length = 0;
    this.server.write(text);
    await this.until(what);
  }

  /** Fills the buffers on the way to a server that does not read. */
  fill(): void {
    this.server.pause();
    while (this.connection.writeBody(Buffer.alloc(65_536)));
  }

  /** Lets time pass; the kind of failure it brought, if any. */
  after(ms: number): string | undefined {
    this.clock.advance(ms);
    return this.failure?.kind;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.cancel();
    this.server.destroy();
    this.deadlines.stop();
  }
}

t.test('a server that keeps silent has first_byte_timeout', async (t) => {
  await using attempt = await Attempt.begin(true);
  t.equal(attempt.after(29_000), undefined);
  t.equal(attempt.after(2000), 'timeout');
  t.equal(attempt.failure?.hadAnswer, false);
});

t.test('an upload may take its time, also after a 100', async (t) => {
  await using attempt = await Attempt.begin(false);
  await attempt.say('HTTP/1.1 100 Continue\r\n\r\n', 'interim 100');
  t.equal(attempt.after(600_000), undefined, 'the client is slow, not the server');
  attempt.connection.endBody('');
  t.equal(attempt.after(29_000), undefined);
  t.equal(attempt.after(2000), 'timeout', 'the time of the server begins with the end of the request');
});

t.test('each interim answer begins the time anew, single bytes of a head do not', async (t) => {
  await using attempt = await Attempt.begin(true);
  for (let i = 0; i < 3; i++) {
    t.equal(attempt.after(29_000), undefined);
    await attempt.say('HTTP/1.1 103 Early Hints\r\n\r\n', 'interim 103');
  }
  for (const piece of ['HTTP', '/1.1', ' 200']) {
    t.equal(attempt.after(9000), undefined);
    await attempt.say(piece, 'read');
  }
  t.equal(attempt.after(4000), 'timeout');
});

t.test('a server that reads no more has first_byte_timeout, whatever interim answers it sends', async (t) => {
  await using attempt = await Attempt.begin(false);
  attempt.fill();
  t.equal(attempt.after(29_000), undefined);
  await attempt.say('HTTP/1.1 103 Early Hints\r\n\r\n', 'interim 103');
  t.equal(attempt.after(29_000), undefined);
  t.equal(attempt.after(2000), 'timeout');
});

t.test('within its answer a server may keep silent as long as it reads', async (t) => {
  await using attempt = await Attempt.begin(false);
  attempt.server.resume();
  await attempt.say('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', 'read');
  for (let i = 0; i < 5; i++) {
    t.equal(attempt.after(50_000), undefined);
    attempt.connection.writeBody(Buffer.alloc(10));
  }
  t.equal(attempt.after(61_000), 'timeout');
  t.equal(attempt.failure?.hadAnswer, true);
});

t.test('while the client holds the read buffer the server is not to blame', async (t) => {
  await using attempt = await Attempt.begin(true);
  await attempt.say('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 'read');
  attempt.connection.pause();
  t.equal(attempt.after(600_000), undefined);
  attempt.connection.resume();
  t.equal(attempt.after(59_000), undefined);
  t.equal(attempt.after(2000), 'timeout');
});
