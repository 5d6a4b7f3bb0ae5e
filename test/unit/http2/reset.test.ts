/** A client that resets a stream while the session still sends of its answer: over real sockets, from which it does not read. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { type ClientStream, HttpDate, type RequestSink } from '../../../src/http/index.ts';
import { Http2Connection } from '../../../src/http2/index.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import {
  block,
  CODE,
  END_HEADERS,
  END_STREAM,
  FrameClient,
  frame,
  REQUEST,
  TYPE,
} from '../../support/h2-frames.ts';
import { WIRE_LIMITS } from '../../support/wire-fixture.ts';

const SIZE = 16 * 1024 * 1024;
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

t.test('what the phases lent for a stream that was reset is not given back to them as taken', async (t) => {
  const calls: string[] = [];
  const over = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<ClientStream>();
  const sink: RequestSink = {
    onBodyData: () => {},
    onBodyEnd: () => {},
    onBodyFault: ({ reason }) => void calls.push(reason),
    onClientGone: () => {
      calls.push('gone');
      over.resolve();
    },
    onClientDrain: () => void calls.push('drain'),
    heldBytes: () => 0,
  };
  const deadlines = new Deadlines(systemClock);
  const sockets = new SocketIo();
  const held: Http2Connection[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    const client = {
      ...{ listener: 'web', peerAddress: '127.0.0.1', peerPort: 1, localAddress: '127.0.0.1', localPort: 2 },
      ...{ tlsVersion: '', isTrusted: false, memo: null },
    };
    const handler = {
      onRequest: (stream: ClientStream): void => {
        stream.sink = sink;
        asked.resolve(stream);
      },
      onFault: (): never => {
        throw new Error('no request of this test is at fault');
      },
    };
    const deps = {
      clock: systemClock,
      deadlines,
      handler,
      date: new HttpDate(systemClock),
      sockets,
      memory: sockets.pressure,
    };
    held.push(
      new Http2Connection(socket, client, WIRE_LIMITS, deps, { countHttp2: () => {} } as never, () => {}),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = await FrameClient.greet((server.address() as AddressInfo).port, {
    settings: Buffer.concat([Buffer.of(0, 4), u32(0x7fffffff)]),
  });
  client.send(frame(TYPE.windowUpdate, 0, 0, u32(0x7fff0000 - 65_535)));
  client.send(frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block(REQUEST)));
  const stream = await asked.promise;
  client.socket.pause();
  stream.startAnswer({
    status: 200,
    phrase: 'OK',
    fields: '',
    framing: 'chunked',
    contentLength: -1,
    hasDate: true,
    memo: '',
  });
  t.equal(stream.sendBody(Buffer.alloc(SIZE, 'x'), 0, SIZE), false, 'it is used from here on');
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  client.send(frame(TYPE.reset, 0, 1, u32(CODE.cancel)));
  await over.promise;
  t.same(calls, ['gone']);
  t.ok((held[0]?.heldBytes() ?? 0) >= SIZE, 'the session keeps what it may still send of');
  client.socket.resume();
  await client[Symbol.asyncDispose]();
  deadlines.stop();
  server.close();
  await once(server, 'close');
  t.same(calls, ['gone']);
});
