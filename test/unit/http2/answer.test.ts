import t from 'tap';
import { HttpDate } from '../../../src/http/index.ts';
import { AnswerTranslator, fieldObject } from '../../../src/http2/answer.ts';
import { checkWebSocketAccept, makeWebSocketKey, withoutHandshake } from '../../../src/http2/websocket.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const FIELDS = 'Content-Type: text/plain\r\nSet-Cookie: a=1\r\nX-Odd:  caf\xe9 \r\nSet-Cookie: b=2\r\n';
const base = { phrase: 'OK', fields: FIELDS, hasDate: true, contentLength: -1, memo: '' } as const;

t.test('fields of an answer', (t) => {
  const translator = new AnswerTranslator(new HttpDate(new FakeClock()));
  const pairs = ['content-type', 'text/plain', 'set-cookie', 'a=1', 'x-odd', 'caf\xe9', 'set-cookie', 'b=2'];
  t.same(translator.fieldsOf({ ...base, status: 200, framing: 'chunked' }), [':status', '200', ...pairs]);
  t.same(translator.fieldsOf({ ...base, status: 201, framing: 'length', contentLength: 7 }), [
    ':status',
    '201',
    ...pairs,
    'content-length',
    '7',
  ]);
  t.same(
    translator.fieldsOf({ ...base, fields: '', status: 200, framing: 'none', contentLength: 9 }),
    [':status', '200', 'content-length', '9'],
    'of a HEAD',
  );
  t.same(translator.fieldsOf({ ...base, fields: '', status: 204, framing: 'none', contentLength: 0 }), [
    ':status',
    '204',
  ]);
  t.same(translator.fieldsOf({ ...base, fields: '', status: 799, framing: 'chunked' }), [':status', '502']);
  const dated = translator.fieldsOf({ ...base, fields: '', status: 200, framing: 'chunked', hasDate: false });
  t.match(dated, [':status', '200', 'date', /^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/]);
  t.end();
});

t.test('fields as an object', (t) => {
  t.same(Object.entries(fieldObject('Link: </a>\r\nlink: </b>\r\nX: y\r\n__proto__: z\r\n')), [
    ['link', ['</a>', '</b>']],
    ['x', ['y']],
    ['__proto__', ['z']],
  ]);
  t.end();
});

t.test('the proof of a WebSocket handshake (RFC 6455 section 1.3)', (t) => {
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  const proof = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n';
  t.equal(checkWebSocketAccept(`X: y\r\n${proof}`, key), '');
  t.match(checkWebSocketAccept('', key), /does not belong/);
  t.match(checkWebSocketAccept(proof + proof, key), /does not belong/);
  t.match(checkWebSocketAccept(proof, makeWebSocketKey()), /does not belong/);
  t.equal(
    withoutHandshake(
      `Connection: Upgrade\r\nUpgrade: websocket\r\n${proof}Sec-WebSocket-Protocol: chat\r\nX-Upgrade: 1\r\n`,
    ),
    'Sec-WebSocket-Protocol: chat\r\nX-Upgrade: 1\r\n',
  );
  t.end();
});
