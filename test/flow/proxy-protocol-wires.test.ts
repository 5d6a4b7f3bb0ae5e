/** Whatever speaks HTTP on a listener finds the bytes behind a PROXY header as if nothing had stood before them. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectPlain, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { fieldOf, get, ok, Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';
import { v1, v2WithChecksum } from '../support/proxy-header.ts';
import { ProxyRelay } from '../support/proxy-relay.ts';

type Listener = Partial<NonNullable<FileInput['listeners']>[string]>;

interface Way {
  readonly name: string;
  readonly listener: Listener;
  readonly isTls: boolean;
  readonly isHttp2: boolean;
}

const WAYS: readonly Way[] = [
  { name: 'raw', listener: {}, isTls: false, isHttp2: false },
  { name: 'engine: node', listener: { engine: 'node' }, isTls: false, isHttp2: false },
  { name: 'h2c listener, HTTP/1.1', listener: { h2c: true }, isTls: false, isHttp2: false },
  { name: 'h2c listener, HTTP/2', listener: { h2c: true }, isTls: false, isHttp2: true },
  { name: 'raw over TLS', listener: {}, isTls: true, isHttp2: false },
  { name: 'engine: node over TLS', listener: { engine: 'node' }, isTls: true, isHttp2: false },
  { name: 'HTTP/2 over TLS', listener: {}, isTls: true, isHttp2: true },
];

async function start(way: Way, more: Listener = {}): Promise<Proxied> {
  const tls: Listener = way.isTls ? { tls: { certificates: ['local'] } } : {};
  const proxied = await Proxied.start({
    listener: { ...way.listener, ...tls, ...more },
    file: { certificates: { local: { self_signed: ['localhost'] } } },
  });
  proxied.server.answerAll((request) => ok(fieldOf(request, 'x-forwarded-for') ?? 'unknown'));
  return proxied;
}

/** What a server is told of the client of this connection, asked twice. */
async function told(way: Way, socket: Socket): Promise<string[]> {
  const top = way.isTls
    ? connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: [way.isHttp2 ? 'h2' : 'http/1.1'] })
    : socket;
  if (top !== socket) await once(top, 'secureConnect');
  if (!way.isHttp2) {
    await using peer = new Peer(top, 'client');
    return [(await peer.ask(get())).body, (await peer.ask(get())).body];
  }
  const session = connectHttp2('http://t.example', { createConnection: () => top });
  try {
    return [await asked(session), await asked(session)];
  } finally {
    session.destroy();
  }
}

async function asked(session: ClientHttp2Session): Promise<string> {
  const request = session.request({ ':path': '/' });
  request.setEncoding('latin1');
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

async function dialled(at: number | string): Promise<Socket> {
  const socket = typeof at === 'string' ? connectPlain({ path: at }) : connectPlain(at, '127.0.0.1');
  socket.setNoDelay(true);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

for (const way of WAYS) {
  t.test(way.name, async (t) => {
    await using proxied = await start(way, { trusted_proxies: ['127.0.0.1'], proxy_protocol: 'required' });
    for (const header of [Buffer.from(v1()), v2WithChecksum()]) {
      const apart = await dialled(proxied.daemon.port());
      apart.write(header);
      t.same(await told(way, apart), ['203.0.113.7', '203.0.113.7'], 'the header in a piece of its own');
      await using relay = await ProxyRelay.open(proxied.daemon.port(), header);
      t.same(
        await told(way, await dialled(relay.port)),
        ['203.0.113.7', '203.0.113.7'],
        'in one piece with what follows',
      );
    }
  });

  t.test(`${way.name}, over a Unix socket`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sl-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'in.sock');
    const where = { address: `unix:${path}` };
    await using proxied = await Proxied.start({
      file: {
        certificates: { local: { self_signed: ['localhost'] } },
        listeners: {
          http: { ...way.listener, ...(way.isTls ? { tls: { certificates: ['local'] } } : {}), ...where },
        },
      },
    });
    proxied.server.answerAll((request) => ok(fieldOf(request, 'x-forwarded-for') ?? 'unknown'));
    t.same(await told(way, await dialled(path)), ['unknown', 'unknown']);
  });
}
