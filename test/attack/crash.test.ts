/** What made other proxies throw, hang or count for ever. After each of them the daemon serves on, with the same threads. */
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { fieldOf, get, ok } from '../support/peer.ts';
import { shakeHands } from '../support/tls-fixture.ts';

t.test('48. requests that made others throw (B67)', async (t) => {
  await using target = await AttackTarget.start();
  const lost: unknown[] = [];
  target.daemon.daemon.events.on('thread_exit', (event: unknown) => lost.push(event));
  const names = [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'valueOf',
    '__defineGetter__',
  ];
  const requests = [
    ...names.map((name) => get('/p', `${name}: x\r\n${name}: y\r\n`)),
    ...[
      '//x@x',
      '//',
      '//x',
      '/\xff\xfe',
      '/%',
      '/%zz',
      '/%ff',
      '/?%',
      '/.',
      '/..',
      '/x?__proto__=1',
      '*',
      '/:80',
      '/[::1]',
      'http://[::1/',
      'http://:80/',
      'http:///x',
      `/${'%41'.repeat(2000)}`,
    ].map((path) => get(path)),
    ...['[', '[::1', '::1', ':', ':80', '%', '\xff', 'a'.repeat(300), '[::1]:99999', 'xn--'].map(
      (host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    ),
    get('/p', 'Trailer: x\r\n'),
    get('/p', 'TE: trailers\r\nTrailer: Content-Length\r\n'),
    get('/p', 'Expect: \r\n'),
    get('/p', 'Cookie: ;;;==;__proto__=x;=\r\n'),
    get('/p', `Cookie: ${'a=b;'.repeat(3000)}\r\n`),
    get('/p', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: \xff\r\n'),
    get('/p', `Connection: ${'a,'.repeat(4000)}\r\n`),
    get('/p', 'Forwarded: for="\r\nX-Forwarded-For: ,,,\r\n'),
    'POST /p HTTP/1.1\r\nHost: t.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n__proto__: x\r\n\r\n',
  ];
  for (const request of requests) {
    const answer = await target.ask(request);
    t.ok(
      answer.status >= 200 && answer.status < 500 && answer.status !== 499,
      `${answer.status} ${JSON.stringify(request.slice(0, 80))}`,
    );
  }
  await target.serves(t);
  t.same(lost, [], 'no thread was lost');
  const seen = target.requests.find((it) => fieldOf(it, '__proto__') === 'x');
  t.same(
    seen?.fields.filter(([name]) => name === '__proto__').map(([, value]) => value),
    ['x', 'y'],
    'and it passes like any other',
  );
});

t.test('48. answers that made others throw', async (t) => {
  const head = 'Content-Length: 2\r\n\r\nok';
  const table: [answer: string, status: number][] = [
    [`HTTP/1.1 099 Low\r\n${head}`, 502],
    [`HTTP/1.1 000 Zero\r\n${head}`, 502],
    [`HTTP/1.1 1000 High\r\n${head}`, 502],
    [`HTTP/1.1 20 Short\r\n${head}`, 502],
    [`HTTP/1.1 2x0 Odd\r\n${head}`, 502],
    [`HTTP/1.1 -20 Sign\r\n${head}`, 502],
    [`HTTP/1.1 200 a\x01b\x7f\r\n${head}`, 200],
    [`HTTP/1.1 200 \xff\xfe\r\n${head}`, 200],
    [`HTTP/1.1 200 ${'x'.repeat(60_000)}\r\n${head}`, 200],
    [`HTTP/1.1 999 Odd\r\n${head}`, 999],
    [`HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y\r\n${head}`, 200],
    [`HTTP/1.1 200 OK\r\nTrailer: x\r\n${head}`, 200],
    [`HTTP/1.1 200 OK\r\nX: a\x01b\r\n${head}`, 502],
    [`HTTP/1.1 200 OK\r\nX y: z\r\n${head}`, 502],
    [`HTTP/1.1 200 OK\r\nSet-Cookie: \xff\r\nSet-Cookie: __proto__=1\r\n${head}`, 200],
    [`HTTP/1.1 200 OK\r\nKeep-Alive: timeout=99999999999999999999, max=x\r\n${head}`, 200],
    [`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok`, 502],
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`, 502],
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n${'x'.repeat(0x20000)}\r\nzz\r\n`, 0],
    [`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`, 502],
    [`HTTP/1.1 103 Early\r\nLink: \x01\r\n\r\nHTTP/1.1 200 OK\r\n${head}`, 502],
    [`${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(40)}HTTP/1.1 200 OK\r\n${head}`, 502],
    ['\r\n\r\n', 502],
    ['\0'.repeat(100), 502],
  ];
  let answer = '';
  await using target = await AttackTarget.start({
    answer: (request) => (request.start.includes('/odd') ? answer : ok()),
  });
  const lost: unknown[] = [];
  target.daemon.daemon.events.on('thread_exit', (event: unknown) => lost.push(event));
  for (const [text, status] of table) {
    answer = text;
    await using client = await target.client();
    client.write(get('/odd'));
    if (status === 0) t.notMatch(await client.rest(), /0\r\n\r\n$/, 'broken off');
    else t.equal((await client.answer()).status, status, JSON.stringify(text.slice(0, 80)));
    await target.serves(t, '/next');
  }
  t.same(lost, []);
});

t.test('48. server names that made others throw', async (t) => {
  await using target = await AttackTarget.start({
    listener: { tls: { certificates: ['local'] } },
    file: { certificates: { local: { self_signed: ['localhost'] } } },
  });
  const port = target.daemon.port();
  for (const servername of [
    'x',
    'LOCALHOST',
    'localhost.',
    '__proto__',
    'constructor',
    'toString',
    '*.example',
    '*',
    '..',
    '.',
    'a'.repeat(255),
    'xn--',
    'caf\xe9',
    'a b',
    '%00',
    '127.0.0.1.',
    '-',
    '_',
  ])
    await shakeHands(port, { servername, rejectUnauthorized: false, checkServerIdentity: () => undefined });
  await using client = await target.client({ tls: true });
  t.equal((await client.ask(get('/tls'))).status, 200);
});

t.test('49. thousands of names that are numbers', async (t) => {
  await using target = await AttackTarget.start({
    listener: { limits: { max_header_size: '128KiB', max_fields: 6000 } },
  });
  const numbers = Array.from({ length: 5000 }, (_, i) => `${i * 65_536 + 7}: x\r\n`).join('');
  const answer = await target.ask(get('/numbers', numbers));
  t.equal(answer.status, 200);
  t.equal(target.requests.at(-1)?.fields.filter(([, value]) => value === 'x').length, 5000);
  await using small = await AttackTarget.start();
  await small.refuses(t, get('/', numbers), [431]);
  const cookies = get(
    '/',
    `Cookie: ${Array.from({ length: 2500 }, (_, i) => `${i * 65_536}=x`)
      .join(';')
      .slice(0, 15_000)}\r\n`,
  );
  t.equal((await small.ask(cookies)).status, 200);
});

t.test('50. texts that slow patterns down', async (t) => {
  await using target = await AttackTarget.start({
    listener: { limits: { max_header_size: '64KiB', max_target: '32KiB' }, trusted_proxies: ['127.0.0.1'] },
    pool: { sticky: 'cookie' },
  });
  const size = 30_000;
  const texts = [
    'a'.repeat(size),
    ' '.repeat(size),
    ','.repeat(size),
    ', '.repeat(size / 2),
    'a,'.repeat(size / 2),
    '\t,'.repeat(size / 2),
    ';for='.repeat(size / 5),
    '"'.repeat(size),
    'text/'.repeat(size / 5),
    'ntlm '.repeat(size / 5),
    'trailers,'.repeat(size / 9),
    '='.repeat(size),
  ];
  const fields = [
    'Accept',
    'Authorization',
    'TE',
    'Cookie',
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Prefix',
    'X-Request-Id',
    'Connection',
    'Expect',
    'Upgrade',
    'Via',
    'X-Own',
  ];
  for (const name of fields)
    for (const text of texts) {
      const answer = await target.ask(get('/', `${name}: x${text}x\r\n`));
      t.ok([200, 400, 417].includes(answer.status), `${answer.status} ${name} ${text.slice(0, 10)}`);
    }
  for (const text of [
    '/a'.repeat(size / 2),
    '/.'.repeat(size / 2),
    '/..'.repeat(size / 3),
    '//'.repeat(size / 2),
    '%2e'.repeat(size / 3),
    '/a/..'.repeat(size / 5),
  ])
    t.ok([200, 400].includes((await target.ask(get(`/${text}`))).status));
  t.equal(
    (await target.ask(get('/ws', `Connection: Upgrade\r\nUpgrade: websocket\r\n${'a: b\r\n'.repeat(2000)}`)))
      .status,
    431,
  );
  await target.serves(t);
});
