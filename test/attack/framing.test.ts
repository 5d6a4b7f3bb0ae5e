/** Request smuggling over HTTP/1: each class with the variants that got through somewhere. The numbers are of README.md here. */
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { get } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

const HOST = 'Host: t.example\r\n';
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: t.example\r\n\r\n';
const post = (fields: string, rest: string): string => `POST /p HTTP/1.1\r\n${HOST}${fields}\r\n${rest}`;

test('1. Content-Length beside Transfer-Encoding', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  const length = 'Content-Length: 5\r\n';
  const chunked = 'Transfer-Encoding: chunked\r\n';
  for (const fields of [
    length + chunked,
    chunked + length,
    `${chunked}X: y\r\ncontent-length: 0\r\n`,
    `TRANSFER-ENCODING: CHUNKED\r\nCONTENT-LENGTH: 5\r\n`,
    `${length}Connection: Content-Length\r\n${chunked}`,
    `${length}Connection: Transfer-Encoding\r\n${chunked}`,
  ])
    for (const rest of [`0\r\n\r\n${HIDDEN}`, `5\r\nhello\r\n0\r\n\r\n${HIDDEN}`, `hello${HIDDEN}`])
      await target.refuses(t, post(fields, rest));
  await target.serves(t);
});

test('2. Transfer-Encoding obfuscated', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  const values = [
    ...['chunked\x0b', '\x0bchunked', 'chunked\x0c', '\x0cchunked', 'chunked\0', '\0chunked', 'chunked\x7f'],
    ...[
      'chunked\x85',
      '\x85chunked',
      'chunked\xa0',
      '\xa0chunked',
      '\xffchunked',
      'chunked\x1f',
      'chunked\x08',
    ],
    ...['xchunked', 'chunkedx', 'chunke', 'chun ked', 'c hunked', '"chunked"', "'chunked'", '=chunked'],
    ...['chunked;q=1', 'chunked;', ';chunked', 'chunked,', ',chunked', ', chunked', 'chunked, chunked'],
    ...[
      'chunked,identity',
      'identity,chunked',
      'gzip,chunked',
      'chunked,gzip',
      'identity',
      'deflate',
      'x-gzip',
    ],
    ...['chunked chunked', 'chunked\r\n ', '\r\n chunked', '\r\n\tchunked', 'chunked\r\n x', '', ' ', '\t'],
    ...[
      'chunked%00',
      '%63hunked',
      'chunked#',
      'chunked/1',
      '(chunked)',
      'chunked\rX',
      'chunked\nX: y',
      '\rchunked',
    ],
    ...['chunked', 'CHUNKED', 'cHuNkEd', 'chunked ', 'chunked\t', '\tchunked', '  chunked'],
  ];
  t.ok(values.length >= 40, `${values.length} values`);
  const body = `0\r\n\r\n${HIDDEN}`;
  for (const value of values) {
    const line = `Transfer-Encoding:${value}\r\n`;
    await target.refuses(t, post(`Content-Length: 5\r\n${line}`, body), [400, 501]);
    await target.refuses(t, post(`${line}Content-Length: 5\r\n`, body), [400, 501]);
  }
  for (const name of [
    ...['Transfer-Encoding ', 'Transfer-Encoding\t', ' Transfer-Encoding', '\tTransfer-Encoding'],
    ...[
      'Transfer-Encoding\x0b',
      'Transfer-Encoding\0',
      'Transfer Encoding',
      'Transfer\rEncoding',
      'X\nTransfer-Encoding',
    ],
    ...[
      'Transfer-Encoding\xa0',
      'Transfer-Enc\xf6ding',
      'X: y\rTransfer-Encoding',
      'X: y\n Transfer-Encoding',
      '"Transfer-Encoding"',
    ],
  ])
    await target.refuses(t, post(`Content-Length: 5\r\n${name}: chunked\r\n`, body));
  await target.serves(t);
});

test('2. a twin of Transfer-Encoding does not get on', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  for (const name of ['Transfer_Encoding', 'Transfer.Encoding', 'TRANSFER_ENCODING', 'transfer_encoding']) {
    const { length } = target.requests;
    t.equal((await target.ask(post(`Content-Length: 5\r\n${name}: chunked\r\n`, 'hello'))).status, 200);
    t.equal(target.requests.length, length + 1);
    t.equal(target.requests.at(-1)?.body, 'hello');
  }
  t.notMatch(target.raw, /transfer/i);
});

test('3. two lines of Transfer-Encoding', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  for (const [a, b] of [
    ['chunked', 'chunked'],
    ['chunked', 'identity'],
    ['identity', 'chunked'],
    ['chunked', ''],
    ['', 'chunked'],
    ['chunked', 'chunked-false'],
    ['gzip', 'chunked'],
  ])
    await target.refuses(
      t,
      post(`Transfer-Encoding: ${a}\r\nX: y\r\ntransfer-encoding: ${b}\r\n`, `0\r\n\r\n${HIDDEN}`),
      [400, 501],
    );
});

test('4. Content-Length with spaces, signs, nothing', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  const values = [
    ...[
      '1 2',
      '+5',
      '-5',
      '',
      ' ',
      '5,5',
      '5, 5',
      '5,',
      ',5',
      '0x5',
      '05x',
      '5e0',
      '5.0',
      '.5',
      '5;',
      '5\0',
      '\x005',
    ],
    ...[
      '1_0',
      '"5"',
      "'5'",
      '5\x0b',
      '\x0c5',
      '5\xa0',
      '\xa05',
      '\xb5',
      '5 5',
      '5\t5',
      '5#',
      'five',
      'NaN',
      'Infinity',
    ],
    ...[
      '99999999999999999999',
      '9007199254740992',
      '18446744073709551621',
      '-0',
      '+0',
      '5\rX',
      '5\nX: y',
      '5\r\n 0',
    ],
    '0'.repeat(70),
  ];
  for (const value of values) await target.refuses(t, post(`Content-Length:${value}\r\n`, `hello${HIDDEN}`));
  for (const [a, b] of [
    ['', '5'],
    ['5', ''],
    ['5', '5'],
    ['5', '0'],
    ['0', '5'],
    ['5', '05'],
  ])
    await target.refuses(t, post(`Content-Length: ${a}\r\ncontent-length: ${b}\r\n`, `hello${HIDDEN}`));
  await target.serves(t);
});

test('5. white space or a fold around the name Content-Length', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  const lines = [
    ...[
      ' Content-Length: 5',
      '\tContent-Length: 5',
      'Content-Length : 5',
      'Content-Length\t: 5',
      'Content-Length\x0b: 5',
    ],
    ...[
      'X: y\r\n Content-Length: 5',
      'X: y\r\n\tContent-Length: 5',
      'X:\r\n Content-Length: 5',
      'Content- Length: 5',
    ],
    ...[
      '\x0bContent-Length: 5',
      '\x0cContent-Length: 5',
      '\0Content-Length: 5',
      '\xa0Content-Length: 5',
      'Content-Length:\r\n 5',
    ],
  ];
  for (const line of lines) {
    await target.refuses(t, post(`${line}\r\n`, `hello${HIDDEN}`));
    await target.refuses(t, `POST /p HTTP/1.1\r\n${line}\r\n${HOST}\r\nhello${HIDDEN}`);
  }
});

test('6. line ends that are none', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  const lines = ['POST /p HTTP/1.1', 'Host: t.example', 'X: y', 'Content-Length: 5', ''];
  for (const end of ['\n', '\r', '\r\r\n', '\n\r', '\n\n', '\r\n\rX', '\0\r\n', '\r\n\n', '\x0b\r\n'])
    for (let at = 0; at < lines.length; at++) {
      // There the head is whole, and what comes is its body.
      if (at === lines.length - 1 && end.startsWith('\r\n')) continue;
      const head = lines.map((line, i) => `${line}${i === at ? end : '\r\n'}`).join('');
      // An end that adds an empty line ends the head early: then Host or length are missing, or the rest is no request.
      const { length } = target.requests;
      await using client = await target.client();
      client.write(`${head}hello${HIDDEN}${get('/after')}`);
      const statuses: number[] = [];
      while (!statuses.includes(400)) statuses.push((await client.answer()).status);
      await client.ended();
      t.equal(client.unread, '', 'nothing after it is served');
      const seen = target.requests.slice(length).map((it) => it.start);
      t.notOk(
        seen.some((start) => start.includes('/after') || start.includes('/hidden')),
        seen.join(),
      );
      t.equal(seen.length, statuses.length - 1, JSON.stringify([at, end]));
    }
  await target.serves(t);
});

test('7. a CR read as a hyphen', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  for (const line of [
    'Content\rLength: 5',
    'Transfer\rEncoding: chunked',
    'X\rForwarded\rFor: 1.2.3.4',
    'Content-Length\r: 5',
    '\rContent-Length: 5',
    'Content-Length:\r5',
  ])
    await target.refuses(t, post(`${line}\r\n`, `hello${HIDDEN}`));
});

test('10. an empty field name', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  for (const line of [': x', ':', ':x', ': Content-Length: 5', ' : x', '\t: x'])
    for (const fields of [`${line}\r\nContent-Length: 5\r\n`, `Content-Length: 5\r\n${line}\r\n`])
      await target.refuses(t, post(fields, `hello${HIDDEN}`));
});

test('11. a field name of 70 000 bytes', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  for (const name of [
    'x'.repeat(70_000),
    `${'x'.repeat(65_536)}Content-Length`,
    `Content-Length${'0'.repeat(65_536 - 14 + 1)}`,
  ])
    await target.refuses(t, post(`${name}: 5\r\nContent-Length: 5\r\n`, `hello${HIDDEN}`), [431]);
  await target.serves(t);
});

test('12. Transfer-Encoding in HTTP/1.0', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  for (const fields of [
    '',
    'Connection: keep-alive\r\n',
    'Content-Length: 5\r\n',
    'Connection: Transfer-Encoding\r\n',
  ])
    await target.refuses(
      t,
      `POST /p HTTP/1.0\r\n${HOST}${fields}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    );
});

test('13. framing behind more fields than are counted', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start({
    listener: { limits: { max_header_size: '64KiB' } },
  });
  const many = 'a: b\r\n'.repeat(2100);
  for (const method of ['POST', 'GET', 'DELETE'])
    for (const fields of [
      `${many}Content-Length: ${HIDDEN.length}\r\n`,
      `${many}Transfer-Encoding: chunked\r\n`,
    ])
      await target.refuses(t, `${method} /p HTTP/1.1\r\n${HOST}${fields}\r\n${HIDDEN}`, [431]);
  await target.serves(t);
});

test('16. bodies where there should be none keep their frame', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start({
    answer: (request) =>
      request.start.startsWith('HEAD ')
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n'
        : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  });
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
    const { length } = target.requests;
    await using client = await target.client();
    client.write(
      `${method} /bodied HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}${get('/next')}`,
    );
    t.equal((await client.answer(method)).status, 200);
    t.equal((await client.answer()).status, 200);
    const seen = target.requests.slice(length);
    t.same(
      seen.map((it) => it.start),
      [`${method} /bodied HTTP/1.1`, 'GET /next HTTP/1.1'],
    );
    t.equal(seen[0]?.body, HIDDEN);
  }
});

test('17. the body of a request that is answered here', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  for (const [path, status] of [
    ['/admin/x', 403],
    ['/%2f', 400],
  ] as const)
    for (const message of [
      `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
      `POST ${path} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
    ])
      await target.refuses(t, message, [status]);
  await target.serves(t);
});
