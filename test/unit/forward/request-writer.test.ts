import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import t from 'tap';
import { RequestWriter, type ServerRequest } from '../../../src/forward/request-writer.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';

/** What a writer uses of a socket. */
function sink(): { socket: Socket; text: () => string } {
  let text = '';
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      text += typeof chunk === 'string' ? chunk : chunk.toString('latin1');
      done();
    },
  });
  return { socket: stream as unknown as Socket, text: () => text };
}

const writerTo = (socket: Socket): RequestWriter =>
  new RequestWriter(socket, new SocketIo().writer(socket, false), () => {});

const request = (changes: Partial<ServerRequest> = {}): ServerRequest => ({
  method: 'POST',
  text: 'POST / HTTP/1.1\r\n\r\n',
  body: [],
  isChunked: false,
  isComplete: true,
  trailers: '',
  wantsUpgrade: false,
  bindsConnection: false,
  takesLargePieces: false,
  silenceMs: 0,
  ...changes,
});

const systemError = (code: string, syscall: string): Error =>
  Object.assign(new Error(`${syscall} ${code}`), { code, syscall });

t.test('a request that the system refused to take was not sent', async (t) => {
  const writer = writerTo(sink().socket);
  writer.begin(request({ body: [Buffer.from('hi')] }));
  t.ok(writer.wasRefused(systemError('EPIPE', 'write')));
  t.ok(writer.wasRefused(systemError('ECONNRESET', 'write')), 'a reset that was known before the write');
  t.notOk(
    writer.wasRefused(systemError('ECONNRESET', 'read')),
    'it may have read the request before it reset',
  );
  t.notOk(writer.wasRefused(systemError('ETIMEDOUT', 'write')), 'sent, and never acknowledged');
  t.notOk(writer.wasRefused(new Error('write EPIPE')));
});

t.test('of several writes the first may have gone', async (t) => {
  const writer = writerTo(sink().socket);
  writer.begin(request({ isComplete: false }));
  writer.body(Buffer.from('more'));
  t.notOk(writer.wasRefused(systemError('EPIPE', 'write')));
  writer.begin(request());
  t.ok(
    writer.wasRefused(systemError('EPIPE', 'write')),
    'the next request on the connection is one write again',
  );
});

t.test('a part of a large one may have been taken', async (t) => {
  const writer = writerTo(sink().socket);
  writer.begin(request({ text: 'x'.repeat(5000) }));
  t.notOk(writer.wasRefused(systemError('EPIPE', 'write')));
});
