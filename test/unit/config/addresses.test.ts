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

t.test('listen of the one-pool form', (t) => {
  const rows: readonly (readonly [text: string, expected: string])[] = [
    [':8080', 'http * * 8080'],
    ['*:8080', 'http * * 8080'],
    ['127.0.0.1:8080', 'http 127.0.0.1 * 8080'],
    ['http://[::1]:8080', 'http ::1 * 8080'],
    ['https://::1', 'https ::1 * 443'],
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
        : [parsed.scheme, parsed.address ?? '*', parsed.host ?? '*', parsed.port].join(' ');
    t.equal(shown, expected, text);
  }
  t.end();
});
