import fc from 'fast-check';
import t from 'tap';
import {
  canonicalAddress,
  formatHostPort,
  parseHostPort,
  publicHost,
  unixPathOf,
  unmapAddress,
} from '../../../src/kernel/address.ts';

t.test('host:port', (t) => {
  const table: [string, string | undefined, number?][] = [
    ['a.example:80', 'a.example', 80],
    ['1.2.3.4:80', '1.2.3.4', 80],
    ['[::1]:80', '::1', 80],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
    ['[fe80::1%br-lan.100]:80', 'fe80::1%br-lan.100', 80],
    ['[fe80::1%]:80', undefined],
    ['[fe80::1%a b]:80', undefined],
    ['[fe80::1%a%b]:80', undefined],
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

t.test('one spelling for one address; a socket is a path', (t) => {
  const table: [string, string, string][] = [
    ['2001:DB8:0:0::01', '2001:db8::1', '2001:db8::1'],
    ['FE80::1%Eth0', 'fe80::1%Eth0', 'fe80::1'],
    ['10.0.0.1', '10.0.0.1', '10.0.0.1'],
    ['Web.Internal', 'web.internal', 'web.internal'],
    ['unix:/Run/A.sock', 'unix:/Run/A.sock', 'localhost'],
  ];
  for (const [host, canonical, shown] of table) {
    t.equal(canonicalAddress(host), canonical, host);
    t.equal(publicHost(canonical), shown, host);
  }
  t.equal(unixPathOf('unix:/run/a.sock'), '/run/a.sock');
  t.equal(unixPathOf('unix'), undefined);
  t.equal(formatHostPort({ host: 'unix:/run/a.sock', port: 0 }), 'unix:/run/a.sock');
  t.end();
});
