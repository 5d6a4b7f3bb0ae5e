import fc from 'fast-check';
import t from 'tap';
import { formatHostPort, parseHostPort, unmapAddress } from '../../../src/kernel/address.ts';

t.test('host:port', (t) => {
  const table: [string, string | undefined, number?][] = [
    ['a.example:80', 'a.example', 80],
    ['1.2.3.4:80', '1.2.3.4', 80],
    ['[::1]:80', '::1', 80],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
    [':80', '', 80],
    ['a:0', 'a', 0],
    ['a:65535', 'a', 65_535],
    ['a:65536', undefined],
    ['a:', undefined],
    ['a', undefined],
    ['', undefined],
    ['::1:80', undefined],
    ['[::1]', undefined],
    ['[1.2.3.4]:80', undefined],
    ['[x]:80', undefined],
    ['a b:80', undefined],
    ['a:80 ', undefined],
    ['a:-1', undefined],
    ['a:1e3', undefined],
    ['a:000080', undefined],
  ];
  for (const [text, host, port] of table)
    t.same(parseHostPort(text), host === undefined ? undefined : { host, port }, JSON.stringify(text));
  t.end();
});

t.test('written and read again it is the same', (t) => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  const same = fc.property(host, fc.nat({ max: 65_535 }), (host, port) => {
    const read = parseHostPort(formatHostPort({ host, port }));
    return read?.host === host && read.port === port;
  });
  t.doesNotThrow(() => fc.assert(same));
  t.end();
});

t.test('IPv4 in IPv6 clothes', (t) => {
  const table: [string, string][] = [
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:1.2.3.4', '1.2.3.4'],
    ['1.2.3.4', '1.2.3.4'],
    ['::1', '::1'],
    ['::ffff:102:304', '::ffff:102:304'],
    ['::ffff:1.2.3.999', '::ffff:1.2.3.999'],
    ['64:ff9b::1.2.3.4', '64:ff9b::1.2.3.4'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['', ''],
  ];
  for (const [ip, plain] of table) t.equal(unmapAddress(ip), plain, ip);
  t.end();
});
