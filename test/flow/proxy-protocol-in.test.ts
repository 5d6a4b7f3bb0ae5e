/** Listeners that take the PROXY protocol: whom the header names is the client, everywhere; and only from who may say it. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { fieldOf, get, ok, Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';
import { v1, v2, v2WithChecksum, value } from '../support/proxy-header.ts';
import { ProxyRelay } from '../support/proxy-relay.ts';

type ListenerInput = NonNullable<FileInput['listeners']>[string];

/** The proxy in front has 127.0.0.1; 127.0.0.2 is a stranger. */
const REQUIRED: Partial<ListenerInput> = { proxy_protocol: 'required', trusted_proxies: ['127.0.0.1'] };
const OPTIONAL: Partial<ListenerInput> = { ...REQUIRED, proxy_protocol: 'optional' };
const STRANGER = { localAddress: '127.0.0.2' };
const TLS = { certificates: { local: { self_signed: ['localhost'] } } };

async function start(listener: Partial<ListenerInput>, file: Partial<FileInput> = {}): Promise<Proxied> {
  const proxied = await Proxied.start({ listener, file });
  proxied.server.answerAll((request) =>
    ok(
      ['x-forwarded-for', 'x-real-ip', 'x-forwarded-port', 'forwarded']
        .map((it) => fieldOf(request, it))
        .join(' | '),
    ),
  );
  return proxied;
}

/** What the server is told of the client when the header and a request are sent. */
async function told(proxied: Proxied, header: Buffer | string, fields = ''): Promise<string> {
  const client = await proxied.client();
  client.write(header);
  return (await client.ask(get('/', fields))).body;
}

/** What a connection gets before it ends. */
async function closed(proxied: Proxied, bytes: Buffer | string, from = {}): Promise<string> {
  const client = await proxied.client(from);
  client.write(bytes);
  return client.rest();
}

async function metric(proxied: Proxied, outcome: string): Promise<number> {
  const text = await proxied.daemon.daemon.metrics.render();
  const line = text
    .split('\n')
    .find((it) => it.startsWith('sluice_proxy_headers_total') && it.includes(`outcome="${outcome}"`));
  return Number(line?.split(' ').at(-1));
}

const logOf = (proxied: Proxied, file = 'log'): string =>
  readFileSync(join(proxied.daemon.folder, file), 'utf8');

const CLIENT = '203.0.113.7 | 203.0.113.7 | 443 | for=203.0.113.7;host=t.example;proto=http';

t.test('the client is whom the header names', async (t) => {
  await using proxied = await start(REQUIRED);
  t.equal(await told(proxied, v1()), CLIENT);
  t.equal(await told(proxied, v2()), CLIENT);
  t.equal(
    await told(proxied, v2WithChecksum({ values: [value(2, 'shop.example'), value(5, 'unique')] })),
    CLIENT,
  );
  t.equal(
    await told(proxied, v1('2001:db8::7', 1, '2001:db8::1', 8443)),
    '2001:db8::7 | 2001:db8::7 | 8443 | for="[2001:db8::7]";host=t.example;proto=http',
  );
  t.equal(await metric(proxied, 'proxied'), 4);
  await proxied.daemon.daemon.stop();
  const ips = logOf(proxied, 'access.log')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).client_ip);
  t.same(ips, ['203.0.113.7', '203.0.113.7', '203.0.113.7', '2001:db8::7'], 'in the access log as well');
});

t.test('header and requests in one piece, in pieces, byte by byte', async (t) => {
  await using proxied = await start(REQUIRED);
  for (const header of [Buffer.from(v1()), v2WithChecksum()]) {
    const together = await proxied.client();
    together.write(Buffer.concat([header, Buffer.from(get() + get())]));
    for (let i = 0; i < 2; i++)
      t.equal((await together.answer()).body, CLIENT, 'two pipelined requests behind it');
    for (let cut = 1; cut < header.length; cut += 7) {
      const client = await proxied.client();
      await flushed(client.socket, header.subarray(0, cut));
      await flushed(client.socket, header.subarray(cut));
      t.equal((await client.ask(get())).body, CLIENT, `in two at ${cut}`);
    }
    const slow = await proxied.client();
    for (const byte of Buffer.concat([header, Buffer.from(get())]))
      await flushed(slow.socket, Buffer.of(byte));
    t.equal((await slow.answer()).body, CLIENT, 'byte by byte');
    t.equal((await slow.ask(get())).body, CLIENT, 'and the next request of the connection');
  }
});

function flushed(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => socket.write(bytes, () => setImmediate(resolve)));
}

t.test('a body behind a header arrives whole', async (t) => {
  await using proxied = await Proxied.start({ listener: REQUIRED });
  const body = 'x'.repeat(300_000);
  const client = await proxied.client();
  client.write(`${v1()}POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(request.body.length, body.length);
  server.write(ok());
  t.equal((await client.answer()).status, 200);
});

t.test('TLS behind a header', async (t) => {
  await using proxied = await start({ ...REQUIRED, tls: { certificates: ['local'] } }, TLS);
  for (const header of [v1(), v2WithChecksum()]) {
    const raw = connect({ port: proxied.daemon.port(), host: '127.0.0.1', noDelay: true });
    await once(raw, 'connect');
    raw.write(header);
    const socket = connectTls({ socket: raw, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    await using apart = new Peer(socket, 'client');
    t.equal(
      (await apart.ask(get())).body,
      CLIENT.replace('proto=http', 'proto=https'),
      'in pieces of their own',
    );
    await using relay = await ProxyRelay.open(proxied.daemon.port(), header);
    await using client = await Peer.connect(relay.port, { tls: true });
    t.equal(
      (await client.ask(get())).body,
      CLIENT.replace('proto=http', 'proto=https'),
      'in one piece with the hello',
    );
  }
  t.equal(
    await closed(proxied, Buffer.from('1603010200010001fc0303', 'hex')),
    '',
    'a hello without a header',
  );
});

t.test('access lists and limits are about the client, not about the proxy', async (t) => {
  const client = (ip: string): string => v1(ip);
  await using proxied = await start({
    ...REQUIRED,
    ip_allow: ['203.0.113.0/24'],
    ip_deny: ['203.0.113.66'],
    rate_limit: '1/h',
  });
  t.match(
    await told(proxied, client('203.0.113.1')),
    /^203\.0\.113\.1 /,
    'the proxy need not be in ip_allow',
  );
  t.equal(await closed(proxied, client('203.0.113.66') + get()), '', 'in ip_deny');
  t.equal(await closed(proxied, client('198.51.100.9') + get()), '', 'not in ip_allow');
  t.equal(
    await closed(proxied, `PROXY UNKNOWN\r\n${get()}`),
    '',
    'nobody named: the proxy itself, which is not',
  );
  const again = await proxied.client();
  again.write(client('203.0.113.1'));
  t.equal((await again.ask(get())).status, 429);
  t.match(await told(proxied, client('203.0.113.2')), /^203\.0\.113\.2 /, 'each client has its own limit');
});

t.test(
  'fields about other clients are believed from trusted clients, not because a trusted proxy brought them',
  async (t) => {
    await using proxied = await start({ ...REQUIRED, trusted_proxies: ['127.0.0.1', '203.0.113.7'] });
    const lie = 'X-Forwarded-For: 192.0.2.1\r\n';
    t.match(await told(proxied, v1('198.51.100.9'), lie), /^198\.51\.100\.9 \| 198\.51\.100\.9 /);
    t.match(await told(proxied, v1('203.0.113.7'), lie), /^192\.0\.2\.1, 203\.0\.113\.7 \| 192\.0\.2\.1 /);
    t.match(
      await told(proxied, 'PROXY UNKNOWN\r\n', lie),
      /^127\.0\.0\.1 \| 127\.0\.0\.1 /,
      'who names nobody is not believed',
    );
    t.match(await told(proxied, v2({ command: 0x20, family: 0 }), lie), /^127\.0\.0\.1 \| 127\.0\.0\.1 /);
    t.equal(await metric(proxied, 'local'), 2);
  },
);

t.test('required: who has no header, or may not have one, is closed (B51)', async (t) => {
  await using proxied = await start(REQUIRED);
  t.equal(await closed(proxied, get()), '', 'no header');
  t.equal(await closed(proxied, get(), STRANGER), '', 'a stranger');
  t.equal(await closed(proxied, v1() + get(), STRANGER), '', 'a stranger with a header');
  t.equal(await metric(proxied, 'missing'), 1);
  t.equal(await metric(proxied, 'untrusted'), 2);
  t.equal(proxied.server.connections, 0, 'no server heard of it');
  await proxied.daemon.until('both told', () => /"refusal":"untrusted"/.test(logOf(proxied)));
  const lines = logOf(proxied)
    .split('\n')
    .filter((line) => line.includes('rules of proxy_protocol'))
    .map((line) => JSON.parse(line));
  t.match(lines, [
    { level: 'warn', listener: 'http', peer: '127.0.0.1', refusal: 'missing', why: /does not begin with/ },
    { level: 'warn', listener: 'http', peer: '127.0.0.2', refusal: 'untrusted', why: /trusted_proxies/ },
  ]);
});

t.test('optional: connections without a header are their own; a header of a stranger is a lie', async (t) => {
  await using proxied = await start(OPTIONAL);
  t.match(await told(proxied, v2()), /^203\.0\.113\.7 /);
  t.match(await told(proxied, ''), /^127\.0\.0\.1 /);
  const stranger = await proxied.client(STRANGER);
  t.match((await stranger.ask(get())).body, /^127\.0\.0\.2 /);
  for (const header of [
    v1(),
    v2(),
    'PROXY UNKNOWN\r\n',
    'PROXY nonsense\r\n',
    v2({ command: 0x20, family: 0 }),
  ])
    t.equal(
      await closed(proxied, Buffer.concat([Buffer.from(header as string), Buffer.from(get())]), STRANGER),
      '',
    );
  t.equal(await metric(proxied, 'untrusted'), 5);
  t.equal(await metric(proxied, 'none'), 2);
  t.match(
    (await (await proxied.client(STRANGER)).ask('PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n')).status,
    200,
    'a method that begins alike',
  );
});

t.test('without proxy_protocol a header is what it looks like: a bad request', async (t) => {
  await using proxied = await start({ trusted_proxies: ['127.0.0.1'] });
  const client = await proxied.client();
  client.write(v1() + get());
  t.equal((await client.answer()).status, 400);
});

t.test('headers that lie about themselves', async (t) => {
  await using proxied = await start(REQUIRED);
  const bad: readonly (readonly [string, Buffer | string])[] = [
    ['a length that ends within the addresses', Buffer.concat([v2({ length: 11 }), Buffer.from(get())])],
    ['a length without end', Buffer.concat([v2({ length: 65_535 }), Buffer.from(get())])],
    ['a value beyond its header', Buffer.concat([v2({ values: [value(1, 'h2', 500)] }), Buffer.from(get())])],
    ['a wrong checksum', Buffer.concat([v2WithChecksum({}, 1), Buffer.from(get())])],
    ['a line without end', `PROXY TCP4 ${'1'.repeat(500)}`],
    ['a line feed alone', v1().replace('\r\n', '\n') + get()],
    ['two headers', v1() + v1() + get()],
  ];
  for (const [name, bytes] of bad) {
    const answer = await closed(proxied, bytes);
    if (name === 'two headers') t.match(answer, /^HTTP\/1\.1 400 /, 'the second is a request, and a bad one');
    else t.equal(answer, '', name);
  }
  t.equal(await metric(proxied, 'malformed'), bad.length - 1);
  // The length says that the request belongs to the header: nothing of it is served.
  const swallowed = await proxied.client();
  swallowed.write(Buffer.concat([v2({ length: 12 + get().length }), Buffer.from(get())]));
  t.equal(await swallowed.rest(), '');
  t.equal(proxied.server.connections, 0);
});

t.test('nothing, half a header, and drops of one end in time', async (t) => {
  await using proxied = await start({ ...OPTIONAL, limits: { header_timeout: '300ms' } });
  const v2Half = v2({ values: [value(0xea, Buffer.alloc(8000))] });
  t.equal(await closed(proxied, ''), '', 'silence');
  t.equal(await closed(proxied, 'PROXY TCP4 203.0'), '', 'half of v1');
  t.equal(await closed(proxied, v2Half.subarray(0, 100)), '', 'half of v2');
  const dripping = await proxied.client();
  for (const byte of v2Half) {
    if (dripping.isClosed) break;
    dripping.write(Buffer.of(byte));
    await delay(systemClock, 10);
  }
  t.equal(await dripping.rest(), '', 'a drop at a time');
  t.equal(await metric(proxied, 'timeout'), 4);
});

t.test('who leaves within the header leaves his place', async (t) => {
  await using proxied = await start({ ...REQUIRED, limits: { max_connections: 1 } });
  for (const leave of [
    (socket: Socket) => socket.end(),
    (socket: Socket) => socket.end('PROXY TCP4 '),
    (socket: Socket) => socket.write(v2().subarray(0, 14), () => socket.resetAndDestroy()),
  ]) {
    const client = await proxied.client();
    leave(client.socket);
    await client.ended();
    await proxied.daemon.idle();
  }
  t.match(await told(proxied, v1()), /^203/);
  t.equal(await metric(proxied, 'missing'), 0, 'a check that only connects is no offence');
});

t.test('a reload changes the mode for the next connection', async (t) => {
  await using proxied = await start(OPTIONAL);
  const before = await proxied.client();
  t.match((await before.ask(get())).body, /^127/);
  const { onePool } = await import('../support/proxied.ts');
  const limits = { header_timeout: '10s' };
  await proxied.daemon.reload(
    onePool(proxied.servers, { listener: { ...REQUIRED, port: proxied.daemon.port(), limits } }),
  );
  t.match((await before.ask(get())).body, /^127/, 'who is in stays in');
  t.equal(await closed(proxied, get()), '');
  t.match(await told(proxied, v1()), /^203/);
});

t.test('a stop does not wait for headers that never come', async (t) => {
  await using proxied = await start({ ...REQUIRED, limits: { header_timeout: '200ms' } });
  const client = await proxied.client();
  client.write('PROXY ');
  await proxied.daemon.until('the connection is in', () => proxied.daemon.inFlight() === 1);
  await proxied.daemon.daemon.stop();
  await client.ended();
  t.notOk(proxied.daemon.daemon.wasCut);
});
