/** Requests and heads of answers between the text of HTTP/1.1 and the fields of HTTP/2. */
import t from 'tap';
import { AnswerHeads } from '../../../src/forward-http2/answer-head.ts';
import { RequestFields } from '../../../src/forward-http2/request-fields.ts';
import { codeName } from '../../../src/forward-http2/reset-codes.ts';
import { HttpFault, type ResponseHead } from '../../../src/http/index.ts';

t.test('requests', (t) => {
  const fields = new RequestFields(true);
  const text =
    'POST /a?b=c HTTP/1.1\r\nHost: t.example\r\nX-Mine: A\r\nTransfer-Encoding: chunked\r\nConnection: TE\r\nTE: trailers\r\n' +
    'Upgrade: x\r\nX-Empty: \r\nX-Request-Id: 17\r\n\r\n';
  const expected = [
    ...[':method', 'POST', ':scheme', 'https', ':authority', 't.example', ':path', '/a?b=c'],
    ...['x-mine', 'A', 'te', 'trailers', 'x-empty', ''],
  ];
  t.same(fields.read(text), [...expected, 'x-request-id', '17']);
  t.same(fields.read(text.replace('17', '18')), [...expected, 'x-request-id', '18'], 'a repeated block');
  const other = fields.read(text.replace('t.example', 'u.example'));
  t.equal(other[5], 'u.example');
  t.same(
    new RequestFields(false).read('OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n'),
    [':method', 'OPTIONS', ':scheme', 'http', ':authority', 'h', ':path', '*'],
    'without an id',
  );
  t.end();
});

const OK = [':status', '200'];
const read = (raw: readonly string[], isComplete = false, method = 'GET'): ResponseHead | HttpFault =>
  new AnswerHeads(4).read(raw, isComplete, method);

t.test('how answers end', (t) => {
  const rows = [
    [[...OK], false, 'GET', 'chunked', -1],
    [[...OK, 'content-length', '5'], false, 'GET', 'length', 5],
    [[...OK], true, 'GET', 'none', 0],
    [[...OK], true, 'HEAD', 'none', -1],
    [[...OK, 'content-length', '5'], true, 'HEAD', 'none', 5],
    [[':status', '204'], true, 'GET', 'none', -1],
    [[':status', '304', 'content-length', '5'], true, 'GET', 'none', 5],
  ] as const;
  for (const [raw, isComplete, method, framing, length] of rows) {
    const head = read(raw, isComplete, method) as ResponseHead;
    const answer = head.answerTo(method);
    t.match(answer, { framing, contentLength: length }, `${raw.join(' ')} ${isComplete} ${method}`);
    t.notMatch(answer.fields, /content-length|transfer-encoding/i);
  }
  t.end();
});

t.test('what is no answer', (t) => {
  for (const raw of [
    [],
    ['x', 'y'],
    [':status', '20'],
    [':status', '600'],
    [...OK, 'connection', 'close'],
    [...OK, 'transfer-encoding', 'chunked'],
    [...OK, 'upgrade', 'h2c'],
    [...OK, 'x', 'a\r\nb'],
    [...OK, 'x', ' a'],
    [...OK, 'content-length', '1', 'content-length', '1'],
    [...OK, ...['a', '1', 'b', '2', 'c', '3', 'd', '4', 'e', '5']],
  ])
    t.ok(read(raw) instanceof HttpFault, JSON.stringify(raw));
  t.ok(read([...OK, 'content-length', '5'], true) instanceof HttpFault, 'a length, and no body');
  t.notOk(read([...OK, ...['a', '1', 'b', '2', 'c', '3', 'd', '4']]) instanceof HttpFault);
  t.ok(new AnswerHeads(4).readInterim([':status', '101']) instanceof HttpFault);
  t.match(new AnswerHeads(4).readInterim([':status', '103', 'link', 'x']), { status: 103 });
  t.end();
});

t.test('a repeated head is the same object, as long as it means the same', (t) => {
  const heads = new AnswerHeads(4);
  const raw = [...OK, 'x', 'y'];
  const first = heads.read([...raw], false, 'GET');
  t.equal(heads.read([...raw], false, 'GET'), first);
  t.not(heads.read([...raw], true, 'GET'), first);
  t.not(heads.read([...OK, 'x', 'z'], true, 'GET'), first);
  t.end();
});

t.test('what the server is judged by', (t) => {
  const judged = (raw: readonly string[], isComplete: boolean): number =>
    (read(raw, isComplete) as ResponseHead).judgedStatus;
  t.equal(judged([...OK, 'grpc-status', '14'], true), 503);
  t.equal(judged([...OK, 'grpc-status', '14'], false), 200, 'what follows is an answer');
  t.equal(judged([...OK, 'grpc-status', '5'], true), 200);
  t.equal(judged([':status', '502'], true), 502);
  t.end();
});

t.test('codes have names', (t) => {
  t.equal(codeName(0), 'NO_ERROR');
  t.equal(codeName(11), 'ENHANCE_YOUR_CALM');
  t.equal(codeName(99), 'code 99');
  t.end();
});
