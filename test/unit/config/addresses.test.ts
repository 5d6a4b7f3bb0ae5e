import t from 'tap';
import { parseListen } from '../../../src/config/schema/listen.ts';
import { parseServerAddress } from '../../../src/config/schema/server.ts';

t.test('server addresses', (t) => {
  const rows: readonly (readonly [text: string, expected: string])[] = [
    ['10.0.0.11:8080', '10.0.0.11 8080'],
    ['[::1]:8080', '::1 8080'],
    [':3001', '127.0.0.1 3001'],
    ['Backend.Internal:81', 'backend.internal 81'],
    ['my_service:81', 'my_service 81'],
    ['http://a.example', 'a.example 80 http'],
    ['https://a.example/', 'a.example 443 https'],
    ['HTTPS://a.example:8443', 'a.example 8443 https'],
    ['https://[::1]', '::1 443 https'],
    ['[fe80::1%eth0]:8080', 'fe80::1%eth0 8080'],
    ['[FE80::1%Eth0.100]:80', 'fe80::1%Eth0.100 80'],
    ['http://[fe80::1%25br-lan]:80', 'fe80::1%br-lan 80 http'],
    ['[2001:DB8:0::01]:80', '2001:db8::1 80'],
    ['unix:/run/app.sock', 'unix:/run/app.sock 0'],
    [
      '[fe80::1]:80',
      '"fe80::1" is link-local: the same address can be on every interface. Add the one that is meant: fe80::1%eth0.',
    ],
    [
      '[2001:db8::1%eth0]:80',
      '"2001:db8::1%eth0" has a zone, which only link-local addresses (fe80::…) have. Write 2001:db8::1.',
    ],
    ['[fe80::1%]:80', '"[fe80::1%]:80" has an empty zone. Write [fe80::1%eth0]:80.'],
    ['[::ffff:10.0.0.1]:80', '"::ffff:10.0.0.1" is an IPv4 address in IPv6. Write 10.0.0.1.'],
    ['[ff02::1]:80', '"ff02::1" is a multicast address.'],
    ['[10.0.0.1]:80', '"[10.0.0.1]:80": only IPv6 stands in brackets. Write 10.0.0.1:80.'],
    ['2001:db8::1:8080', '"2001:db8::1:8080" has no port. Write "[2001:db8::1:8080]:8080".'],
    [
      'fe80::1%eth0:80',
      '"fe80::1%eth0:80": IPv6 stands in brackets before a port. Write "[fe80::1%eth0]:80".',
    ],
    ['/run/app.sock', '"/run/app.sock" is not an address. For a Unix socket write unix:/run/app.sock.'],
    [
      'unix:app.sock',
      '"unix:app.sock" is not the path of a socket. Write it in full, like unix:/run/sluice/web.sock.',
    ],
    [
      'unix:/run/',
      '"unix:/run/" is not the path of a socket. Write it in full, like unix:/run/sluice/web.sock.',
    ],
    [
      'unix:@hidden',
      '"unix:@hidden" is not the path of a socket. Write it in full, like unix:/run/sluice/web.sock.',
    ],
    ['unix:///run/app.sock', '"unix:///run/app.sock" has slashes too many. Write unix:/run/app.sock.'],
    ['a.example', '"a.example" has no port. Write a.example:8080.'],
    ['10.0.0.1', '"10.0.0.1" has no port. Write 10.0.0.1:8080.'],
    ['::1', '"::1" has no port. Write "[::1]:8080".'],
    [
      'http://a/path',
      '"http://a/path": a server is a host and a port, without path or user. Write http://host:port.',
    ],
    ['ftp://a:1', '"ftp://a:1" is not an address. Write host:port, like 10.0.0.11:8080.'],
    ['a:0', '"a:0": a server cannot have port 0.'],
    ['a:65536', '"a:65536" is not an address. Write host:port, like 10.0.0.11:8080.'],
    ['-a:80', '"-a:80" is not an address: "-a" is no host name.'],
    ['1.2.3:80', '"1.2.3:80" is not an address: "1.2.3" is no host name.'],
  ];
  for (const [text, expected] of rows) {
    const parsed = parseServerAddress(text);
    const shown =
      'error' in parsed ? parsed.error : [parsed.host, parsed.port, parsed.scheme ?? ''].join(' ').trim();
    t.equal(shown, expected, text);
  }
  t.end();
});

t.test('a path that the system would not take', (t) => {
  const folder = `/${'f'.repeat(89)}`;
  const table: [string, boolean][] = [
    [`unix:${folder}/${'x'.repeat(16)}`, true],
    [`unix:${folder}/${'x'.repeat(17)}`, false],
    [`unix:${folder}f/x`, false],
    [`unix:/run/${'ü'.repeat(51)}`, true],
    [`unix:/run/${'ü'.repeat(52)}`, false],
  ];
  for (const [text, isFine] of table) {
    const parsed = parseServerAddress(text);
    if (isFine) t.same(parsed, { host: text, port: 0, scheme: undefined });
    else
      t.match(
        parsed,
        { error: /is too long: a socket’s path has at most 107 bytes, its folder 90\.$/ },
        text,
      );
  }
  t.end();
});

t.test('listen of the one-pool form', (t) => {
  const rows: readonly (readonly [text: string, expected: string])[] = [
    [':8080', 'http * * 8080'],
    ['*:8080', 'http * * 8080'],
    ['127.0.0.1:8080', 'http 127.0.0.1 * 8080'],
    ['http://[::1]:8080', 'http ::1 * 8080'],
    ['https://::1', 'https ::1 * 443'],
    ['[fe80::1%eth0]:8080', 'http fe80::1%eth0 * 8080'],
    ['https://[fe80::1%25eth0]', 'https fe80::1%eth0 * 443'],
    ['unix:/run/sluice.sock', 'http unix:/run/sluice.sock * none'],
    [
      'unix:run.sock',
      '"unix:run.sock" is not the path of a socket. Write it in full, like unix:/run/sluice/web.sock.',
    ],
    [
      'http://[fe80::1]:8080',
      '"fe80::1" is link-local: the same address can be on every interface. Add the one that is meant: fe80::1%eth0.',
    ],
    ['http://shop.example.com', 'http * shop.example.com 80'],
    ['https://Shop.example.com/', 'https * shop.example.com 443'],
    ['https://*.example.com:8443', 'https * *.example.com 8443'],
    ['8080', '"8080" is not an address. Write ":8080".'],
    [
      'shop.example.com',
      '"shop.example.com" has no port. Write shop.example.com:8080, or https://shop.example.com for port 443.',
    ],
    ['http://a/b', '"http://a/b" has a path. To match paths, write listeners, routes and pools.'],
    ['http://a b:80', '"http://a b:80" is not an address. Write :8080, http://host:8080 or https://host.'],
    ['http://-:80', '"http://-:80" is not an address: "-" is no host name.'],
  ];
  for (const [text, expected] of rows) {
    const parsed = parseListen(text);
    const shown =
      'error' in parsed
        ? parsed.error
        : [parsed.scheme, parsed.address ?? '*', parsed.host ?? '*', parsed.port ?? 'none'].join(' ');
    t.equal(shown, expected, text);
  }
  t.end();
});
