/** What a pool with consistent_hash goes by, from real request heads. */
import t from 'tap';
import { buildRequestHead, fieldValue, HttpFault, parseRequestFields } from '../../../src/http/index.ts';
import { type HashKey, hashText } from '../../../src/pool/index.ts';
import { hashKeyOf } from '../../../src/proxy/hash-key.ts';

const CLIENT = 12345;

function keyOf(key: HashKey | null, target: string, lines = ''): number {
  const fields = parseRequestFields(`Host: x\r\n${lines}`, false, 100);
  if (fields instanceof HttpFault) throw new Error(fields.detail);
  const head = buildRequestHead({ method: 'GET', target, minor: 1 }, fields);
  if (head instanceof HttpFault) throw new Error(head.detail);
  return hashKeyOf(key, head, CLIENT);
}

t.test('each kind of key, and the client’s address without it', (t) => {
  const header: HashKey = { kind: 'header', name: 'x-user' };
  const cookie: HashKey = { kind: 'cookie', name: 'sid' };
  const query: HashKey = { kind: 'query', name: 'id' };
  const rows: readonly [string, number, number][] = [
    ['none', keyOf(null, '/a'), CLIENT],
    ['client_ip', keyOf({ kind: 'client_ip' }, '/a'), CLIENT],
    ['path', keyOf({ kind: 'path' }, '/a/b?c=d'), hashText('/a/b')],
    ['path without a query', keyOf({ kind: 'path' }, '/a/b'), hashText('/a/b')],
    ['header', keyOf(header, '/', 'X-Other: 1\r\nX-USER:  ann \r\n'), hashText('ann')],
    ['a header whose name only begins so', keyOf(header, '/', 'X-User-Id: 1\r\n'), CLIENT],
    ['no header', keyOf(header, '/'), CLIENT],
    ['cookie', keyOf(cookie, '/', 'Cookie: a=b; sid=s1\r\n'), hashText('s1')],
    ['cookie in a second line', keyOf(cookie, '/', 'Cookie: a=b\r\nCookie: sid=s1\r\n'), hashText('s1')],
    ['no cookie', keyOf(cookie, '/', 'Cookie: xsid=s1\r\n'), CLIENT],
    ['query', keyOf(query, '/?a=1&id=7&id=8'), hashText('7')],
    ['a query whose name only ends so', keyOf(query, '/?xid=7'), CLIENT],
    ['no query', keyOf(query, '/id=7'), CLIENT],
  ];
  for (const [what, got, wanted] of rows) t.equal(got, wanted, what);
  t.end();
});

t.test('values of fields by name', (t) => {
  const lines = 'A: 1\r\nab: 2\r\nB:3\r\nC: \r\n';
  t.equal(fieldValue(lines, 'a'), '1');
  t.equal(fieldValue(lines, 'ab'), '2');
  t.equal(fieldValue(lines, 'b'), '3');
  t.equal(fieldValue(lines, 'c'), '');
  t.equal(fieldValue(lines, 'd'), undefined);
  t.equal(fieldValue('', 'a'), undefined);
  t.end();
});
