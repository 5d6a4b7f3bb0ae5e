/** Heads of answers: status lines, fields and framing, as tables. */
import t from 'tap';
import { HttpFault, ResponseReader, SharedHead } from '../../../src/http/index.ts';
import { parseResponseFields, parseStatusLine, ResponseHead } from '../../../src/http/response-head.ts';

const shown = JSON.stringify;

t.test('status lines', async (t) => {
  const good: [string, number, 0 | 1, string][] = [
    ['HTTP/1.1 200 OK', 200, 1, 'OK'],
    ['HTTP/1.0 404 Not Found', 404, 0, 'Not Found'],
    ['HTTP/1.1 204 ', 204, 1, ''],
    ['HTTP/1.1 204', 204, 1, ''],
    ['HTTP/1.1 999 Odd', 999, 1, 'Odd'],
    ['HTTP/1.1 100 Continue', 100, 1, 'Continue'],
    ['HTTP/1.1 200 caf\xe9\ta', 200, 1, 'caf\xe9\ta'],
    ['HTTP/1.1 200 a\x01b\x7fc', 200, 1, 'abc'],
    ['HTTP/1.1 200  two', 200, 1, ' two'],
  ];
  for (const [line, status, minor, phrase] of good)
    t.same(parseStatusLine(line), { status, minor, phrase }, shown(line));
  const bad = [
    '',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 20',
    'HTTP/1.1 20x OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 Low',
    'HTTP/1.1 000 Zero',
    'HTTP/1.1 +20 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.2 200 OK',
    'HTTP/2 200',
    'HTTP/2.0 200 OK',
    'http/1.1 200 OK',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    'SSH-2.0-OpenSSH',
  ];
  for (const line of bad) t.match(parseStatusLine(line), { reason: 'bad_upstream' }, shown(line));
});

t.test('field blocks that are refused', async (t) => {
  const table = [
    'A b\r\n',
    ': b\r\n',
    'A : b\r\n',
    ' A: b\r\n',
    'A: b\r\n c\r\n',
    'A: b\nC: d\r\n',
    'A: \x00\r\n',
    'Content-Length: x\r\n',
    'Content-Length: -1\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: 5\r\nContent-Length: 5\r\n',
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: gzip\r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
    'A: b\r\n'.repeat(101),
  ];
  for (const block of table)
    t.match(parseResponseFields(block, 100), { reason: 'bad_upstream' }, shown(block.slice(0, 60)));
});

t.test('what goes on to the client', async (t) => {
  const table: [string, string][] = [
    ['', ''],
    ['A: b\r\nServer: x\r\n', 'A: b\r\nServer: x\r\n'],
    ['a:b\r\nB:  c \r\n', 'a: b\r\nB: c\r\n'],
    ['Set-Cookie: a=b\r\nX: y\r\nSet-Cookie: c=d\r\n', 'Set-Cookie: a=b\r\nX: y\r\nSet-Cookie: c=d\r\n'],
    ['Content-Length: 5\r\nA: b\r\nTransfer_Encoding: x\r\n', 'A: b\r\nTransfer_Encoding: x\r\n'],
    ['Connection: X-A, close\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\nX-B: 2\r\n', 'X-B: 2\r\n'],
    ['Connection: Set-Cookie\r\nSet-Cookie: a=b\r\n', 'Set-Cookie: a=b\r\n'],
    ['Proxy-Authenticate: x\r\nTrailer: x\r\nUpgrade: h2c\r\nTE: x\r\nProxy-Connection: x\r\n', ''],
    ['Via: 1.1 other\r\nX-Request-Id: r\r\n', 'Via: 1.1 other\r\nX-Request-Id: r\r\n'],
  ];
  for (const [block, forward] of table) t.match(parseResponseFields(block, 100), { forward }, shown(block));
});

t.test('keep-alive hints', async (t) => {
  const table: [string, number][] = [
    ['', -1],
    ['Keep-Alive: timeout=5\r\n', 5],
    ['Keep-Alive: timeout=5, max=100\r\n', 5],
    ['Keep-Alive: max=100, Timeout=15\r\n', 15],
    ['Keep-Alive: xtimeout=5\r\n', -1],
    ['Keep-Alive: timeout=-5\r\n', -1],
    ['Keep_Alive: timeout=5\r\n', -1],
  ];
  for (const [block, keepAliveTimeoutS] of table)
    t.match(parseResponseFields(block, 100), { keepAliveTimeoutS }, shown(block));
});

t.test('where the body ends (RFC 9112 section 6.3), and whether the connection goes on', async (t) => {
  type Row = [
    status: number,
    minor: 0 | 1,
    method: string,
    block: string,
    framing: string,
    keepsAlive: boolean,
  ];
  const table: Row[] = [
    [200, 1, 'GET', 'Content-Length: 5\r\n', 'length', true],
    [200, 1, 'GET', 'Content-Length: 0\r\n', 'none', true],
    [200, 1, 'GET', 'Transfer-Encoding: chunked\r\n', 'chunked', true],
    [200, 1, 'GET', '', 'close', true],
    [200, 1, 'HEAD', 'Content-Length: 5\r\n', 'none', true],
    [200, 1, 'HEAD', 'Transfer-Encoding: chunked\r\n', 'none', true],
    [200, 1, 'HEAD', '', 'none', true],
    [204, 1, 'GET', 'Content-Length: 5\r\n', 'none', false],
    [304, 1, 'GET', 'Content-Length: 5\r\n', 'none', true],
    [103, 1, 'GET', 'Content-Length: 5\r\n', 'none', true],
    [200, 1, 'GET', 'Content-Length: 5\r\nConnection: close\r\n', 'length', false],
    [200, 0, 'GET', 'Content-Length: 5\r\n', 'length', false],
    [200, 0, 'GET', 'Content-Length: 5\r\nConnection: Keep-Alive\r\n', 'length', true],
  ];
  for (const [status, minor, method, block, framing, keepsAlive] of table) {
    const fields = parseResponseFields(block, 100);
    if (fields instanceof HttpFault) throw new Error(fields.detail);
    const head = new ResponseHead(status, minor, '', fields);
    t.equal(head.framing(method), framing, `${method} ${status} ${shown(block)}`);
    t.equal(head.keepsAlive, keepsAlive, `HTTP/1.${minor} ${shown(block)}`);
    t.equal(head.isInterim, status < 200);
  }
});

t.test('the reader: large heads, other protocols, where the body begins', async (t) => {
  const limits = { maxHeadBytes: 100, maxFields: 10 };
  const push = (reader: ResponseReader, text: string) => {
    const bytes = Buffer.from(`....${text}`, 'latin1');
    return reader.push(bytes, 4, bytes.length);
  };
  const whole = push(new ResponseReader(limits), 'HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody');
  t.match(whole, { bodyStart: 4 + 25, head: { status: 200 } });
  for (const text of ['SSH-2.0', 'HTTX', '\r\n', ' HTTP/1.1'])
    t.match(push(new ResponseReader(limits), text), { reason: 'bad_upstream' }, `at once: ${shown(text)}`);
  t.equal(push(new ResponseReader(limits), 'HTT'), null, 'may become one');
  const reader = new ResponseReader(limits);
  t.equal(push(reader, `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(60)}`), null);
  t.match(push(reader, 'x'.repeat(60)), { reason: 'bad_upstream' });
  const bare = push(new ResponseReader(limits), 'HTTP/1.1 200 OK\r\n\r\n');
  t.match(bare, { head: { status: 200, fields: { forward: '' } } }, 'no fields at all');
});

t.test('a head with a bare LF is refused when it is seen, not when it never ends', async (t) => {
  const limits = { maxHeadBytes: 4096, maxFields: 10 };
  const cases = [
    'HTTP/1.1 200 OK\n',
    'HTTP/1.1 200 OK\r\nA: b\n',
    'HTTP/1.1 200 OK\r\nA: b\n\n',
    'HTTP/1.1 200 OK\r\n\n',
  ];
  for (const text of cases) {
    const bytes = Buffer.from(text);
    t.match(new ResponseReader(limits).push(bytes, 0, bytes.length), HttpFault, shown(text));
    const byByte = new ResponseReader(limits);
    const results = [...bytes.keys()].map((at) => byByte.push(bytes, at, at + 1));
    const seen = results.findIndex((it) => it !== null);
    t.match(results[seen], HttpFault, `${shown(text)} byte by byte`);
    t.equal(seen, /(?<!\r)\n/.exec(text)?.index, 'not before');
  }
  const good = Buffer.from('HTTP/1.1 200 OK\r\nA: b\r\n');
  t.equal(new ResponseReader(limits).push(good, 0, good.length), null, 'CRLF may go on');
});

t.test('a head like the one before is taken for it; any other is read', async (t) => {
  const reader = new ResponseReader({ maxHeadBytes: 4096, maxFields: 10 });
  const a = 'HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 4\r\n\r\n';
  const b = a.replace('A: 1', 'A: 2');
  const push = (text: string) => {
    const bytes = Buffer.from(`....${text}`, 'latin1');
    return reader.push(bytes, 4, bytes.length);
  };
  const heads: unknown[] = [];
  for (const text of [`${a}body`, `${a}body`, `${a}else`, `${b}body`, `${b}body`, b, `${b}body`]) {
    const found = push(text);
    t.match(found, { bodyStart: 4 + a.length, head: { status: 200, fields: { contentLength: 4 } } });
    if (found !== null && 'head' in found) heads.push(found.head);
  }
  t.equal(new Set(heads).size, 2, 'two different heads');
  t.equal(push(b.slice(0, -1)), null, 'nearly the same one');
  t.match(push('\nbody'), { bodyStart: 4 + 1, head: { fields: { forward: 'A: 2\r\n' } } });
  t.equal(push(b.slice(0, 3)), null);
  t.match(push(`${a.slice(3)}body`), {
    bodyStart: 4 + a.length - 3,
    head: { fields: { forward: 'A: 1\r\n' } },
  });
  t.match(push('HTTP/1.1 200 OK\nA: 2\r\n\r\n'), { reason: 'bad_upstream' });
});

const limits = { maxHeadBytes: 4096, maxFields: 10 };
const push = (reader: ResponseReader, text: string) => {
  const bytes = Buffer.from(text, 'latin1');
  return reader.push(bytes, 0, bytes.length);
};

t.test('connections of one pool share the last head that any of them has read', async (t) => {
  const shared = new SharedHead();
  const readers = Array.from({ length: 3 }, () => new ResponseReader(limits, shared));
  const headOf = (reader: ResponseReader, text: string): ResponseHead => {
    const found = push(reader, `${text}body`);
    if (found === null || !('head' in found)) throw new Error(`no head in ${text}`);
    t.equal(found.bodyStart, text.length);
    return found.head;
  };
  const second = (n: number): string => `HTTP/1.1 200 OK\r\nDate: ${n}\r\nContent-Length: 4\r\n\r\n`;
  for (const n of [1, 2, 3]) {
    const heads = readers.flatMap((reader) => [headOf(reader, second(n)), headOf(reader, second(n))]);
    t.equal(new Set(heads).size, 1, 'read once, by the first');
    t.equal(heads[0]?.fields.forward, `Date: ${n}\r\n`);
  }
  const [one, other] = readers as [ResponseReader, ResponseReader];
  const own = 'HTTP/1.1 404 No\r\nServer: other\r\nContent-Length: 4\r\n\r\n';
  const ownHead = headOf(other, own);
  t.equal(headOf(one, second(3)).status, 200, 'one that says something else spoils nobody');
  t.equal(headOf(other, own), ownHead, 'and keeps its own');
});

t.test('a server whose heads all differ, and then do not any more', async (t) => {
  const reader = new ResponseReader(limits);
  const textOf = (n: number): string => `HTTP/1.1 200 OK\r\nETag: "${n}"\r\nContent-Length: 0\r\n\r\n`;
  for (let n = 0; n < 20; n++)
    t.match(push(reader, textOf(n)), {
      bodyStart: textOf(n).length,
      head: { fields: { forward: `ETag: "${n}"\r\n` } },
    });
  const heads = [1, 2, 3].map(() => push(reader, textOf(7)));
  t.match(heads[0], { head: { fields: { forward: 'ETag: "7"\r\n' } } });
  t.same(heads[2], heads[0]);
});

t.test('heads of any length, whatever stands behind them', async (t) => {
  for (let length = 2000; length < 2100; length++) {
    const text = `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(length - 24)}\r\n\r\n`;
    for (const rest of ['', 'b', 'b'.repeat(5000)]) {
      const bytes = Buffer.from(text + rest, 'latin1');
      const found = new ResponseReader({ maxHeadBytes: 4096, maxFields: 10 }).push(bytes, 0, bytes.length);
      t.match(found, { bodyStart: length }, `${length} and ${rest.length}`);
    }
  }
  const large = Buffer.from(`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(5000)}\r\n\r\n`);
  const limits = { maxHeadBytes: 4096, maxFields: 10 };
  t.match(new ResponseReader(limits).push(large, 0, large.length), { reason: 'bad_upstream' });
  t.match(new ResponseReader({ ...limits, maxHeadBytes: 8192 }).push(large, 0, large.length), {
    head: { status: 200 },
  });
});

t.test('what a client gets of a head is made once, but for HEAD', async (t) => {
  const bytes = Buffer.from('HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 4\r\n\r\n');
  const found = new ResponseReader({ maxHeadBytes: 4096, maxFields: 10 }).push(bytes, 0, bytes.length);
  if (found === null || found instanceof HttpFault) throw new Error('no head');
  const { head } = found;
  const answer = head.answerTo('GET');
  t.match(answer, { status: 200, framing: 'length', contentLength: 4, fields: 'A: 1\r\n', hasDate: false });
  t.equal(head.answerTo('POST'), answer);
  t.match(head.answerTo('HEAD'), { framing: 'none', contentLength: 4 });
  t.equal(head.answerTo('GET').framing, 'length');
});
