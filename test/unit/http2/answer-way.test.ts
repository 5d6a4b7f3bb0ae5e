/** Answers past Node's stream: the same frames as by it, and whoever does not take them, or resets. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { ClientStream } from '../../../src/http/index.ts';
import { AnswerWay, type PackedFields } from '../../../src/http2/answer-way.ts';
import { answer, Http2Fixture } from '../../support/h2-connection.ts';
import { CODE, type Frame, type FrameClient, frame, REQUEST, TYPE } from '../../support/h2-frames.ts';

const FIELDS = 'Content-Type: text/plain\r\nSet-Cookie: a=1\r\nX-Odd: caf\xe9\r\nSet-Cookie: b=2\r\n';
const NO_WINDOW = Buffer.from('000400000000', 'hex');
const u32 = (value: number): Buffer => Buffer.of(value >>> 24, value >>> 16, value >>> 8, value);

/** What came for a stream, without the number of it: dynamic tables make fields shorter from the second answer on. */
const shape = (client: FrameClient, stream: number): Omit<Frame, 'stream'>[] =>
  client.frames
    .filter((it) => it.stream === stream)
    .map(({ type, flags, payload }) => ({ type, flags, payload }));

async function ask(client: FrameClient, stream: number): Promise<void> {
  client.ask(stream, REQUEST);
  await client.until(
    'the answer',
    (it) => it.stream === stream && it.type === TYPE.data && (it.flags & 1) === 1,
  );
}

/** How often a stream of Node was told to answer. */
let responds = 0;
t.before(async () => {
  await using pair = await serve((stream) => {
    const kind = Object.getPrototypeOf(stream) as { respond: (...given: unknown[]) => void };
    const { respond } = kind;
    kind.respond = function (this: unknown, ...given): void {
      responds++;
      respond.apply(this, given);
    };
    stream.respond([':status', '200']);
    stream.end();
  });
  await get(pair.client);
  responds = 0;
});

t.test('frame for frame what the stream sends', async (t) => {
  const bytesOut: number[] = [];
  await using it = await Http2Fixture.start((stream) => {
    answer(stream, 'whole answer', FIELDS);
    bytesOut.push(stream.bytesOut);
  });
  // The first of a process goes by the stream; the second repeats it with the fields that the client knows by then.
  for (const stream of [1, 3, 5]) await ask(it.client, stream);
  const [byStream, first, second] = [1, 3, 5].map((stream) => shape(it.client, stream));
  const kinds = (frames: typeof first): number[][] => (frames ?? []).map(({ type, flags }) => [type, flags]);
  t.same(kinds(first), kinds(byStream));
  t.same(first?.at(-1)?.payload, byStream?.at(-1)?.payload);
  t.same(second, first);
  t.same(
    bytesOut,
    [0, 0, 0].map(() => bytesOut[0]),
    'they count the same',
  );
  t.equal(responds, 1, 'the others went past it');
});

/** Streams by odd numbers, up to and with the last. */
const odds = (from: number, to: number): number[] =>
  Array.from({ length: (to - from) / 2 + 1 }, (_, i) => from + 2 * i);

t.test('what waits for a window of the connection comes whole', async (t) => {
  const body = 'x'.repeat(15_000);
  await using it = await Http2Fixture.start((stream) => answer(stream, body));
  for (const stream of odds(1, 39)) it.client.ask(stream, REQUEST);
  await it.client.until('the last head', (it) => it.type === TYPE.headers && it.stream === 39);
  // A turn of the server's loop, in which it would reset what was not sent.
  it.client.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
  await it.client.until('a pong', (it) => it.type === TYPE.ping);
  it.client.send(frame(TYPE.windowUpdate, 0, 0, u32(1 << 30)));
  await it.client.until('the last end', (it) => it.stream === 39 && (it.flags & 1) === 1);
  for (const stream of odds(1, 39)) t.equal(it.client.bodyOf(stream), body);
  t.notOk(it.client.frames.some((it) => it.type === TYPE.reset));
});

t.test('what waits for the socket comes whole', async (t) => {
  const body = 'x'.repeat(15_000);
  let answered = Promise.withResolvers<void>();
  await using it = await Http2Fixture.start((stream) => {
    answer(stream, body);
    answered.resolve();
  });
  it.client.send(frame(TYPE.windowUpdate, 0, 0, u32(1 << 30)));
  await ask(it.client, 1);
  it.client.socket.pause();
  let last = 1;
  // Until the system takes no more of it, and then as many again.
  while (it.connection.heldBytes() < 20 * body.length && last < 2000) {
    last += 2;
    answered = Promise.withResolvers();
    it.client.ask(last, REQUEST);
    await answered.promise;
  }
  t.ok(last < 2000, 'the socket was full');
  it.client.socket.resume();
  await it.client.until('the last end', (it) => it.stream === last && (it.flags & 1) === 1);
  const cut = odds(1, last).filter((stream) => it.client.bodyOf(stream) !== body);
  t.same(cut, []);
  t.notOk(it.client.frames.some((it) => it.type === TYPE.reset));
});

t.test('with the same fields as by the stream, to a library', async (t) => {
  const way = new AnswerWay();
  const fields = [
    ':status',
    '200',
    'x-odd',
    'caf\xe9',
    'set-cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'date',
    'now',
  ];
  let text = '';
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}\0${fields[at + 1]}\0\0`;
  const past: boolean[] = [];
  await using pair = await serve((stream) => {
    const body = Buffer.from('body');
    past.push(way.send(stream, [text, 5], body));
    if (past.at(-1)) return;
    stream.respond([...fields]);
    stream.end(body);
  });
  const got = [await get(pair.client), await get(pair.client), await get(pair.client)];
  t.same(past, [false, true, true], 'this Node has the inner form that is known');
  t.match(got[0], { ':status': 200, 'x-odd': 'caf\xe9', 'set-cookie': ['a=1', 'b=2'], body: 'body' });
  t.same(got[1], got[0]);
  t.same(got[2], got[0]);
});

for (const [what, change] of [
  ['no handle by that name', (stream: ServerHttp2Stream) => rename(stream, 'kHandle')],
  ['no state by that name', (stream: ServerHttp2Stream) => rename(stream, 'state')],
  ['fields in another form', () => ['other\0form\0', 7] as const],
] as const) {
  t.test(`another Node: ${what}`, async (t) => {
    const way = new AnswerWay();
    const past: boolean[] = [];
    await using pair = await serve((stream) => {
      const fields = change(stream) ?? ([':status\x00200\0\0', 1] as const);
      past.push(way.send(stream, fields as PackedFields, Buffer.from('body')));
      restore(stream);
      stream.respond([':status', '200'], { sendDate: false } as never);
      stream.end('body');
    });
    for (let i = 0; i < 3; i++) t.match(await get(pair.client), { ':status': 200, body: 'body' });
    t.same(past, [false, false, false]);
  });
}

t.test('a client without a window: what waits counts, a reset ends it', async (t) => {
  const streams: ClientStream[] = [];
  const body = 'x'.repeat(4000);
  await using it = await Http2Fixture.start(
    (stream) => {
      streams.push(stream);
      answer(stream, body);
    },
    { settings: NO_WINDOW },
  );
  const quiet = it.connection.heldBytes();
  for (let stream = 1; stream < 40; stream += 2) it.client.ask(stream, REQUEST);
  await it.client.until('the last head', (it) => it.type === TYPE.headers && it.stream === 39);
  t.equal(it.connection.heldBytes() - quiet, 20 * body.length);
  // A part of one is taken, all of another, the rest is not wanted.
  it.client.send(frame(TYPE.windowUpdate, 0, 1, u32(1000)), frame(TYPE.windowUpdate, 0, 3, u32(body.length)));
  await it.client.until('all of the second', ({ stream, type, flags }) =>
    stream === 3 && type === TYPE.data ? (flags & 1) === 1 : false,
  );
  t.equal(it.client.bodyOf(3), body);
  t.equal(it.client.bodyOf(1), body.slice(0, 1000));
  for (let stream = 1; stream < 40; stream += 2)
    if (stream !== 3) it.client.send(frame(TYPE.reset, 0, stream, u32(CODE.cancel)));
  it.client.ask(41, REQUEST);
  it.client.send(frame(TYPE.windowUpdate, 0, 41, u32(body.length)));
  await it.client.until('one that comes later', ({ stream, flags }) => stream === 41 && (flags & 1) === 1);
  t.equal(it.client.bodyOf(41), body);
  t.equal(streams.length, 21);
});

// ---- Node's own server, with its streams as they are

async function serve(onStream: (stream: ServerHttp2Stream) => void) {
  const server = createServer();
  server.on('stream', onStream);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      client.close();
      server.close();
      await once(server, 'close');
    },
  };
}

async function get(client: ClientHttp2Session): Promise<Record<string, unknown>> {
  const stream = client.request({ ':path': '/' });
  const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
  let body = '';
  for await (const chunk of stream) body += chunk;
  return { ...fields, date: 'now', body };
}

/** Takes what a stream keeps by a symbol away, until `restore`. */
const taken = new WeakMap<ServerHttp2Stream, { symbol: symbol; value: unknown }>();
function rename(stream: ServerHttp2Stream, description: string): undefined {
  const symbol = Object.getOwnPropertySymbols(stream).find((it) => it.description === description) as symbol;
  const inner = stream as unknown as Record<symbol, unknown>;
  taken.set(stream, { symbol, value: inner[symbol] });
  delete inner[symbol];
}
function restore(stream: ServerHttp2Stream): void {
  const kept = taken.get(stream);
  if (kept) (stream as unknown as Record<symbol, unknown>)[kept.symbol] = kept.value;
}
