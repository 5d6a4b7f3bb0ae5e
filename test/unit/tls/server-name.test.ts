import t from 'tap';
import { normalizeName, ServerNameTable } from '../../../src/tls/server-name.ts';

t.test('names are compared in one spelling', async (t) => {
  t.equal(normalizeName('Shop.Example.COM.'), 'shop.example.com');
  t.equal(normalizeName('[::1]'), '::1');
  t.equal(normalizeName('0:0:0:0:0:0:0:1'), '::1');
  t.equal(normalizeName('FE80::1%eth0'), 'fe80::1', 'a zone is no part of the address in a certificate');
  t.equal(normalizeName('127.0.0.1'), '127.0.0.1');
});

t.test('exact before wildcard before nothing', async (t) => {
  const table = new ServerNameTable<string>();
  table.add(['*.example.com', 'example.com'], 'wild');
  table.add(['shop.example.com', 'SHOP2.example.com.'], 'shop');
  table.add(['shop.example.com', '*.example.com'], 'late');
  table.add(['f*.bad.test', '*', '*.', '*.*.bad.test', ''], 'bad');
  table.add(['10.0.0.1'], 'ip');
  const cases: [string, string | undefined][] = [
    ['shop.example.com', 'shop'],
    ['ShOp.ExAmPlE.cOm', 'shop'],
    ['shop.example.com.', 'shop'],
    ['shop2.example.com', 'shop'],
    ['other.example.com', 'wild'],
    ['OTHER.example.com.', 'wild'],
    ['example.com', 'wild'],
    ['a.b.example.com', undefined],
    ['.example.com', undefined],
    ['example.org', undefined],
    ['xexample.com', undefined],
    ['foo.bad.test', undefined],
    ['f*.bad.test', undefined],
    ['com', undefined],
    ['', undefined],
    ['.', undefined],
    ['*.example.com', 'wild'],
    ['__proto__', undefined],
    ['constructor', undefined],
    ['10.0.0.1', 'ip'],
    ['11.0.0.1', undefined],
  ];
  for (const [name, want] of cases) t.equal(table.find(name), want, JSON.stringify(name));
});

t.test('the claimed names are sorted and single', async (t) => {
  const table = new ServerNameTable<number>();
  table.add(['b.test', '*.a.test'], 1);
  table.add(['a.test', 'B.test.'], 2);
  t.strictSame(table.claimed(), ['*.a.test', 'a.test', 'b.test']);
});
