/** Which connection of HTTP/2 an attempt gets, and how long one lives: real sockets, a clock that the test moves. */
import t from 'tap';
import type {
  AttemptEvents,
  AttemptFailure,
  ConnectionLimits,
  ServerChannel,
} from '../../../src/forward/index.ts';
import { ServerSessions } from '../../../src/forward-http2/index.ts';
import { SharedHead } from '../../../src/http/index.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import { PoolCells } from '../../../src/observe/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type FrameLink, FrameServer } from '../../support/h2-frame-server.ts';
import { TYPE } from '../../support/h2-frames.ts';

const LIMITS: ConnectionLimits = {
  connectTimeoutMs: 2000,
  firstByteTimeoutMs: 600_000,
  bodyTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  maxAgeMs: 3_600_000,
  maxHeadBytes: 65_536,
  maxFields: 100,
};

/** An attempt that sends as soon as it can, and what became of it. */
class Attempt implements AttemptEvents {
  readonly channel: ServerChannel;
  readonly ended = Promise.withResolvers<'answered' | AttemptFailure>();
  down: AttemptFailure | null = null;

  constructor(channel: ServerChannel) {
    this.channel = channel;
    channel.open(this);
  }

  onReady(): void {
    this.channel.send({
      method: 'GET',
      text: 'GET / HTTP/1.1\r\nHost: t.example\r\n\r\n',
      body: [],
      isChunked: false,
      isComplete: true,
      trailers: '',
      wantsUpgrade: false,
      bindsConnection: false,
      takesLargePieces: false,
      silenceMs: 0,
    });
  }
  onAnswerHead(): void {}
  onAnswerData(): void {}
  onAnswerEnd(): void {
    this.ended.resolve('answered');
  }
  onFailed(failure: AttemptFailure): void {
    this.ended.resolve(failure);
  }
  onServerDown(failure: AttemptFailure): void {
    this.down = failure;
  }
  onInterim(): void {}
  onReadDone(): void {}
  onUpgrade(): void {}
  onServerDrain(): void {}
}

class Fixture implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly server: FrameServer;
  readonly sessions: ServerSessions;
  readonly moved = { opened: 0, up: 0, down: 0 };
  readonly #deadlines = new Deadlines(this.clock);

  private constructor(server: FrameServer, changes: Partial<ConnectionLimits>, maxIdle: number) {
    this.server = server;
    const [host = '', port = ''] = server.address.split(':');
    this.sessions = new ServerSessions(
      { host, port: Number(port), path: '', tls: null },
      { ...LIMITS, ...changes },
      maxIdle,
      {
        clock: this.clock,
        deadlines: this.#deadlines,
        sockets: new SocketIo(),
        sharedHead: new SharedHead(),
      },
      {
        http2: new PoolCells(new Float64Array(64), 0),
        opened: () => this.moved.opened++,
        moved: (up, down) => {
          this.moved.up += up;
          this.moved.down += down;
        },
        spokenUnasked: () => {},
      },
    );
  }

  static async start(changes: Partial<ConnectionLimits> = {}, maxIdle = 64): Promise<Fixture> {
    return new Fixture(await FrameServer.open(), changes, maxIdle);
  }

  ask(reuse: 'any' | 'none' = 'any'): Attempt {
    return new Attempt(this.sessions.take(reuse));
  }

  /** A request that is answered on the n-th connection as its m-th. */
  async answered(link = 0, request = 0): Promise<FrameLink> {
    const attempt = this.ask();
    const at = await this.server.link(link);
    at.answer(await at.request(request), 'x');
    if ((await attempt.ended.promise) !== 'answered') throw new Error('it was not answered');
    return at;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sessions.destroy();
    for (const link of this.server.links) await link.until('its end', () => link.isClosed);
    this.#deadlines.stop();
    await this.server[Symbol.asyncDispose]();
  }
}

t.test('an idle connection is used again, and ends when its time is over', async (t) => {
  await using it = await Fixture.start();
  const link = await it.answered();
  it.clock.advance(59_000);
  t.equal(await it.answered(0, 1), link);
  t.equal(it.sessions.count, 1);
  it.clock.advance(61_000);
  await link.until('its end', () => link.isClosed);
  await it.answered(1);
  t.equal(it.moved.opened, 2);
  t.ok(it.moved.up > 50 && it.moved.down > 20, 'bytes are counted');
});

t.test('an old connection takes no more, and ends behind what it has', async (t) => {
  await using it = await Fixture.start({ maxAgeMs: 10_000 });
  const slow = it.ask();
  const link = await it.server.link();
  const stream = await link.request();
  it.clock.advance(11_000);
  await it.answered(1);
  link.answer(stream, 'late');
  t.equal(await slow.ended.promise, 'answered');
});

t.test('none is kept where none is to be kept', async (t) => {
  await using it = await Fixture.start({}, 0);
  const link = await it.answered();
  await link.until('its end', () => link.isClosed);
  t.equal(it.moved.opened, 1);
});

t.test('an attempt that must not meet a stale connection gets another one', async (t) => {
  await using it = await Fixture.start();
  await it.answered();
  it.clock.advance(5000);
  const fresh = it.ask('none');
  const link = await it.server.link(1);
  link.answer(await link.request(), 'x');
  t.equal(await fresh.ended.promise, 'answered');
});

t.test('no connection in time', async (t) => {
  await using it = await Fixture.start();
  const attempts = [it.ask(), it.ask()];
  it.clock.advance(2500);
  for (const { ended } of attempts)
    t.match(await ended.promise, { kind: 'connect_error', wasSent: false, detail: /2000 ms/ });
});

t.test(
  'a connection on which something is waited for in silence is asked once, not again and again',
  async (t) => {
    await using it = await Fixture.start();
    const attempt = it.ask();
    const link = await it.server.link();
    const stream = await link.request();
    const pings = (): number =>
      link.frames.filter(({ type, flags }) => type === TYPE.ping && flags === 0).length;
    it.clock.advance(11_000);
    await link.until('a ping', () => pings() === 1);
    link.send(Buffer.from('0000080600000000000000000000000001', 'hex'));
    await link.until('an answer to ours', () =>
      link.frames.some(({ type, flags }) => type === TYPE.ping && flags === 1),
    );
    for (let i = 0; i < 10; i++) it.clock.advance(12_000);
    link.answer(stream, 'x');
    t.equal(await attempt.ended.promise, 'answered');
    t.equal(pings(), 1);
  },
);

t.test('a server that is retired: idle connections end, others behind what they have', async (t) => {
  await using it = await Fixture.start();
  const attempt = it.ask();
  const link = await it.server.link();
  const stream = await link.request();
  it.sessions.retire();
  link.answer(stream, 'x');
  t.equal(await attempt.ended.promise, 'answered');
  await link.until('its end', () => link.isClosed);
});

t.test('a server that is down: what has no answer is told', async (t) => {
  await using it = await Fixture.start();
  const [waiting, answering] = [it.ask(), it.ask()];
  const link = await it.server.link();
  await link.request(0);
  const second = await link.request(1);
  link.head(second, [[':status', '200']]);
  link.data(second, 'part');
  it.sessions.tellServerDown('checks say so');
  t.match(waiting.down, { kind: 'reset', wasSent: true, wasReused: false, detail: 'checks say so' });
  link.data(second, 'rest', true);
  t.equal(await answering.ended.promise, 'answered');
});

t.test('all end at once', async (t) => {
  await using it = await Fixture.start();
  it.ask();
  const link = await it.server.link();
  await link.request();
  it.sessions.destroy();
  await link.until('its end', () => link.isClosed);
  t.equal(it.moved.opened, 1);
});

t.test(
  'a server that lets no stream be opened: attempts wait, in order, as long as for a connection',
  async (t) => {
    await using it = await Fixture.start({}, 0);
    const early = it.ask();
    const link = await it.server.link();
    const first = await link.request();
    await link.allow(0);
    const waiting = [it.ask(), it.ask(), it.ask()];
    link.answer(first, 'x');
    t.equal(await early.ended.promise, 'answered', 'what was open is not touched');
    for (const { down } of waiting) t.match(down, { kind: 'full', wasSent: false, wasReused: false });
    waiting[1]?.channel.cancel();
    await link.allow(2);
    link.answer(await link.request(1), 'x');
    link.answer(await link.request(2), 'x');
    t.equal(await waiting[0]?.ended.promise, 'answered');
    t.equal(await waiting[2]?.ended.promise, 'answered');
    t.equal(it.moved.opened, 1, 'no connection was opened for them');
  },
);

t.test('nobody waits longer for a stream than for a connection', async (t) => {
  await using it = await Fixture.start();
  const link = await it.answered();
  await link.allow(0);
  const waiting = it.ask();
  it.clock.advance(2500);
  t.match(await waiting.ended.promise, { kind: 'full', wasSent: false, detail: /2000 ms/ });
  t.equal(it.moved.opened, 1);
});

t.test('who waits goes on elsewhere when the connection is to end', async (t) => {
  for (const end of ['goaway', 'cut', 'other'] as const) {
    await using it = await Fixture.start();
    const link = await it.answered();
    await link.allow(0);
    const waiting = it.ask();
    if (end === 'goaway') link.goaway(1, 0);
    else if (end === 'cut') link.socket.destroy();
    else it.sessions.tellServerDown('checks say so');
    if (end === 'other') t.match(waiting.down, { kind: 'connect_error', detail: 'checks say so' });
    const next = await it.server.link(1);
    next.answer(await next.request(), 'x');
    t.equal(await waiting.ended.promise, 'answered', end);
  }
});

t.test('a server that takes fewer than are open: these go on, others get another connection', async (t) => {
  await using it = await Fixture.start();
  const open = [it.ask(), it.ask(), it.ask()];
  const link = await it.server.link();
  const streams = [await link.request(0), await link.request(1), await link.request(2)];
  await link.allow(1);
  const other = it.ask();
  const next = await it.server.link(1);
  next.answer(await next.request(), 'x');
  t.equal(await other.ended.promise, 'answered');
  for (const stream of streams) link.answer(stream, 'x');
  for (const { ended } of open) t.equal(await ended.promise, 'answered');
});
