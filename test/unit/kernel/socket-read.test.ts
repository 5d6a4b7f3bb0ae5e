/** Reads into buffers that are used again, on real sockets: which bytes stay, and what a Node without such buffers does. */
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import t from 'tap';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import type { SocketReader } from '../../../src/kernel/socket-read.ts';
import { selfSignedPair } from '../../support/tls-fixture.ts';

const sockets = new SocketIo();

interface Got {
  readonly bytes: Buffer;
  readonly text: string;
  readonly isBorrowed: boolean;
}

/** A socket that was accepted, and what its reader handed over, in order. */
class Accepted {
  readonly got: Got[] = [];
  readonly socket: Socket;
  readonly reader: SocketReader;
  #onGot: (() => void) | undefined;

  constructor(socket: Socket, isTls: boolean, onBytes: (it: Accepted) => void = () => {}) {
    this.socket = socket;
    this.reader = sockets.reader(socket, isTls, (bytes) => {
      this.got.push({ bytes, text: bytes.toString('latin1'), isBorrowed: this.reader.isBorrowed });
      onBytes(this);
      this.#onGot?.();
    });
  }

  get text(): string {
    return this.got.map((it) => it.text).join('');
  }

  async until(length: number): Promise<void> {
    while (this.text.length < length)
      await new Promise<void>((resolve) => {
        this.#onGot = resolve;
      });
  }
}

async function withPair(
  isTls: boolean,
  use: (accepted: Socket, client: Socket) => Promise<void>,
): Promise<void> {
  const { certPem: cert, keyPem: key } = selfSignedPair('h.example');
  const server = isTls ? createTlsServer({ cert, key }) : createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client: Socket = isTls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect({ port, host: '127.0.0.1' });
  client.setNoDelay(true);
  client.on('error', () => {});
  const used = new Promise<void>((resolve, reject) => {
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket | TLSSocket) =>
      use(socket, client).then(resolve, reject),
    );
  });
  await used;
  client.destroy();
  server.close();
  await once(server, 'close');
}

for (const isTls of [false, true]) {
  const name = isTls ? 'TLS' : 'plain';

  t.test(`${name}: all read into one buffer, until one asks for its own`, async (t) => {
    await withPair(isTls, async (socket, client) => {
      const one = new Accepted(socket, isTls, (it) => {
        if (it.text === 'first') it.reader.own(1_000_000);
      });
      client.write('first');
      await one.until(5);
      client.write('second');
      await one.until(11);
      client.write('third');
      await one.until(16);
      t.same(
        one.got.map((it) => [it.text, it.isBorrowed]),
        [
          ['first', true],
          ['second', false],
          ['third', false],
        ],
      );
      const [first, second, third] = one.got as [Got, Got, Got];
      t.not(first.bytes.buffer, second.bytes.buffer);
      t.equal(second.bytes.buffer, third.bytes.buffer, 'of its own, and used again');
      t.equal(first.bytes.toString(), 'first', 'and what nobody reads into stays');
      one.reader.share();
      client.write('fourth');
      await one.until(22);
      client.write('fifth');
      await one.until(27);
      t.equal(one.got[4]?.bytes.buffer, first.bytes.buffer, 'back to the buffer of all, a read later');
      socket.destroy();
    });
  });

  t.test(`${name}: a large body arrives whole, a paused socket hands over nothing`, async (t) => {
    await withPair(isTls, async (socket, client) => {
      const size = 3 * 1024 * 1024;
      let paused = 0;
      const pieces: string[] = [];
      const one = new Accepted(socket, isTls, (it) => {
        pieces.push(it.got.at(-1)?.text ?? '');
        it.got.length = 0;
        it.reader.own(size);
        if (pieces.length % 7 !== 0) return;
        paused++;
        socket.pause();
        it.reader.keep();
        setImmediate(() => socket.resume());
      });
      const body = Buffer.alloc(size);
      for (let at = 0; at < size; at += 4) body.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at);
      client.end(body);
      await once(socket, 'end');
      t.ok(Buffer.from(pieces.join(''), 'latin1').equals(body));
      t.ok(paused > 3);
      t.equal(one.got.length, 0);
      socket.destroy();
    });
  });
}

t.test('TLS: records behind one that is still used do not overwrite it', async (t) => {
  await withPair(true, async (socket, client) => {
    const kept: Buffer[] = [];
    const one = new Accepted(socket, true, (it) => {
      kept.push(it.got.at(-1)?.bytes as Buffer);
      it.reader.own(Number.POSITIVE_INFINITY);
      it.reader.keep();
    });
    client.cork();
    for (const letter of 'abcdef') client.write(letter.repeat(20_000));
    client.uncork();
    await one.until(120_000);
    const expected = [...'abcdef'].map((letter) => letter.repeat(20_000)).join('');
    // The first lay in the buffer of all.
    t.equal(Buffer.concat(kept.slice(1)).toString(), expected.slice(kept[0]?.length));
    socket.destroy();
  });
});

t.test('bytes that came before there was a reader come first', async (t) => {
  await withPair(false, async (socket, client) => {
    client.write('early');
    await once(socket, 'readable');
    t.equal(socket.readableLength, 5);
    const one = new Accepted(socket, false);
    t.equal(one.text, '', 'not before the constructor is done');
    await one.until(5);
    client.write(' and late');
    await one.until(14);
    t.equal(one.text, 'early and late');
    socket.destroy();
  });
});

t.test('so do bytes that were put back while others read them, and then the end', async (t) => {
  await withPair(false, async (socket, client) => {
    const events: string[] = [];
    socket.on('end', () => events.push('end'));
    const handedOver = new Promise<Accepted>((resolve) =>
      socket.once('data', (chunk: Buffer) => {
        socket.pause();
        socket.unshift(chunk.subarray(7));
        const one = new Accepted(socket, false, (it) => events.push(it.text));
        resolve(one);
      }),
    );
    client.end('header early');
    const one = await handedOver;
    await one.until(5);
    if (!socket.readableEnded) await once(socket, 'end');
    t.same(events, ['early', 'end']);
    socket.destroy();
  });
});

t.test('where Node has no such buffers it reads by events', (t) => {
  const socket = Object.assign(new EventEmitter(), { readableLength: 0 });
  const one = new Accepted(socket as unknown as Socket, false);
  socket.emit('data', Buffer.from('a'));
  one.reader.own(10);
  socket.emit('data', Buffer.from('b'));
  one.reader.share();
  socket.emit('data', Buffer.from('c'));
  t.same(
    one.got.map((it) => [it.text, it.isBorrowed]),
    [
      ['a', true],
      ['b', false],
      ['c', true],
    ],
  );
  t.end();
});

t.test('an end is told after the bytes before it', async (t) => {
  await withPair(false, async (socket, client) => {
    const order: string[] = [];
    sockets.reader(socket, false, (bytes) => order.push(bytes.toString()));
    socket.on('end', () => order.push('end'));
    client.end('bye');
    await once(socket, 'end');
    t.same(order, ['bye', 'end']);
    socket.destroy();
  });
});
