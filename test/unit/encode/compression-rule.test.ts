/** Which answers are compressed, by which coding, and what their heads say. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import t from 'tap';
import { type Coding, CompressionRule, codedHead, encodeWhole } from '../../../src/encode/index.ts';
import { negotiate } from '../../../src/encode/negotiate.ts';
import type { AnswerHead } from '../../../src/http/index.ts';

t.test('the coding by what the client takes (RFC 9110 section 12.5.3)', (t) => {
  const rows: readonly (readonly [accept: string, coding: Coding | null])[] = [
    ['', null],
    ['gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'zstd'],
    ['gzip, br', 'br'],
    ['gzip;q=1, br;q=0.9', 'gzip'],
    ['GZip ; Q=0.5', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip;q=0', null],
    ['gzip;q=0.000, *', 'zstd'],
    ['*', 'zstd'],
    ['*;q=0', null],
    ['*;q=0.1, br', 'br'],
    ['identity', null],
    ['identity, gzip;q=0.5', null],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity;q=0, gzip', 'gzip'],
    ['deflate', null],
    ['gzip;q=2', null],
    ['gzip;q=1.5, br', 'br'],
    ['gzip;level=9', null],
    [',, ,gzip', 'gzip'],
    ['gzipx, xgzip', null],
  ];
  for (const [accept, coding] of rows) t.equal(negotiate(accept, ['zstd', 'br', 'gzip']), coding, accept);
  t.equal(negotiate('gzip, br', ['gzip', 'br']), 'gzip', 'in our order');
  t.end();
});

function head(fields: string, part: Partial<AnswerHead> = {}): AnswerHead {
  return {
    status: 200,
    phrase: 'OK',
    fields: `Content-Type: text/html; charset=utf-8\r\n${fields}`,
    framing: 'length',
    contentLength: 5000,
    hasDate: false,
    memo: 'known',
    ...part,
  };
}

t.test('which answers', (t) => {
  const rule = new CompressionRule({
    types: ['text/html', 'application/json', 'font/*'],
    minSizeBytes: 1000,
    algorithms: ['gzip'],
    skipsSetCookie: false,
  });
  const rows: readonly (readonly [
    what: string,
    answer: AnswerHead,
    coding: 'gzip' | null,
    varies: boolean,
  ])[] = [
    ['a page', head(''), 'gzip', true],
    ['of unknown length', head('', { framing: 'chunked', contentLength: -1 }), 'gzip', true],
    ['until the end of the connection', head('', { framing: 'close', contentLength: -1 }), 'gzip', true],
    ['an error', head('', { status: 404 }), 'gzip', true],
    ['too small', head('', { contentLength: 999 }), null, false],
    ['large enough', head('', { contentLength: 1000 }), 'gzip', true],
    ['no body (HEAD, 204, 304)', head('', { framing: 'none' }), null, false],
    ['a part', head('', { status: 206 }), null, false],
    ['a part by its field', head('Content-Range: bytes 0-1/2\r\n'), null, false],
    ['coded already', head('Content-Encoding: br\r\n'), null, false],
    ['coded as identity', head('content-encoding: Identity\r\n'), 'gzip', true],
    [
      'no-transform',
      head('Cache-Control: public\r\ncache-control: max-age=1, No-Transform\r\n'),
      null,
      false,
    ],
    ['with a cookie', head('Set-Cookie: a=b\r\n'), 'gzip', true],
    ['another type', head('', { fields: 'Content-Type: image/png\r\n' }), null, false],
    ['a type of a family', head('', { fields: 'content-type: FONT/ttf\r\n' }), 'gzip', true],
    ['a type that only begins so', head('', { fields: 'Content-Type: text/htmlx\r\n' }), null, false],
    ['no type', head('', { fields: '' }), null, false],
  ];
  for (const [what, answer, coding, varies] of rows)
    t.same(rule.decide(answer, 'Accept-Encoding: br\r\naccept-encoding: gzip\r\n'), { coding, varies }, what);
  t.same(rule.decide(head(''), 'Accept: x\r\n'), { coding: null, varies: true }, 'a client that takes none');
  const careful = new CompressionRule({
    types: ['*'],
    minSizeBytes: 0,
    algorithms: ['gzip'],
    skipsSetCookie: true,
  });
  t.same(careful.decide(head('set-cookie: a=b\r\n'), 'Accept-Encoding: gzip\r\n').coding, null);
  t.same(careful.decide(head(''), 'Accept-Encoding: gzip\r\n').coding, 'gzip', 'any type');
  t.end();
});

t.test('answers to HEAD, of which is said what GET gets', (t) => {
  const rule = new CompressionRule({
    types: ['text/html'],
    minSizeBytes: 1000,
    algorithms: ['gzip'],
    skipsSetCookie: false,
  });
  const rows: readonly (readonly [what: string, part: Partial<AnswerHead>, coding: 'gzip' | null])[] = [
    ['a page', {}, 'gzip'],
    ['of unknown length', { contentLength: -1 }, 'gzip'],
    ['too small', { contentLength: 999 }, null],
    ['empty', { contentLength: 0 }, null],
    ['204', { status: 204, contentLength: -1 }, null],
    ['304', { status: 304, contentLength: -1 }, null],
    ['a part', { status: 206 }, null],
    ['a picture', { fields: 'Content-Type: image/png\r\n' }, null],
  ];
  for (const [what, part, coding] of rows) {
    const answer = head('', { framing: 'none', ...part });
    t.same(rule.decide(answer, 'Accept-Encoding: gzip\r\n', true), { coding, varies: coding !== null }, what);
  }
  t.end();
});

t.test('what is sent often, whole', async (t) => {
  const text = Buffer.from('all the same, all the same, all the same, and more of the same');
  t.ok(gunzipSync(await encodeWhole(text, 'gzip')).equals(text));
  t.ok(brotliDecompressSync(await encodeWhole(text, 'br')).equals(text));
  t.ok(zstdDecompressSync(await encodeWhole(text, 'zstd')).equals(text));
});

t.test('the head of a compressed answer', (t) => {
  const lines =
    'ETag: "a-1"\r\nVary: Origin\r\nAccept-Ranges: bytes\r\nContent-Digest: sha-256=:x:\r\nX-Etag: "b"\r\n';
  const coded = codedHead(head(lines), 'br');
  t.same(
    [coded.framing, coded.contentLength, coded.memo, coded.status],
    ['chunked', -1, '', 200],
    'no length',
  );
  t.equal(
    coded.fields,
    'Content-Type: text/html; charset=utf-8\r\nETag: W/"a-1"\r\nVary: Origin\r\nX-Etag: "b"\r\nContent-Encoding: br\r\nVary: Accept-Encoding\r\n',
  );
  t.match(codedHead(head('etag:W/"x"\r\n'), 'br').fields, 'etag:W/"x"\r\n', 'weak already');
  t.notMatch(codedHead(head('Content-Encoding: identity\r\n'), 'br').fields, 'identity');
  for (const vary of ['*', 'Accept-Encoding', 'Origin, accept-encoding ,X'])
    t.equal(codedHead(head(`Vary: ${vary}\r\n`), 'br').fields.match(/vary/gi)?.length, 1, vary);
  const plain = codedHead(head('ETag: "a"\r\n'), null);
  t.match(plain.fields, /ETag: "a"\r\nVary: Accept-Encoding\r\n$/, 'as it is, for those who take none');
  t.same([plain.framing, plain.contentLength], ['length', 5000]);
  t.end();
});
