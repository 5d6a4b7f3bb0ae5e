import t from 'tap';
import { HttpFault } from '../../../src/http/fault.ts';
import { HeadReader, type WholeHead } from '../../../src/http/head-reader.ts';
import type { WireLimits } from '../../../src/http/wire.ts';
import { WIRE_LIMITS } from '../../support/wire-fixture.ts';

function reader(limits: Partial<WireLimits> = {}): HeadReader {
  return new HeadReader({ ...WIRE_LIMITS, ...limits }, false);
}

const push = (to: HeadReader, text: string): WholeHead | HttpFault | null =>
  to.push(Buffer.from(text, 'latin1'));

/** The reason of a refusal, the target of a head, or `more`. */
function said(result: WholeHead | HttpFault | null): string {
  if (result === null) return 'more';
  return result instanceof HttpFault ? result.reason : result.head.target;
}

const HEAD = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';

t.test('where a head ends and the bytes after it begin', (t) => {
  /** Pieces; then the size of the head, and where in the last piece the rest begins. */
  const table: [string[], number, number][] = [
    [[HEAD], HEAD.length, HEAD.length],
    [[`${HEAD}rest`], HEAD.length, HEAD.length],
    [['GET /a HTTP/1.1\r\nHost: h\r\n', '\r\nrest'], HEAD.length, 2],
    [['GET /a HTTP/1.1\r\nHost: h\r', '\n\r\nrest'], HEAD.length, 3],
    [['GET /a HTTP/1.1\r\nHost: h\r\n\r', '\nrest'], HEAD.length, 1],
    [[`\r\n${HEAD}rest`], HEAD.length, HEAD.length + 2],
    [['\r', '\n', `${HEAD}rest`], HEAD.length, HEAD.length],
  ];
  for (const [pieces, sizeBytes, bodyOffset] of table) {
    const heads = reader();
    const results = pieces.map((piece) => push(heads, piece));
    const last = results.pop();
    t.same(
      results,
      results.map(() => null),
      JSON.stringify(pieces),
    );
    t.match(last, { sizeBytes, bodyOffset });
  }
  t.end();
});

t.test('a head with several faults is refused for the same one, whole or in pieces', (t) => {
  const many = 'a:\r\n'.repeat(101);
  const long = `GET /${'x'.repeat(8 * 1024 - 4)}`;
  const table: [text: string, reason: string][] = [
    ['S / HTTP/1.1\r\nTransfer-Encoding:\r\n\n\r\n\r\n', 'bad_request'],
    [`T / HTTP/1.1\r\nH:\r\n${many}b\r\n\rb\r\n\r\n`, 'bad_request'],
    [`GET / HTTP/1.1\r\nX: ${'x'.repeat(16 * 1024 - 30)}\0xxxxxxxxx\r\n\r\n`, 'bad_request'],
    // The line comes first, and within it what no head may hold.
    ['GET / HTTP/2.0\r\nX: a\0\r\n\r\n', 'version'],
    ['GET /\0 HTTP/2.0\r\nX: a\r\n\r\n', 'bad_request'],
    ['GET / HTTP/2.0\r\n X: a\r\n\r\n', 'version'],
    [`${long}xxx\0 HTTP/1.1\r\n\r\n`, 'bad_request'],
    [`${long}${'x'.repeat(90)}\0 HTTP/1.1\r\n\r\n`, 'target_too_long'],
    [`${long}xxxxxxx HTTP/1.1\r\nX: \0\r\n\r\n`, 'target_too_long'],
  ];
  for (const [text, reason] of table) {
    t.equal(said(push(reader(), text)), reason, JSON.stringify(text.slice(-60)));
    for (const size of [1, 2, 7, 100]) {
      const heads = reader();
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      const last = pieces.map((piece) => push(heads, piece)).find((it) => it !== null);
      t.equal(said(last ?? null), reason, `in pieces of ${size}`);
    }
  }
  t.end();
});

t.test('a request line has one limit, whole or in pieces', (t) => {
  const most = 8 * 1024 + 64;
  for (const [lineBytes, expected] of [
    [most, '/'],
    [most + 1, 'target_too_long'],
  ] as const) {
    const text = `${'M'.repeat(lineBytes - ' / HTTP/1.1'.length)} / HTTP/1.1\r\nHost: h\r\n\r\n`;
    t.equal(said(push(reader(), text)), expected, `a line of ${lineBytes} bytes`);
    for (const cut of [100, lineBytes, lineBytes + 1, lineBytes + 2]) {
      const heads = reader();
      const first = said(push(heads, text.slice(0, cut)));
      t.equal(first === 'more' ? said(push(heads, text.slice(cut))) : first, expected, `cut at ${cut}`);
    }
  }
  t.end();
});

t.test('a fold and a CR too many are seen where they were cut', (t) => {
  for (const pieces of [
    ['\r\n', ' '],
    ['GET / HTTP/1.1\r\nX: a\r', '\n', '\tb'],
    ['GET / HTTP/1.1\r\n', ' X'],
  ]) {
    const heads = reader();
    t.same(
      pieces.map((piece) => said(push(heads, piece))),
      pieces.map((_, i) => (i === pieces.length - 1 ? 'bad_request' : 'more')),
      JSON.stringify(pieces),
    );
  }
  t.end();
});

t.test('what can never become a head is refused as soon as it is seen', (t) => {
  const table: [string, string, string][] = [
    ['NUL', 'GET /\0', 'bad_request'],
    ['bare LF', 'GET / HTTP/1.1\nH', 'bad_request'],
    ['bare CR', 'GET / HTTP/1.1\rH', 'bad_request'],
    ['a CR may be half a line end', 'GET / HTTP/1.1\r', 'more'],
    ['folded', 'GET / HTTP/1.1\r\n X', 'bad_request'],
    ['TLS', '\x16\x03\x01', 'bad_request'],
    ['a long line', `GET /${'x'.repeat(8 * 1024 + 100)}`, 'target_too_long'],
    [
      'a line too long by one byte, as soon as it is whole',
      `GET /${'x'.repeat(8 * 1024)} HTTP/1.1\r\n`,
      'target_too_long',
    ],
    ['a line of another version', 'GET / HTTP/2.0\r\n', 'version'],
    ['a line that is none', 'GET /\r\n', 'bad_request'],
    ['a long head', `GET / HTTP/1.1\r\nX: ${'x'.repeat(16 * 1024)}`, 'head_too_large'],
    ['text that may become one', 'hello', 'more'],
  ];
  for (const [name, text, expected] of table) t.equal(said(push(reader(), text)), expected, name);
  t.end();
});

t.test('a head may be as large as the limit, in one piece or many', (t) => {
  for (const [sizeBytes, expected] of [
    [200, '/'],
    [201, 'head_too_large'],
  ] as const) {
    const start = 'GET / HTTP/1.1\r\nHost: h\r\nX: ';
    const head = `${start}${'x'.repeat(sizeBytes - start.length - 4)}\r\n\r\n`;
    t.equal(said(push(reader({ maxHeadBytes: 200 }), head)), expected);
    t.equal(
      said(push(reader({ maxHeadBytes: 200 }), `\r\n${head}`)),
      expected,
      'an empty line before it is free',
    );
    const heads = reader({ maxHeadBytes: 200 });
    const results = [...head].map((byte) => said(push(heads, byte)));
    t.equal(
      results.find((it) => it !== 'more'),
      expected,
    );
    t.equal(
      said(push(reader({ maxHeadBytes: 200 }), `${head}${'y'.repeat(1000)}`)),
      expected,
      'a body is not counted',
    );
  }
  t.end();
});

t.test('fields that are the same to the byte are read once', (t) => {
  const heads = reader();
  const fieldsOf = (text: string): unknown => {
    const whole = push(heads, text);
    return whole === null || whole instanceof HttpFault ? whole : whole.head.fields;
  };
  const first = fieldsOf(HEAD);
  t.equal(fieldsOf(HEAD.replace('/a', '/b')), first, 'another request line');
  const other = fieldsOf('GET / HTTP/1.1\r\nHost: other\r\n\r\n');
  t.not(other, first);
  t.not(fieldsOf(HEAD), first, 'only those just before are known');
  t.ok(fieldsOf('GET / HTTP/1.1\r\nHost: h h\r\n\r\n') instanceof HttpFault);
  t.end();
});

t.test('blank lines, and what was not whole', (t) => {
  const heads = reader();
  t.notOk(heads.isBlank);
  push(heads, '\r');
  t.ok(heads.isBlank);
  push(heads, '\n');
  t.ok(heads.isBlank);
  push(heads, 'G');
  t.notOk(heads.isBlank);
  heads.clear();
  t.equal(said(push(heads, HEAD)), '/a', 'forgotten');
  t.equal(
    said(push(heads, '\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n')),
    'bad_request',
    'one empty line, not two',
  );
  t.end();
});

t.test('a request like the one before on its connection is the same to us; any other is read', (t) => {
  const heads = reader();
  const first = push(heads, HEAD);
  t.equal(push(heads, HEAD), first);
  t.equal(said(push(heads, HEAD.replace('/a', '/b'))), '/b');
  t.equal(said(push(heads, HEAD)), '/a');
  t.equal(said(push(heads, HEAD.slice(0, 9))), 'more');
  t.equal(said(push(heads, HEAD)), 'bad_request', 'not within another');
  const again = reader();
  push(again, HEAD);
  t.equal(said(push(again, '\r\n')), 'more');
  t.match(push(again, `${HEAD}rest`), { bodyOffset: HEAD.length, head: { target: '/a' } });
  t.end();
});
