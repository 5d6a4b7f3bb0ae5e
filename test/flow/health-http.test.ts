import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import t from 'tap';
import { probeHttp } from '../../src/control/health/probe-http.ts';
import type { HealthTls, HttpCheck } from '../../src/control/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { makeLeaf } from '../../src/tls/forge-certificates.ts';
import { authorityFor } from '../support/tls-fixture.ts';

/** One HTTP check against real servers that answer well, badly, slowly, or not at all. */

interface Listening extends AsyncDisposable {
  readonly port: number;
  readonly connections: () => number;
  /** Resolves when every connection is gone. */
  readonly quiet: () => Promise<void>;
}

async function listening(server: Server, host = '127.0.0.1'): Promise<Listening> {
  const open = new Set<Socket>();
  let count = 0;
  let onQuiet: (() => void) | undefined;
  server.on('connection', (socket: Socket) => {
    count++;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      open.delete(socket);
      if (open.size === 0) onQuiet?.();
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    quiet: () =>
      new Promise((resolve) => {
        onQuiet = resolve;
        if (open.size === 0) resolve();
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const http = (answer: RequestListener) => listening(createHttpServer(answer));
/** A server that speaks bytes. */
const raw = (onConnection: (socket: Socket) => void) =>
  listening(createServer((socket) => onConnection(socket.resume())));

function check(changes: Partial<HttpCheck> = {}): HttpCheck {
  return {
    type: 'http',
    path: '/healthz',
    port: undefined,
    method: 'GET',
    host: undefined,
    headers: {},
    expect: { statuses: [[200, 299]], body: undefined },
    intervalMs: 5000,
    timeoutMs: 5000,
    rise: 2,
    fall: 3,
    jitterFraction: 0,
    ...changes,
  };
}

function probe(port: number, changes: Partial<HttpCheck> = {}, tls?: HealthTls, host = '127.0.0.1') {
  const wanted = check(changes);
  return probeHttp(
    { id: 'a', host, port, ...(tls === undefined ? {} : { tls }) },
    wanted,
    AbortSignal.timeout(wanted.timeoutMs),
    systemClock,
  );
}

t.test('a good answer; what is asked; a connection for each check (B33)', async (t) => {
  const asked: unknown[] = [];
  await using server = await http((request, response) => {
    asked.push([request.method, request.url, request.headers]);
    response.end('fine');
  });
  const result = await probe(server.port);
  t.match(result, { ok: true });
  t.ok(result.responseMs > 0);
  t.match(
    await probe(server.port, { method: 'HEAD', host: 'shop.example.com', headers: { 'x-check': '1' } }),
    { ok: true },
  );
  t.match(asked, [
    [
      'GET',
      '/healthz',
      { host: `127.0.0.1:${server.port}`, 'user-agent': 'sluice-health', connection: 'close' },
    ],
    ['HEAD', '/healthz', { host: 'shop.example.com', 'x-check': '1' }],
  ]);
  await server.quiet();
  t.equal(server.connections(), 2);
});

t.test('the wrong status; a redirect is not followed; a set of ranges', async (t) => {
  let status = 503;
  await using server = await http((_, response) =>
    response.writeHead(status, { location: '/other' }).end('busy'),
  );
  t.match(await probe(server.port), { ok: false, why: 'status 503, wanted 200-299' });
  status = 302;
  t.match(await probe(server.port), { ok: false, why: 'status 302, wanted 200-299' });
  status = 401;
  const expect = {
    statuses: [
      [200, 204],
      [401, 401],
    ] as const,
    body: undefined,
  };
  t.match(await probe(server.port, { expect }), { ok: true });
  status = 404;
  t.match(await probe(server.port, { expect }), { ok: false, why: 'status 404, wanted 200-204, 401' });
});

t.test('the body', async (t) => {
  const expect = { statuses: [[200, 299]] as const, body: 'ok' };
  let body = 'all is ok';
  await using server = await http((_, response) => response.end(body));
  t.match(await probe(server.port, { expect }), { ok: true });
  body = 'down';
  t.match(await probe(server.port, { expect }), { ok: false, why: 'body lacks "ok"' });
  body = `${'.'.repeat(64 * 1024)}ok`;
  t.match(
    await probe(server.port, { expect }),
    { ok: false, why: 'body lacks "ok"' },
    'only 64 KiB are read',
  );
});

t.test('an endless body ends the reading, not the check', async (t) => {
  await using server = await http((_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    };
    response.on('drain', more);
    more();
  });
  t.match(await probe(server.port), { ok: true });
  await server.quiet();
});

t.test('no answer, half an answer', async (t) => {
  await using silent = await raw(() => {});
  t.match(await probe(silent.port, { timeoutMs: 100 }), {
    ok: false,
    why: 'timed out after 100ms, connected, no answer',
  });
  await silent.quiet();
  await using half = await raw((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'));
  t.match(await probe(half.port, { timeoutMs: 1000 }), {
    ok: false,
    why: 'timed out after 1s, status 200 came, its body did not end',
  });
  await half.quiet();
  await using gone = await raw((socket) => socket.once('data', () => socket.destroy()));
  t.match(await probe(gone.port), { ok: false, why: 'connection closed before a complete answer' });
  await using short = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'));
  t.match(await probe(short.port), { ok: false, why: 'connection closed before a complete answer' });
  await using noise = await raw((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
  t.match(await probe(noise.port), { ok: false, why: /^not an HTTP answer/ });
});

t.test('nobody there', async (t) => {
  const server = await http(() => {});
  const { port } = server;
  await server[Symbol.asyncDispose]();
  t.match(await probe(port), { ok: false, why: 'connect refused' });
  t.match(await probe(port, {}, undefined, 'no-such-host.invalid'), {
    ok: false,
    why: /^(host name not found|name server does not answer)$/,
  });
});

t.test('another port; IPv6; a name (B33)', async (t) => {
  await using four = await http((_, response) => response.end());
  t.match(await probe(1, { port: four.port }), { ok: true });
  t.match(await probe(four.port, {}, undefined, 'localhost'), { ok: true });
  await using six = await listening(
    createHttpServer((_, response) => response.end()),
    '::1',
  );
  t.match(await probe(six.port, {}, undefined, '::1'), { ok: true });
});

t.test('a check that is cancelled before or during leaves no connection', async (t) => {
  const arrived = Promise.withResolvers<void>();
  await using silent = await raw(() => arrived.resolve());
  const abort = new AbortController();
  const running = probeHttp(
    { id: 'a', host: '127.0.0.1', port: silent.port },
    check(),
    abort.signal,
    systemClock,
  );
  await arrived.promise;
  abort.abort();
  t.match(await running, { ok: false });
  await silent.quiet();
  t.match(
    await probeHttp({ id: 'a', host: '127.0.0.1', port: silent.port }, check(), abort.signal, systemClock),
    {
      ok: false,
    },
  );
});

t.test('https', async (t) => {
  const authority = authorityFor('books.internal');
  const leaf = makeLeaf(authority, ['books.internal'], systemClock.wallMs());
  await using server = await listening(
    createHttpsServer({ cert: leaf.certPem, key: leaf.keyPem }, (_, response) => response.end('ok')),
  );
  const https = (tls?: HealthTls) => probe(server.port, { type: 'https' }, tls);
  const ca = authority.certPem;
  t.match(await https({ ca, serverName: 'books.internal', verify: true }), { ok: true });
  t.match(await https({ ca: undefined, serverName: 'books.internal', verify: true }), {
    ok: false,
    why: /^certificate not trusted: /,
  });
  t.match(await https({ ca, serverName: 'other.internal', verify: true }), {
    ok: false,
    why: /^certificate not trusted: .*other\.internal/,
  });
  t.match(await https({ ca, serverName: undefined, verify: true }), { ok: false, why: /127\.0\.0\.1/ });
  t.match(await https({ ca: undefined, serverName: undefined, verify: false }), { ok: true });
  t.match(await https(), { ok: false, why: /^certificate not trusted: / }, 'verified unless said otherwise');
  await using plain = await http((_, response) => response.end());
  t.match(await probe(plain.port, { type: 'https' }), { ok: false, why: /^TLS failed: / });
});
