/** Writes past the stream, on real sockets: what the system takes at once, what it takes in parts, and what it refuses. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import t from 'tap';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import { authorityFor, materialFor } from '../../support/tls-fixture.ts';

const MIB = 1024 * 1024;
const sockets = new SocketIo();

interface Pair extends AsyncDisposable {
  /** The one that is written to, and who reads. */
  readonly ours: Socket;
  readonly theirs: Socket;
}

async function pair(): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const theirs = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  theirs.pause();
  const [ours] = (await once(server, 'connection')) as [Socket];
  if (theirs.connecting) await once(theirs, 'connect');
  return {
    ours,
    theirs,
    async [Symbol.asyncDispose]() {
      ours.destroy();
      theirs.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Counts what reaches the stream. */
function watchStream(socket: Socket): { writes: number } {
  const seen = { writes: 0 };
  const write = socket.write.bind(socket);
  Object.assign(socket, {
    write: (...args: Parameters<typeof write>) => {
      seen.writes++;
      return write(...args);
    },
  });
  return seen;
}

t.test('what the system takes at once does not pass the stream', async (t) => {
  await using both = await pair();
  const writer = sockets.writer(both.ours, false);
  // The first write of a process shows how this Node calls its handle; it goes through the stream.
  writer.write('first ');
  const seen = watchStream(both.ours);
  writer.write('text \xe9 ');
  t.ok(writer.writeBorrowed(Buffer.from('bytes'), () => t.fail('nothing was queued')));
  t.equal(seen.writes, 0, 'this Node has the form that is relied on');
  t.ok(writer.isIdle);
  t.equal(both.ours.bytesWritten, 18, 'the system counts them');
  both.ours.end();
  t.equal((await readAll(both.theirs)).toString('latin1'), 'first text \xe9 bytes');
});

t.test('a thread whose first writes are bytes learns from them', async (t) => {
  await using both = await pair();
  const writer = new SocketIo().writer(both.ours, false);
  const handleOf = (socket: Socket): object => (socket as unknown as { _handle: object })._handle;
  const methods = (): unknown[] => Object.values(Object.getOwnPropertyDescriptors(handleOf(both.ours)));
  writer.writeBorrowed(Buffer.from('a'), () => {});
  const seen = watchStream(both.ours);
  const before = methods().length;
  for (let i = 0; i < 100; i++) writer.writeBorrowed(Buffer.from('b'), () => {});
  writer.write('c');
  t.equal(seen.writes, 0);
  t.equal(methods().length, before, 'nothing is laid over what is there');
  both.ours.end();
  t.equal((await readAll(both.theirs)).toString(), `a${'b'.repeat(100)}c`);
});

t.test('what it takes in parts is queued, in order, and told of when it is gone', async (t) => {
  await using both = await pair();
  const writer = sockets.writer(both.ours, false);
  const seen = watchStream(both.ours);
  const block = Buffer.alloc(MIB);
  const expected: Buffer[] = [];
  let blocks = 0;
  for (; writer.isIdle && blocks < 64; blocks++) {
    block.fill(blocks);
    expected.push(Buffer.from(block));
    writer.writeBorrowed(block, () => {});
  }
  t.ok(blocks < 64, `full after ${blocks} MiB`);
  t.ok(seen.writes <= 1, 'the stream learned of the last one only');
  t.ok(both.ours.writableNeedDrain);
  t.ok(both.ours.writableLength > 0);
  const gone = new Promise<void>((resolve) => {
    writer.write('after', () => resolve());
  });
  both.ours.end('end');
  const all = readAll(both.theirs);
  await gone;
  // Its bytes are not needed any more.
  block.fill(255);
  t.ok((await all).equals(Buffer.concat([...expected, Buffer.from('afterend')])), 'byte for byte');
  t.equal(both.ours.writableLength, 0);
});

t.test('after a queue has gone, writes are direct again', async (t) => {
  await using both = await pair();
  const writer = sockets.writer(both.ours, false);
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    while (writer.isIdle) {
      writer.write('x'.repeat(MIB));
      sent += MIB;
    }
    const drained = once(both.ours, 'drain');
    let read = 0;
    both.theirs.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    both.theirs.resume();
    await drained;
    both.theirs.pause();
    both.theirs.removeAllListeners('data');
    sent -= read;
    t.ok(writer.isIdle, `round ${round}`);
  }
  const seen = watchStream(both.ours);
  writer.write('y');
  t.equal(seen.writes, 0);
  both.ours.end();
  t.equal((await readAll(both.theirs)).length, sent + 1);
});

t.test('corked, ended and destroyed sockets are left to their stream', async (t) => {
  await using both = await pair();
  const writer = sockets.writer(both.ours, false);
  both.ours.cork();
  writer.write('a');
  t.equal(both.ours.writableLength, 1, 'held by the cork');
  writer.write('b');
  both.ours.uncork();
  both.ours.end();
  const failed = once(both.ours, 'error') as Promise<[NodeJS.ErrnoException]>;
  writer.write('c');
  t.equal((await failed)[0].code, 'ERR_STREAM_WRITE_AFTER_END');
  writer.write('d');
  t.equal((await readAll(both.theirs)).toString(), 'ab');
});

t.test('a write to a connection that was reset fails as any other', async (t) => {
  await using both = await pair();
  const writer = sockets.writer(both.ours, false);
  both.theirs.resetAndDestroy();
  await once(both.theirs, 'close');
  // Nobody reads ours (it was paused when it came), so that the write is the first to meet the reset.
  const failed = once(both.ours, 'error') as Promise<[NodeJS.ErrnoException]>;
  writer.write('text');
  const [error] = await failed;
  t.equal(error.syscall, 'write');
  t.match(error.code, /^(EPIPE|ECONNRESET)$/);
  t.ok(both.ours.destroyed);
});

t.test('a connection that dies with a queue says so', async (t) => {
  await using both = await pair();
  const writer = sockets.writer(both.ours, false);
  while (writer.isIdle) writer.write('x'.repeat(MIB));
  const failed = once(both.ours, 'error') as Promise<[NodeJS.ErrnoException]>;
  const told = new Promise<unknown>((resolve) => both.ours.write('more', resolve));
  both.theirs.resetAndDestroy();
  const [error] = await failed;
  t.equal(error.syscall, 'write');
  t.match(error.code, /^(EPIPE|ECONNRESET)$/);
  t.type(error.errno, 'number');
  t.ok(await told, 'what was queued behind it too');
});

t.test('destroying a socket with a queue is quiet', async (t) => {
  await using both = await pair();
  const writer = sockets.writer(both.ours, false);
  while (writer.isIdle) writer.write('x'.repeat(MIB));
  both.ours.on('error', (error) => t.fail(error.message));
  both.ours.destroy();
  await once(both.ours, 'close');
  t.ok(both.ours.destroyed);
});

t.test('over TLS, and before the connection is there, the stream does it', async (t) => {
  await using both = await pair();
  const secured = sockets.writer(both.ours, true);
  const seen = watchStream(both.ours);
  secured.write('a');
  t.equal(seen.writes, 1);

  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const early = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  sockets.writer(early, false).write('early');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  early.end();
  t.equal((await readAll(accepted)).toString(), 'early');
  accepted.destroy();
  server.close();
});

t.test(
  'what is put off leaves at the end of the turn, as one, before what is written after it',
  async (t) => {
    await using both = await pair();
    const io = new SocketIo();
    const writer = io.writer(both.ours, false);
    writer.write('first ');
    const { bytesWritten } = both.ours;
    writer.putOff('a');
    writer.putOff('b ');
    t.ok(writer.hasPutOff);
    t.equal(both.ours.bytesWritten, bytesWritten, 'not yet');
    await new Promise((resolve) => setImmediate(resolve));
    t.notOk(writer.hasPutOff);
    t.equal(both.ours.bytesWritten, bytesWritten + 3);
    writer.putOff('c ');
    writer.write('d ');
    t.notOk(writer.hasPutOff, 'order is kept');
    writer.putOff('e ');
    t.ok(writer.writeBorrowed(Buffer.from('f '), () => {}));
    writer.putOff('g');
    writer.flush();
    both.ours.end();
    t.equal((await readAll(both.theirs)).toString(), 'first ab c d e f g');
  },
);

t.test('what many put off in one turn is written in the order in which they began', async (t) => {
  await using one = await pair();
  await using other = await pair();
  const io = new SocketIo();
  const [first, second] = [io.writer(one.ours, false), io.writer(other.ours, false)];
  first.write('.');
  second.write('.');
  const order: string[] = [];
  for (const [name, socket] of [
    ['one', one.ours],
    ['other', other.ours],
  ] as const) {
    const handle = (
      socket as unknown as { _handle: { writeLatin1String: (r: null, text: string) => number } }
    )._handle;
    const write = handle.writeLatin1String.bind(handle);
    handle.writeLatin1String = (request, text) => {
      order.push(`${name} ${text}`);
      return write(request, text);
    };
  }
  second.putOff('x');
  first.putOff('y');
  second.putOff('z');
  setImmediate(() => first.putOff('later'));
  await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));
  t.same(order, ['other xz', 'one y', 'one later']);
});

t.test('nothing large, and nothing behind a queue, is put off', async (t) => {
  await using both = await pair();
  const writer = new SocketIo().writer(both.ours, false);
  writer.putOff('a');
  writer.putOff('b'.repeat(20_000));
  t.notOk(writer.hasPutOff);
  t.equal(both.ours.bytesWritten, 20_001);
  both.ours.cork();
  writer.putOff('c');
  t.notOk(writer.hasPutOff);
  both.ours.uncork();
  both.ours.end();
  t.equal((await readAll(both.theirs)).toString(), `a${'b'.repeat(20_000)}c`);
});

t.test('what was put off for a socket that is destroyed in the same turn is dropped', async (t) => {
  await using both = await pair();
  const writer = new SocketIo().writer(both.ours, false);
  writer.putOff('never seen');
  both.ours.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(writer.hasPutOff);
  t.equal((await readAll(both.theirs)).toString(), '');
});

t.test('closing comes behind what was put off, and behind a queue', async (t) => {
  await using both = await pair();
  const writer = new SocketIo().writer(both.ours, false);
  writer.putOff('last words');
  writer.close();
  t.notOk(both.ours.destroyed);
  t.equal((await readAll(both.theirs)).toString(), 'last words');
  t.ok(both.ours.destroyed);

  await using full = await pair();
  const slow = new SocketIo().writer(full.ours, false);
  let sent = 0;
  for (; slow.isIdle; sent += MIB) slow.write('x'.repeat(MIB));
  slow.close();
  t.notOk(full.ours.destroyed);
  t.equal((await readAll(full.theirs)).length, sent);
});

t.test('TLS has enciphered what it was lent when its write returns', async (t) => {
  const authority = authorityFor();
  const { certPem, keyPem } = materialFor(authority, 'local', ['local.test']);
  const server = createTlsServer({ cert: certPem, key: keyPem, noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const theirs = connectTls({ port, host: '127.0.0.1', ca: authority.certPem, servername: 'local.test' });
  const [ours] = (await once(server, 'secureConnection')) as [TLSSocket];
  const writer = new SocketIo().writer(ours, true);
  const lent = Buffer.alloc(64 * 1024);
  const sent: Buffer[] = [];
  let freeAtOnce = 0;
  for (let round = 0; round < 50; round++) {
    lent.fill(round);
    sent.push(Buffer.from(lent));
    const drained = Promise.withResolvers<void>();
    if (writer.writeBorrowed(lent, () => drained.resolve())) {
      freeAtOnce++;
      lent.fill(255);
    }
    await drained.promise;
  }
  ours.end();
  t.ok((await readAll(theirs)).equals(Buffer.concat(sent)), 'byte for byte');
  t.ok(freeAtOnce > 0, `${freeAtOnce} of 50`);

  const next = once(server, 'secureConnection');
  const deaf = connectTls({ port, host: '127.0.0.1', ca: authority.certPem, servername: 'local.test' });
  const [full] = (await next) as [TLSSocket];
  deaf.pause();
  const stuck = new SocketIo().writer(full, true);
  let writes = 0;
  while (stuck.writeBorrowed(lent, () => {}) && writes < 1000) {
    writes++;
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
  t.ok(writes < 1000, `the sender is told to wait, after ${writes} writes`);
  deaf.destroy();
  full.destroy();
  server.close();
});
