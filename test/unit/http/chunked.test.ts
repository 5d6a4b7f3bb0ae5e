/** The chunked coding: what is taken, what is refused, what is bounded, and what may stand in trailers. */
import t from 'tap';
import { ChunkedDecoder, chunkHead, filterTrailers, HttpFault } from '../../../src/http/index.ts';

const shown = JSON.stringify;

interface Decoded {
  readonly data: string;
  readonly end: number | HttpFault;
  readonly isDone: boolean;
  readonly trailers: string;
}

function decode(text: string, maxTrailerBytes = 1000): Decoded {
  const decoder = new ChunkedDecoder(maxTrailerBytes);
  let data = '';
  const bytes = Buffer.from(`__${text}`, 'latin1');
  const end = decoder.push(bytes, 2, bytes.length, {
    onChunkData: (buffer, from, to) => {
      data += buffer.toString('latin1', from, to);
    },
  });
  return {
    data,
    end: end instanceof HttpFault ? end : end - 2,
    isDone: decoder.isDone,
    trailers: decoder.trailers,
  };
}

t.test('whole bodies', async (t) => {
  const table: [text: string, data: string, trailers: string, rest: string][] = [
    ['0\r\n\r\n', '', '', ''],
    ['5\r\nhello\r\n0\r\n\r\n', 'hello', '', ''],
    ['5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /', 'hello world', '', 'GET /'],
    ['A\r\n0123456789\r\n0\r\n\r\n', '0123456789', '', ''],
    ['a\r\n0123456789\r\n0\r\n\r\n', '0123456789', '', ''],
    ['0005\r\nhello\r\n0000\r\n\r\n', 'hello', '', ''],
    ['5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n', 'hello', '', ''],
    ['5;\r\nhello\r\n0\r\n\r\n', 'hello', '', ''],
    ['2\r\n\r\n\r\n0\r\n\r\n', '\r\n', '', ''],
    ['0\r\nX: y\r\n\r\n', '', 'X: y\r\n', ''],
    ['1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\nrest', 'a', 'X: y\r\nZ:\r\n', 'rest'],
  ];
  for (const [text, data, trailers, rest] of table)
    t.same(decode(text), { data, end: text.length - rest.length, isDone: true, trailers }, shown(text));
});

t.test('bodies that go on', async (t) => {
  for (const text of [
    '',
    '5',
    '5\r',
    '5\r\n',
    '5\r\nhel',
    '5\r\nhello',
    '5\r\nhello\r\n',
    '0\r\n',
    '0\r\n\r',
    '0\r\nX: y\r\n',
  ])
    t.match(decode(text), { end: text.length, isDone: false }, shown(text));
});

t.test('what is refused', async (t) => {
  const table = [
    '\r\n',
    'g\r\n',
    ' 5\r\nhello',
    '5 \r\nhello',
    '\t5\r\nhello',
    '+5\r\nhello',
    '-5\r\nhello',
    '0x5\r\nhello',
    '5h\r\nhello',
    '5\nhello',
    '5\rhello',
    '5;a\nhello',
    '5;a\rbhello',
    '5;\x00\r\nhello',
    '5;\x7f\r\nhello',
    '5\r\nhelloX\r\n',
    '5\r\nhello\rX',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhello0\r\n\r\n',
    '11111111111111111\r\n',
    'ffffffffffffffff\r\n',
    '20000000000000\r\n',
    '0\r\nX: y\n\r\n',
    '0\r\nX: \x00\r\n\r\n',
    '0\r\n X: y\r\n Z\r\n\r\n',
    `5;${'a'.repeat(5000)}`,
    `${'1;aaaaaaaaa\r\nx\r\n'.repeat(500)}`,
  ];
  for (const text of table) t.match(decode(text).end, { reason: 'bad_request' }, shown(text.slice(0, 40)));
  t.match(decode(`0\r\nX: ${'y'.repeat(1000)}\r\n`).end, { reason: 'head_too_large' });
});

t.test('the largest size', async (t) => {
  t.match(decode('1fffffffffffff\r\nabc'), { data: 'abc', isDone: false }, '2^53 - 1');
});

t.test('data is handed on before its chunk is complete, in ranges of what was pushed', async (t) => {
  t.equal(decode('ff\r\nsome').data, 'some');
});

t.test('what we write before a chunk', async (t) => {
  t.same([1, 15, 16, 65_536].map(chunkHead), ['1\r\n', 'f\r\n', '10\r\n', '10000\r\n']);
});

t.test('trailers that may go on', async (t) => {
  const table: [section: string, kept: string][] = [
    ['X-Sum: a\r\n', 'X-Sum: a\r\n'],
    ['x-sum:\t a \r\nGrpc-Status: 0\r\n', 'x-sum: a\r\nGrpc-Status: 0\r\n'],
    ['Server-Timing: db;dur=1\r\nETag: "x"\r\n', 'Server-Timing: db;dur=1\r\nETag: "x"\r\n'],
  ];
  for (const [section, kept] of table) t.equal(filterTrailers(section, 10), kept, shown(section));
  const dropped = [
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'Trailer',
    'TE',
    'Upgrade',
    'Expect',
    'Cookie',
    'Set-Cookie',
    'Authorization',
    'Proxy-Authorization',
    'Content-Type',
    'Content-Encoding',
    'Content-Range',
    'Cache-Control',
    'Location',
    'Vary',
    'Range',
    'If-Match',
    'Max-Forwards',
    'X-Forwarded-For',
    'X-Real-IP',
    'Forwarded',
    'X-Request-Id',
    'Transfer_Encoding',
    'Proxy',
    'Via',
  ];
  for (const name of dropped)
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()])
      t.equal(filterTrailers(`${spelling}: x\r\nX: y\r\n`, 10), 'X: y\r\n', spelling);
  const bad: [string, string][] = [
    ['no colon\r\n', 'bad_request'],
    [': x\r\n', 'bad_request'],
    ['X : y\r\n', 'bad_request'],
    [' X: y\r\n', 'bad_request'],
    ['X: y\r\n'.repeat(11), 'head_too_large'],
  ];
  for (const [section, reason] of bad)
    t.match(filterTrailers(section, 10), { reason }, shown(section.slice(0, 30)));
});
