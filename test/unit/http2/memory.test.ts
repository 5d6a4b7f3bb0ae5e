/** Bodies while memory is short, by a clock of the test's own, over real sockets. */
import t from 'tap';
import type { ClientStream, RequestSink } from '../../../src/http/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { answer, Http2Fixture } from '../../support/h2-connection.ts';
import { END_STREAM, frame, request, TYPE } from '../../support/h2-frames.ts';

const POST = request({ ':method': 'POST' }, [['content-length', '10']]);

class Taken implements RequestSink {
  readonly stream: ClientStream;
  body = '';
  fault = '';
  isEnded = false;
  constructor(stream: ClientStream) {
    this.stream = stream;
    stream.sink = this;
  }
  onBodyData(chunk: Buffer): void {
    this.body += chunk.toString('latin1');
  }
  onBodyEnd(): void {
    this.isEnded = true;
  }
  onBodyFault({ reason }: { reason: string }): void {
    this.fault = reason;
    answer(this.stream, this.fault);
  }
  onClientGone(): void {}
  onClientDrain(): void {}
  heldBytes(): number {
    return 0;
  }
}

async function setUp() {
  const clock = new FakeClock();
  const taken: Taken[] = [];
  const fixture = await Http2Fixture.start((stream) => void taken.push(new Taken(stream)), { clock });
  const { client, connection } = fixture;
  let pings = 0;
  /** The server has read all that was sent. */
  const settled = async (): Promise<void> => {
    client.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
    pings++;
    await client.until(
      'a pong',
      () => client.frames.filter(({ type }) => type === TYPE.ping).length >= pings,
    );
  };
  return {
    ...{ clock, taken, client, connection, settled },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

t.test('the body of a new request waits; others go on', async (t) => {
  await using it = await setUp();
  it.client.ask(1, POST, 0);
  it.client.send(frame(TYPE.data, 0, 1, '12345'));
  await it.settled();
  it.connection.memory.isTight = true;
  it.client.ask(3, POST, 0);
  it.client.send(frame(TYPE.data, 0, 3, 'abcde'));
  it.client.send(frame(TYPE.data, END_STREAM, 1, '67890'));
  await it.settled();
  const [first, second] = it.taken as [Taken, Taken];
  t.match(first, { body: '1234567890', isEnded: true });
  t.equal(second.body, '', 'its head has come through');
  // What a phase that wants the body does must not wake it.
  second.stream.pauseBody(false);
  second.stream.resumeBody();
  await it.settled();
  t.equal(second.body, '');
  it.connection.memory.isTight = false;
  it.connection.relieve();
  it.client.send(frame(TYPE.data, END_STREAM, 3, 'fghij'));
  await it.settled();
  t.match(second, { body: 'abcdefghij', isEnded: true, fault: '' });
});

t.test('one that is not wanted yet when there is memory again waits on', async (t) => {
  await using it = await setUp();
  it.connection.memory.isTight = true;
  it.client.ask(1, POST, 0);
  it.client.send(frame(TYPE.data, END_STREAM, 1, '1234567890'));
  await it.settled();
  const [one] = it.taken as [Taken];
  one.stream.pauseBody(false);
  it.connection.memory.isTight = false;
  it.connection.relieve();
  await it.settled();
  t.equal(one.body, '');
  one.stream.resumeBody();
  await it.settled();
  t.match(one, { body: '1234567890', isEnded: true });
});

t.test('it waits no longer than a client may be silent', async (t) => {
  await using it = await setUp();
  it.connection.memory.isTight = true;
  it.client.ask(1, POST, 0);
  it.client.send(frame(TYPE.data, 0, 1, '12345'));
  await it.settled();
  await it.clock.run(59_000);
  t.equal(it.taken[0]?.fault, '');
  await it.clock.run(2500);
  t.equal(it.taken[0]?.fault, 'overloaded');
  it.client.send(frame(TYPE.data, END_STREAM, 1, '67890'));
  t.same(await it.client.ending(1), { kind: 'answer', status: 200 });
});

t.test('a request that is answered without its body has no need of memory', async (t) => {
  await using it = await setUp();
  it.connection.memory.isTight = true;
  it.client.ask(1, POST, 0);
  it.client.send(frame(TYPE.data, 0, 1, '12345'));
  await it.settled();
  answer((it.taken[0] as Taken).stream, 'early');
  it.client.send(frame(TYPE.data, END_STREAM, 1, '67890'));
  t.same(await it.client.ending(1), { kind: 'answer', status: 200 });
  t.equal(it.client.bodyOf(1), 'early');
});
