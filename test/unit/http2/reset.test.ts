/** A client that resets a stream while the session still sends of its answer: over real sockets, from which it does not read. */
import t from 'tap';
import type { ClientStream, RequestSink } from '../../../src/http/index.ts';
import { answer, Http2Fixture } from '../../support/h2-connection.ts';
import { block, CODE, END_HEADERS, END_STREAM, frame, REQUEST, TYPE } from '../../support/h2-frames.ts';

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
  const fixture = await Http2Fixture.start(
    (stream) => {
      stream.sink = sink;
      asked.resolve(stream);
    },
    { settings: Buffer.concat([Buffer.of(0, 4), u32(0x7fffffff)]) },
  );
  const { client, connection } = fixture;
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
  t.ok(connection.heldBytes() >= SIZE, 'the session keeps what it may still send of');
  client.socket.resume();
  await fixture[Symbol.asyncDispose]();
  t.same(calls, ['gone']);
});

t.test('whole answers of which the client took a part, and reset without an error', async (t) => {
  const PIECE = 16_000;
  const STREAMS = 60;
  const ROUNDS = 12;
  let over = 0;
  await using fixture = await Http2Fixture.start(
    (stream) => {
      answer(stream, 'x'.repeat(PIECE));
      over++;
    },
    { settings: Buffer.concat([Buffer.of(0, 4), u32(0)]) },
  );
  const { client, connection } = fixture;
  client.send(frame(TYPE.windowUpdate, 0, 0, u32(0x7fff0000 - 65_535)));
  client.socket.pause();
  const quiet = connection.heldBytes();
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let round = 0, id = 1; round < ROUNDS; round++, id += 2 * STREAMS) {
    const ids = Array.from({ length: STREAMS }, (_, i) => id + 2 * i);
    for (const each of ids) client.ask(each, REQUEST);
    const asked = (round + 1) * STREAMS;
    await until(() => over === asked);
    // All but a byte: the rest of it is never sent, and nothing of it is freed while that is on its way.
    client.send(...ids.map((each) => frame(TYPE.windowUpdate, 0, each, u32(PIECE - 1))));
    client.send(...ids.map((each) => frame(TYPE.reset, 0, each, u32(CODE.none))));
    // That of the oldest stream.
    await until(() => connection.heldSinceMs() === 0);
  }
  const kept = connection.heldBytes() - quiet;
  t.ok(kept > STREAMS * PIECE, `${kept} bytes are kept while the client reads nothing`);
  client.socket.resume();
  await client.until('the last that was given', ({ type, stream }) => type === TYPE.data && stream > 1);
  t.ok(
    client.frames.every(({ type, payload }) => type !== TYPE.data || payload.every((byte) => byte === 0x78)),
  );
});
