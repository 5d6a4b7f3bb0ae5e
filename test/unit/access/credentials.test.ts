import t from 'tap';
import { authorizationOf, parseBasic, queryValueOf } from '../../../src/access/credentials.ts';
import { fieldText } from '../../../src/access/verdict.ts';

t.test('the Authorization field', async (t) => {
  const table: [fields: string, expected: unknown][] = [
    ['', null],
    ['X: authorization: Basic x\r\n', null],
    ['Authorization: Basic QQ==\r\n', { scheme: 'basic', value: 'QQ==' }],
    ['AUTHORIZATION:bAsIc   QQ==  \r\n', { scheme: 'basic', value: 'QQ==' }],
    ['authorization: Bearer a.b.c\r\nX: y\r\n', { scheme: 'bearer', value: 'a.b.c' }],
    ['authorization: alone\r\n', { scheme: 'alone', value: '' }],
    ['authorization:\r\n', { scheme: '', value: '' }],
    ['authorization: Basic QQ==\r\nAuthorization: Basic QQ==\r\n', 'many'],
  ];
  for (const [fields, expected] of table) t.same(authorizationOf(fields), expected, JSON.stringify(fields));
});

t.test('user and password', async (t) => {
  const of = (text: string | Buffer): unknown => {
    const basic = parseBasic(Buffer.from(text as string).toString('base64'));
    return basic && [basic.user, basic.password.toString('latin1')];
  };
  t.same(of('ann:secret'), ['ann', 'secret']);
  t.same(of('ann:a:b'), ['ann', 'a:b'], 'the first colon parts them');
  t.same(of('ann:'), ['ann', '']);
  t.same(of(Buffer.from('jürg:ß', 'utf8')), ['j\xc3\xbcrg', '\xc3\x9f'], 'bytes as they came');
  t.equal(of(':x'), null, 'nobody');
  t.equal(of('ann'), null, 'no colon');
  for (const bad of ['', 'a b', 'YW5u_', 'YW5uO====', '…']) t.equal(parseBasic(bad), null, bad);
});

t.test('a parameter of the query', async (t) => {
  t.equal(queryValueOf('/x', 'key'), null);
  t.equal(queryValueOf('/x?a=key', 'key'), null);
  t.equal(queryValueOf('/x?key=1&a=2', 'key'), '1');
  t.equal(queryValueOf('/x?key=%41+b', 'key'), 'A b');
  t.equal(queryValueOf('/x?key=1&key=1', 'key'), 'many');
});

t.test('what may stand in a field', async (t) => {
  t.equal(fieldText('ann'), 'ann');
  t.equal(fieldText(' a\r\nX: y\0 '), 'aX: y');
  t.equal(fieldText('ü'), '\xc3\xbc');
});
