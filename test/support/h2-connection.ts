/** Connections of our HTTP/2 without a daemon: over real sockets, with requests handled by the test. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type ClientStream, HttpDate } from '../../src/http/index.ts';
import { Http2Connection } from '../../src/http2/index.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { Deadlines } from '../../src/kernel/deadlines.ts';
import { SocketIo } from '../../src/kernel/socket-io.ts';
import { FrameClient } from './h2-frames.ts';
import { WIRE_LIMITS } from './wire-fixture.ts';

export class Http2Fixture implements AsyncDisposable {
  readonly client: FrameClient;
  /** The server's side of the client. */
  readonly connection: Http2Connection;
  readonly #close: () => Promise<void>;

  private constructor(client: FrameClient, connection: Http2Connection, close: () => Promise<void>) {
    this.client = client;
    this.connection = connection;
    this.#close = close;
  }

  /** @param settings of the client, packed */
  static async start(
    onRequest: (stream: ClientStream) => void,
    { clock = systemClock, settings }: { clock?: Clock; settings?: Uint8Array } = {},
  ): Promise<Http2Fixture> {
    const deadlines = new Deadlines(clock);
    const sockets = new SocketIo();
    const onFault = (): never => {
      throw new Error('no request of this test is at fault');
    };
    const deps = {
      ...{ clock, deadlines, handler: { onRequest, onFault } },
      ...{ date: new HttpDate(clock), sockets, memory: sockets.pressure },
    };
    const accepted = Promise.withResolvers<Http2Connection>();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      const info = {
        ...{
          listener: 'web',
          peerAddress: '127.0.0.1',
          peerPort: 1,
          localAddress: '127.0.0.1',
          localPort: 2,
        },
        ...{ tlsVersion: '', isTrusted: false, memo: null },
      };
      const meter = { countHttp2: () => {}, countHttp2Refused: () => {} };
      accepted.resolve(new Http2Connection(socket, info, WIRE_LIMITS, deps, meter, () => {}));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = await FrameClient.greet((server.address() as AddressInfo).port, settings && { settings });
    return new Http2Fixture(client, await accepted.promise, async () => {
      await client[Symbol.asyncDispose]();
      deadlines.stop();
      server.close();
      await once(server, 'close');
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

/** Answers at once, with a date of its own: Node would add one. */
export function answer(stream: ClientStream, body: string, fields = ''): void {
  const contentLength = Buffer.byteLength(body);
  stream.startAnswer({
    ...{ status: 200, phrase: 'OK', fields: `Date: now\r\n${fields}`, framing: 'length', contentLength },
    ...{ hasDate: true, memo: '' },
  });
  stream.sendBody(Buffer.from(body), 0, contentLength);
  stream.endAnswer('');
}
