/** An answer that is given before its request has ended, by a clock of the test's own, over real sockets. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { type ClientStream, HttpDate } from '../../../src/http/index.ts';
import { Http2Connection } from '../../../src/http2/index.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  CODE,
  codeOf,
  END_STREAM,
  type Field,
  type Frame,
  FrameClient,
  frame,
  request,
  TYPE,
} from '../../support/h2-frames.ts';
import { WIRE_LIMITS } from '../../support/wire-fixture.ts';

async function setUp() {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const sockets = new SocketIo();
  const onRequest = (stream: ClientStream): void => {
    stream.startAnswer({
      ...{ status: 200, phrase: 'OK', fields: '', framing: 'length', contentLength: 5 },
      ...{ hasDate: true, memo: '' },
    });
    stream.sendBody(Buffer.from('early'), 0, 5);
    stream.endAnswer('');
  };
  const onFault = (): never => {
    throw new Error('no request of this test is at fault');
  };
  const deps = {
    ...{ clock, deadlines, handler: { onRequest, onFault } },
    ...{ date: new HttpDate(clock), sockets, memory: sockets.pressure },
  };
  const server = createServer((socket) => {
    const client = {
      ...{ listener: 'web', peerAddress: '127.0.0.1', peerPort: 1, localAddress: '127.0.0.1', localPort: 2 },
      ...{ tlsVersion: '', isTrusted: false, memo: null },
    };
    new Http2Connection(socket, client, WIRE_LIMITS, deps, { countHttp2: () => {} } as never, () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = await FrameClient.greet((server.address() as AddressInfo).port);
  return {
    clock,
    client,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      deadlines.stop();
      server.close();
      await once(server, 'close');
    },
  };
}

const post = (length: number, ...fields: Field[]): Field[] =>
  request({ ':method': 'POST' }, [['content-length', `${length}`], ...fields]);
const isEnd = (it: Frame): boolean => it.type <= TYPE.headers && (it.flags & END_STREAM) !== 0;
const isReset = (it: Frame): boolean => it.type === TYPE.reset;

t.test('a small request: the answer comes at once, its end behind that of the request', async (t) => {
  await using it = await setUp();
  it.client.ask(1, post(4), 0);
  await it.client.until('the answer', () => it.client.bodyOf(1) === 'early');
  // What is asked later is answered later.
  it.client.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
  await it.client.until('a pong', ({ type }) => type === TYPE.ping);
  t.equal(it.client.frames.some(isEnd), false);
  it.client.send(frame(TYPE.data, END_STREAM, 1, 'body'));
  await it.client.until('its end', isEnd);
  t.equal(it.client.frames.some(isReset), false);
});

t.test('a small request that does not end: it is cut short after a while', async (t) => {
  await using it = await setUp();
  it.client.ask(1, post(4), 0);
  await it.client.until('the answer', () => it.client.bodyOf(1) === 'early');
  t.equal(it.client.frames.some(isEnd), false);
  await it.clock.run(2000);
  const reset = await it.client.until('a reset', isReset);
  t.equal(codeOf(reset), CODE.none);
  t.same(await it.client.ending(1), { kind: 'answer', status: 200 });
});

for (const [what, fields] of [
  ['more than its window', post(65_536)],
  ['of a length that nobody knows', request({ ':method': 'POST' })],
  ['that waits for a 100', post(4, ['expect', '100-continue'])],
] as const) {
  t.test(`a request ${what} is cut short at once`, async (t) => {
    await using it = await setUp();
    it.client.ask(1, fields, 0);
    t.equal(codeOf(await it.client.until('a reset', isReset)), CODE.none);
    t.same(await it.client.ending(1), { kind: 'answer', status: 200 });
    t.equal(it.client.bodyOf(1), 'early');
  });
}
