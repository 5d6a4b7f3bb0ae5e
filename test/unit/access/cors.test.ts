import t from 'tap';
import { originMatches } from '../../../src/access/cors.ts';
import { Cors, type CorsOptions } from '../../../src/access/index.ts';
import { originProblem } from '../../../src/config/schema/cors.ts';

const OPTIONS: CorsOptions = {
  origins: ['https://shop.example.com', 'https://*.example.org'],
  methods: ['GET', 'PUT'],
  headers: ['content-type', 'x-a'],
  expose: [],
  credentials: false,
  maxAgeS: 600,
};
const SHOP = 'Origin: https://shop.example.com\r\n';

t.test('origins', async (t) => {
  const table: [pattern: string, origin: string, expected: boolean][] = [
    ['https://a.example', 'https://a.example', true],
    ['https://a.example', 'http://a.example', false],
    ['https://a.example', 'https://a.example:8443', false],
    ['https://a.example', 'https://a.example.evil', false],
    ['https://*.example.org', 'https://a.example.org', true],
    ['https://*.example.org', 'https://a.b.example.org', true],
    ['https://*.example.org', 'https://example.org', false],
    ['https://*.example.org', 'https://.example.org', false],
    ['https://*.example.org', 'https://evilexample.org', false],
    ['https://*.example.org', 'https://evil.com/.example.org', false],
    ['https://*.example.org', 'https://evil.com:1.example.org', false],
    ['https://*.example.org', 'https://a.example.org:8443', false],
    ['https://*.example.org:8443', 'https://a.example.org:8443', true],
    ['https://*.example.org', 'null', false],
  ];
  for (const [pattern, origin, expected] of table)
    t.equal(originMatches(pattern, origin), expected, `${pattern} ${origin}`);
});

t.test('every answer', async (t) => {
  const of = (fields: string, changes: Partial<CorsOptions> = {}): string =>
    new Cors({ ...OPTIONS, ...changes }).linesFor(fields);
  t.equal(of(SHOP), 'Access-Control-Allow-Origin: https://shop.example.com\r\nVary: Origin\r\n');
  t.equal(
    of('origin: https://x.example.org\r\n', { credentials: true, expose: ['X-Total', 'ETag'] }),
    'Access-Control-Allow-Origin: https://x.example.org\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-Total, ETag\r\nVary: Origin\r\n',
  );
  t.equal(of('Origin: https://evil.example\r\n'), 'Vary: Origin\r\n');
  t.equal(of(''), 'Vary: Origin\r\n', 'for caches also without an origin');
  t.equal(of('Origin: null\r\n', { origins: ['*'] }), 'Access-Control-Allow-Origin: *\r\n');
});

t.test('preflights', async (t) => {
  const ASKS = 'Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: X-A, b c, x-b\r\n';
  const VARY = 'Vary: Access-Control-Request-Method, Access-Control-Request-Headers\r\n';
  const of = (method: string, fields: string, changes: Partial<CorsOptions> = {}): string | null =>
    new Cors({ ...OPTIONS, ...changes }).preflight(method, fields);
  t.equal(
    of('OPTIONS', SHOP + ASKS),
    `Access-Control-Allow-Methods: GET, PUT\r\nAccess-Control-Allow-Headers: content-type, x-a\r\nAccess-Control-Max-Age: 600\r\n${VARY}`,
  );
  t.equal(
    of('OPTIONS', SHOP + ASKS, { methods: ['*'], headers: ['*'], maxAgeS: 0 }),
    `Access-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Headers: X-A, x-b\r\nAccess-Control-Max-Age: 0\r\n${VARY}`,
    'what was asked for, as far as it can stand in a field',
  );
  t.equal(of('OPTIONS', `Origin: https://evil.example\r\n${ASKS}`), VARY, 'nothing is allowed');
  t.equal(of('OPTIONS', ASKS), null, 'without an origin it is none');
  t.equal(of('OPTIONS', SHOP), null, 'without a method it is none');
  t.equal(of('PUT', SHOP + ASKS), null);
});

t.test('what is an origin in the file', async (t) => {
  for (const good of [
    '*',
    'https://a.example',
    'http://localhost:3000',
    'https://*.example.org:8443',
    'http://10.0.0.1',
  ])
    t.equal(originProblem(good), undefined, good);
  for (const bad of [
    'a.example',
    '*.example',
    'https://',
    'https://a.*',
    'https://*',
    'https://a.example/',
    'https://a.example:443',
    'ftp://a',
    'https://u@a',
    'null',
  ])
    t.type(originProblem(bad), 'string', bad);
  t.match(originProblem('https://a.example/x'), 'has a path');
  t.match(originProblem('https://a.example:443'), 'leave out port 443');
});
