/** Connections to servers that serve one client after the other: nobody gets what was meant for somebody else. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { CutTlsServer } from '../support/cut-tls.ts';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const EVIL = ok('EVIL');

t.test(
  '18. bytes that nobody asked for: behind the answer, later, while nobody uses the connection',
  async (t) => {
    for (const surplus of [
      EVIL,
      'x',
      '\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 408 Timeout\r\n\r\n',
    ]) {
      await using proxied = await Proxied.start();
      const client = await proxied.client();
      client.write(get('/1'));
      const first = await proxied.server.accept();
      await first.request();
      first.write(ok('one') + surplus);
      t.equal((await client.answer()).body, 'one');
      await first.ended();
      client.write(get('/2'));
      const second = await proxied.server.accept();
      await second.request();
      second.write(ok('two'));
      t.equal((await client.answer()).body, 'two');
      second.write(surplus);
      await second.ended();
      client.write(get('/3'));
      const third = await proxied.server.accept();
      await third.request();
      third.write(ok('three'));
      t.equal((await client.answer()).body, 'three');
    }
  },
);

t.test('18. a second answer at many delays', async (t) => {
  let turn = 0;
  const delaysMs = [0, 0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
  await using target = await AttackTarget.start({
    answer: (request, socket) => {
      const delayMs = delaysMs[turn++ % delaysMs.length] as number;
      const say = (): void => {
        if (!socket.destroyed) socket.write(EVIL);
      };
      if (delayMs >= 1) setTimeout(say, delayMs);
      else {
        const until = performance.now() + delayMs;
        process.nextTick(() => {
          while (performance.now() < until);
          say();
        });
      }
      return ok(request.start.split(' ')[1] as string);
    },
  });
  const strangers: string[] = [];
  const run = async (who: number): Promise<void> => {
    let client: Peer | undefined;
    for (let i = 0; i < 100; i++) {
      client ??= await target.client();
      const path = `/${who}/${i}`;
      const answer = await client.ask(get(path));
      if (answer.status === 200 && answer.body !== path) strangers.push(`${path} got ${answer.body}`);
      if (fieldOf(answer, 'connection') === 'close') client = void client.destroy();
    }
    client?.destroy();
  };
  await Promise.all(Array.from({ length: 8 }, (_, who) => run(who)));
  // The first ones may meet requests that are on their way; after that the server is known. Without all this: hundreds.
  t.ok(strangers.length <= 8, `${strangers.length} of 800: ${strangers.slice(0, 5).join(', ')}`);
});

t.test('19. CONNECT is never forwarded', async (t) => {
  await using target = await AttackTarget.start();
  for (const [line, rest] of [
    ['CONNECT t.example:443 HTTP/1.1', ''],
    ['CONNECT /p HTTP/1.1', ''],
    ['CONNECT http://t.example/ HTTP/1.1', ''],
    ['CONNECT t.example:443 HTTP/1.1', 'early data'],
    ['CONNECT t.example:443 HTTP/1.0', get('/hidden')],
  ])
    for (const fields of ['', 'Content-Length: 10\r\n', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'])
      await target.refuses(t, `${line}\r\nHost: t.example\r\n${fields}\r\n${rest}`, [400, 405, 501]);
  await target.serves(t);
});

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n';

t.test('20. what comes behind an upgrade waits for the 101', async (t) => {
  await using proxied = await Proxied.start({
    file: {
      routes: [
        { name: 'admin', match: { path: '/admin/*' }, respond: { status: 403, body: 'no' } },
        { name: 'all', pool: 'web' },
      ],
    },
  });
  const client = await proxied.client();
  client.write(get('/ws', UPGRADE) + get('/admin/x'));
  const server = await proxied.server.accept();
  t.equal((await server.request()).start, 'GET /ws HTTP/1.1');
  await sleep(20);
  t.equal(server.unread, '', 'nothing before the 101');
  server.write(ok('no upgrade here'));
  t.equal((await client.answer()).body, 'no upgrade here');
  t.equal((await client.answer()).status, 403, 'it is a request like any other');
  t.equal(server.unread, '');
});

t.test('21. other protocols, and upgrades with a body', async (t) => {
  await using target = await AttackTarget.start();
  for (const fields of [
    'Connection: Upgrade\r\nUpgrade: foo\r\n',
    'Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n',
    'Connection: Upgrade\r\nUpgrade: websocket, foo\r\n',
    'Connection: Upgrade\r\nUpgrade: foo\r\nUpgrade: websocket\r\n',
    'Upgrade: websocket\r\n',
    UPGRADE,
  ]) {
    const before = target.raw.length;
    const body = get('/hidden');
    await using client = await target.client();
    client.write(
      `POST /p HTTP/1.1\r\nHost: t.example\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    t.equal((await client.answer()).status, 200);
    t.equal((await client.ask(get('/next'))).body, '/next', 'no tunnel');
    t.notMatch(target.raw.slice(before).replace(body, ''), /upgrade/i);
    t.same(
      target.requests.slice(-2).map((it) => it.start),
      ['POST /p HTTP/1.1', 'GET /next HTTP/1.1'],
    );
  }
});

t.test('22. only a 101 opens a tunnel', async (t) => {
  for (const start of ['200 OK', '204 No Content', '299 Odd', '426 Upgrade Required']) {
    await using proxied = await Proxied.start();
    const client = await proxied.client();
    client.write(get('/ws', UPGRADE));
    const server = await proxied.server.accept();
    await server.request();
    const length = start.startsWith('204') ? '' : 'Content-Length: 0\r\n';
    server.write(`HTTP/1.1 ${start}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${length}\r\n`);
    t.equal((await client.answer()).status, Number(start.slice(0, 3)));
    client.write('\x81\x05hello\r\n\r\n');
    t.equal((await client.answer()).status, 400, 'bytes of a tunnel are no request');
    await client.ended();
    t.equal(server.unread, '');
  }
});

t.test('23. h2c is never offered to a server', async (t) => {
  await using target = await AttackTarget.start();
  for (const value of [
    'h2c',
    'H2C',
    'h2c, websocket',
    'websocket, h2c',
    'h2c\r\nUpgrade: websocket',
    'h2',
    'h2c;q=1',
    '\th2c',
  ])
    for (const connection of [
      'Upgrade, HTTP2-Settings',
      'upgrade',
      'HTTP2-Settings',
      'close, Upgrade, HTTP2-Settings',
    ]) {
      const answer = await target.ask(
        get(
          '/p',
          `Connection: ${connection}\r\nUpgrade: ${value}\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n`,
        ),
      );
      t.equal(answer.status, 200);
    }
  // A request id is random letters and may hold `h2` by chance.
  const withoutIds = target.raw.replaceAll(/^x-request-id:.*$/gim, '');
  t.notMatch(withoutIds, /h2|http2-settings|upgrade/i);
  await target.refuses(t, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]);
});

t.test('24. plain bytes before the TLS of a server', async (t) => {
  await using real = await CutTlsServer.open({ answer: ok('real'), isCut: false });
  const folder = t.testdir();
  writeFileSync(join(folder, 'ca.crt'), real.authorityPem);
  for (const text of [EVIL, 'HTTP/1.1 200 OK\r\n\r\nEVIL', '\x16\x03\x01', '220 mail\r\n']) {
    const early = createServer((socket) => {
      socket.on('error', () => {});
      socket.write(text, 'latin1');
      socket.on('data', () => {});
      socket.on('end', () => socket.end());
    });
    early.listen(0, '127.0.0.1');
    await once(early, 'listening');
    const { port } = early.address() as AddressInfo;
    await using target = await AttackTarget.start({
      pool: {
        servers: [`https://127.0.0.1:${port}`],
        upstream: { tls: { ca: join(folder, 'ca.crt') }, connect_timeout: '300ms' },
      },
    });
    const answer = await target.ask(get());
    t.equal(answer.status, 502);
    t.notMatch(answer.body, /EVIL/);
    t.equal(JSON.parse(answer.body).code, 'connect_error');
    early.close();
  }
});

t.test('25. a connection that somebody logged in to has no other client', async (t) => {
  const asked = ['NTLM TlRM', 'Negotiate YII', 'negotiate YII', 'nTlM x', 'Nego2 x', 'Kerberos x', 'NTLM'];
  const offered = [
    'NTLM',
    'Negotiate',
    'negotiate oYG',
    'Basic realm="a", NTLM',
    'Digest a="b",Negotiate',
    'NTLM TlRM',
  ];
  const cases: [request: string, answer: string, isShared: boolean][] = [
    ...asked.map((it): [string, string, boolean] => [`Authorization: ${it}\r\n`, ok(), false]),
    ...offered.flatMap((it): [string, string, boolean][] =>
      ['401 Unauthorized', '200 OK', '403 Forbidden'].map((start) => [
        '',
        `HTTP/1.1 ${start}\r\nWWW-Authenticate: ${it}\r\nContent-Length: 0\r\n\r\n`,
        false,
      ]),
    ),
    [
      '',
      'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nwww-authenticate: NTLM\r\nContent-Length: 0\r\n\r\n',
      false,
    ],
    ['Authorization: Basic bnRsbTpuZWdv\r\n', ok(), true],
    ['Authorization: Bearer negotiate\r\n', ok(), true],
    ['', 'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="ntlm"\r\nContent-Length: 0\r\n\r\n', true],
  ];
  for (const [fields, answer, isShared] of cases) {
    await using target = await AttackTarget.start({
      answer: (request) => (request.start.includes('/login') ? answer : ok('next')),
    });
    await target.ask(get('/login', fields));
    t.equal((await target.ask(get('/next'))).body, 'next');
    t.equal(target.connections, isShared ? 1 : 2, JSON.stringify([fields, answer]));
    if (fields !== '') t.match(target.raw, new RegExp(`\r\n${fields.trim()}\r\n`), 'the login itself passes');
  }
});

t.test('47. a final answer to an expectation does not spoil the connection for the next', async (t) => {
  await using proxied = await Proxied.start();
  const client = await proxied.client();
  client.write('POST /p HTTP/1.1\r\nHost: t.example\r\nExpect: 100-continue\r\nContent-Length: 43\r\n\r\n');
  const server = await proxied.server.accept();
  await server.requestHead();
  server.write('HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n');
  t.equal((await client.answer()).status, 417);
  await client.ended();
  await server.ended();
  const other = await proxied.client();
  other.write(get('/own'));
  const fresh = await proxied.server.accept();
  t.equal((await fresh.request()).start, 'GET /own HTTP/1.1');
  fresh.write(ok('own'));
  t.equal((await other.answer()).body, 'own');
});
