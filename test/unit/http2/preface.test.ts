import t from 'tap';
import { speaksHttp2 } from '../../../src/http2/preface.ts';

t.test('the preface is told from requests as early as can be', (t) => {
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  for (let length = 1; length < preface.length; length++)
    t.equal(speaksHttp2(Buffer.from(preface.slice(0, length))), undefined, `${length} bytes`);
  t.equal(speaksHttp2(Buffer.from(preface)), true);
  t.equal(speaksHttp2(Buffer.from(`${preface}\0\0\0`)), true);
  for (const start of [
    'GET / HTTP/1.1\r\n',
    'G',
    'PO',
    'PRO',
    'PRI * HTTP/1.1\r\n',
    '\r\n',
    'PRI * HTTP/2.0\r\n\r\nXX',
  ])
    t.equal(speaksHttp2(Buffer.from(start)), false, start.trim());
  t.end();
});
