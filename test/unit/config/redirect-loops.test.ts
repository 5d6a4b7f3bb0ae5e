/** Redirects that lead back to their own route. */
import t from 'tap';
import { load, report } from './loading.ts';

const LISTENERS =
  'listeners: { plain: { port: 80 }, secure: { port: 443, tls: { certificates: c } }, door: { port: 81, redirect: https } }';
const TAIL =
  'certificates: { c: { self_signed: [localhost] } }\npools: { web: { servers: ["127.0.0.1:1"] } }';

/** Lines of the routes that are warned of. */
function loops(...routes: readonly string[]): number[] {
  const text = `${LISTENERS}\nroutes:\n${routes.map((each) => `  - { ${each} }\n`).join('')}  - pool: web\n${TAIL}`;
  return report(load(text))
    .filter((each) => each.includes('clients go round'))
    .map((each) => Number.parseInt(each, 10) - 2);
}

t.test('one route, and whether it leads back to itself', (t) => {
  const rows: readonly (readonly [route: string, loops: boolean])[] = [
    // a path of its own
    ['match: { path: /old }, redirect: /new', false],
    ['match: { path: /old }, redirect: /old', true],
    ['match: { path: /old }, redirect: "/old?x=1#y"', true],
    ['match: { path: /old/* }, redirect: /old', true],
    ['match: { path: /old/* }, redirect: /old/new', true],
    ['match: { path: /old/* }, redirect: /older', false],
    ['match: { path: [/a, /b] }, redirect: { to: /b, status: 302 }', true],
    ['redirect: /anywhere', true],
    ['match: { host: shop.example }, redirect: /down', true],
    // what is left over goes along
    ['match: { path: /old/* }, redirect: /new/*', false],
    ['match: { path: /old/* }, redirect: /old/*', true],
    ['match: { path: /old/* }, redirect: /old/new/*', true],
    ['match: { path: /old/new/* }, redirect: /old/*', false],
    ['match: { path: /old/* }, redirect: /*', false],
    ['match: { path: [/old/*, /new] }, redirect: /new/*', true],
    ['match: { path: /v1 }, redirect: /v1/*', true],
    // hosts
    ['redirect: https://other.example/*', false],
    ['match: { host: example.com }, redirect: "https://www.example.com/*"', false],
    ['match: { host: "*.example.com" }, redirect: "https://www.example.com/*"', true],
    ['match: { host: [example.com, www.example.com] }, redirect: "https://WWW.example.com/*"', true],
    ['match: { host: example.com, path: /a }, redirect: https://example.com/b', false],
    ['match: { host: "127.0.0.1", path: /a }, redirect: http://127.0.0.1/a', true],
    // schemes and ports
    ['listeners: plain, match: { host: example.com }, redirect: "https://example.com/*"', false],
    ['match: { host: example.com }, redirect: "https://example.com/*"', true],
    ['listeners: secure, match: { host: example.com }, redirect: "http://example.com/*"', false],
    ['match: { host: example.com }, redirect: "https://example.com:443/*"', true],
    ['match: { host: example.com }, redirect: "https://example.com:9443/*"', false],
    ['redirect: https', true],
    ['listeners: plain, redirect: https', false],
    ['match: { path: /pay/* }, listeners: [plain, secure], redirect: https', true],
    // conditions that the next request may not meet
    ['match: { path: /a, header: { cookie: "*" } }, redirect: /a', false],
    ['match: { path: /a, query: { x: "1" } }, redirect: /a', false],
    ['match: { path: /a/*, path_pattern: "^/a/[0-9]+$" }, redirect: /a/new', false],
    ['match: { path: /a, method: POST }, redirect: { to: /a, status: 303 }', false],
    ['match: { path: /a, method: [POST, GET] }, redirect: { to: /a, status: 303 }', true],
    ['match: { path: /a, client: 10.0.0.0/8 }, redirect: /a', true],
  ];
  for (const [route, isLoop] of rows) t.strictSame(loops(route), isLoop ? [1] : [], route);
  t.end();
});

t.test('routes before it', (t) => {
  const rows: readonly (readonly [what: string, earlier: string, route: string, loops: boolean])[] = [
    ['takes it', 'match: { path: /down }, respond: 503', 'redirect: /down', false],
    ['takes all below', 'match: { path: /v2/* }, pool: web', 'redirect: "/v2/*"', false],
    ['takes some', 'match: { path: /v2/x }, pool: web', 'redirect: "/v2/*"', true],
    ['may take it', 'match: { path: /down, header: { x: "1" } }, respond: 503', 'redirect: /down', false],
    ['of another host', 'match: { host: a.example, path: /down }, respond: 503', 'redirect: /down', true],
    [
      'of its host',
      'match: { host: www.example.com }, pool: web',
      'match: { host: "*.example.com" }, redirect: "https://www.example.com/*"',
      false,
    ],
    [
      'at one listener of two',
      'listeners: plain, match: { path: /down }, respond: 503',
      'redirect: /down',
      true,
    ],
    [
      'at every listener, by name',
      'listeners: [plain, secure], match: { path: /down }, respond: 503',
      'redirect: /down',
      false,
    ],
  ];
  for (const [what, earlier, route, isLoop] of rows)
    t.strictSame(loops(earlier, route), isLoop ? [2] : [], what);
  t.end();
});

t.test('the words', (t) => {
  const text = `${LISTENERS}\nroutes:\n  - { match: { path: /a/* }, redirect: { to: /a/b/* } }\n  - { match: { path: /b }, redirect: https }\n  - pool: web\n${TAIL}`;
  t.match(report(load(text)), [
    /^3:46-52 warning routes\[0\]\.redirect\.to: "\/a\/b\/\*" leads back to this route: clients go round\. Match less/,
    /^4:.* warning routes\[1\]\.redirect: This route stands at the listener with tls, too/,
  ]);
  t.end();
});
