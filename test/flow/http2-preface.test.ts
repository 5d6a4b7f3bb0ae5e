/** A plain listener that takes HTTP/2 from clients that begin with it, beside HTTP/1.1; and one that does not. */
import t from 'tap';
import {
  block,
  END_HEADERS,
  END_STREAM,
  FrameClient,
  frame,
  PREFACE,
  request,
  TYPE,
} from '../support/h2-frames.ts';
import { fieldOf, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('byte by byte, HTTP/2 and HTTP/1.1', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true } });
  proxied.server.answerAll((message) => ok(message.start));
  const drip = async (socket: import('node:net').Socket, bytes: Buffer): Promise<void> => {
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await using client = await FrameClient.open(proxied.daemon.port());
  client.socket.setNoDelay(true);
  await drip(client.socket, Buffer.concat([Buffer.from(PREFACE, 'latin1'), frame(TYPE.settings, 0, 0)]));
  client.ask(1, request());
  t.same(await client.ending(1), { kind: 'answer', status: 200 });
  const old = await proxied.client();
  await drip(old.socket, Buffer.from('PUT /x HTTP/1.1\r\nHost: t.example\r\nContent-Length: 2\r\n\r\nok'));
  t.equal((await old.answer()).body, 'PUT /x HTTP/1.1');
  t.equal((await old.ask('GET /again HTTP/1.1\r\nHost: t.example\r\n\r\n')).body, 'GET /again HTTP/1.1');
});

t.test('behind a PROXY header, in one piece and in several', async (t) => {
  await using proxied = await Proxied.start({
    listener: { h2c: true, proxy_protocol: 'required', trusted_proxies: ['127.0.0.1'] },
  });
  proxied.server.answerAll((message) => ok(fieldOf(message, 'x-real-ip')));
  const header = Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.8 4711 80\r\n', 'latin1');
  const greeting = [Buffer.from(PREFACE, 'latin1'), frame(TYPE.settings, 0, 0)];
  const get = frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block(request()));
  for (const pieces of [[Buffer.concat([header, ...greeting, get])], [header, ...greeting, get]]) {
    await using client = await FrameClient.open(proxied.daemon.port());
    client.socket.setNoDelay(true);
    for (const piece of pieces) {
      client.send(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    t.same(await client.ending(1), { kind: 'answer', status: 200 });
    t.equal(client.bodyOf(1), '192.0.2.7');
  }
  const old = await proxied.client();
  old.write(Buffer.concat([header, Buffer.from('GET / HTTP/1.1\r\nHost: t.example\r\n\r\n')]));
  t.equal((await old.answer()).body, '192.0.2.7');
  t.equal((await old.ask('GET / HTTP/1.1\r\nHost: t.example\r\n\r\n')).body, '192.0.2.7');
});

t.test('a client that says nothing is closed in time, and one that leaves is forgotten', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true, limits: { header_timeout: '50ms' } } });
  const silent = await proxied.client();
  await silent.ended();
  const half = await proxied.client();
  half.write('PRI * HTTP/2.0\r\n');
  await half.ended();
  const leaver = await proxied.client();
  leaver.write('PRI');
  leaver.end();
  await leaver.ended();
  await proxied.daemon.idle();
  t.pass('no connection is left');
});

t.test('a listener without h2c speaks HTTP/1.1 only', async (t) => {
  await using proxied = await Proxied.start();
  const client = await proxied.client();
  client.write(PREFACE);
  t.equal((await client.answer()).status, 505);
});

t.test('a client that never takes our settings is let go', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true, limits: { header_timeout: '300ms' } } });
  proxied.server.answerAll(() => ok());
  await using client = await FrameClient.open(proxied.daemon.port());
  client.send(Buffer.from(PREFACE, 'latin1'), frame(TYPE.settings, 0, 0));
  client.ask(1, request());
  t.same(await client.ending(1), { kind: 'answer', status: 200 });
  const goaway = await client.until('GOAWAY', (it) => it.type === TYPE.goaway);
  t.equal(goaway.payload.readUInt32BE(4), 4, 'SETTINGS_TIMEOUT');
  await client.closed();
});

t.test('an idle connection is told to go', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true, limits: { idle_timeout: '200ms' } } });
  proxied.server.answerAll(() => ok());
  await using client = await FrameClient.greet(proxied.daemon.port());
  client.ask(1, request());
  t.same(await client.ending(1), { kind: 'answer', status: 200 });
  const goaway = await client.until('GOAWAY', (it) => it.type === TYPE.goaway);
  t.equal(goaway.payload.readUInt32BE(4), 0, 'NO_ERROR');
  t.equal(goaway.payload.readUInt32BE(0), 1, 'the last request that was answered');
  await client.closed();
});
