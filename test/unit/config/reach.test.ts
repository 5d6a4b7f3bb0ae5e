import fc from 'fast-check';
import t from 'tap';
import { hostsAround, pathsAround } from '../../../src/config/reach.ts';
import { load, report } from './loading.ts';

/** The findings, without the end of their marks. */
function findings(...lines: readonly string[]): string[] {
  return report(load(lines.join('\n'))).map((each) => each.replace(/-\d+ /, ' '));
}

t.test('routes that can never match', (t) => {
  const routes = (...lines: readonly string[]): string[] =>
    findings(
      'listeners: { a: { port: 80 }, b: { port: 81 } }',
      'routes:',
      ...lines.map((line) => `  - { ${line}, respond: 204 }`),
    );
  t.strictSame(routes('name: all', 'name: api, match: { path: /api/* }'), [
    '4:5 warning : routes[1] "api" can never match: routes[0] "all" (line 3) takes everything first.',
  ]);
  t.strictSame(routes('match: { path: /a/* }', 'match: { path: [/a, /a/b/*] }'), [
    '4:5 warning : routes[1] can never match: routes[0] (line 3) takes all that it would first.',
  ]);
  t.strictSame(
    routes('match: { path: /a }', 'match: { path: /b }', 'name: both, match: { path: [/a, /b] }'),
    [
      '5:5 warning : routes[2] "both" can never match: routes[0] (line 3) and routes[1] (line 4) take all that it would first.',
    ],
  );
  t.strictSame(routes('listeners: [a]', 'match: { path: /x }'), [], 'it still matches on b');
  t.equal(routes('listeners: [a, b]', 'listeners: [b], match: { path: /x }').length, 1);
  t.strictSame(routes('match: { path: /a/* }', 'match: { path: /ab }', 'match: { path: /* }'), []);
  t.strictSame(routes('match: { host: a.example }', 'match: { host: b.example }', 'name: rest'), []);
  t.end();
});

const hostCovers = (outer: string, inner: string): boolean => hostsAround(inner).includes(outer);
const pathCovers = (outer: string, inner: string): boolean => pathsAround(inner).includes(outer);

t.test('of several routes that take all of a route, the first that stands at its listeners is named', (t) => {
  const routes = [
    '{ name: far, listeners: [b], match: { host: "*.shop.test", path: /* }, pool: web }',
    '{ name: picky, match: { host: a.shop.test, path: /x/*, method: GET }, pool: web }',
    '{ name: deep, match: { host: "*.test", path: /x/y/* }, pool: web }',
    '{ name: wide, match: { path: /x/* }, pool: web }',
    '{ name: dead, listeners: [a], match: { host: [a.shop.test, b.c.shop.test], path: [/x/y/z, /x] }, pool: web }',
    '{ name: gone, listeners: [b], match: { host: a.shop.test, path: /x/* }, pool: web }',
    '{ name: alive, listeners: [a, b], match: { host: a.shop.test, path: /q }, pool: web }',
  ];
  const text = `version: 1
listeners: { a: { port: 8080 }, b: { port: 8081 } }
pools: { web: { servers: [127.0.0.1:3001] } }
routes:
${routes.map((it) => `  - ${it}\n`).join('')}`;
  const dead = `routes[2] "deep" (line 7) and routes[3] "wide" (line 8) take all that it would first.`;
  t.strictSame(report(load(text)), [
    `9:5-113 warning : routes[4] "dead" can never match: ${dead}`,
    '10:5-88 warning : routes[5] "gone" can never match: routes[0] "far" (line 5) takes all that it would first.',
  ]);
  t.end();
});

t.test('covering is never claimed for a request that only the inner pattern matches', (t) => {
  const label = fc.constantFrom('a', 'b', 'c');
  const host = fc
    .tuple(fc.boolean(), fc.array(label, { minLength: 1, maxLength: 3 }))
    .map(([wild, parts]) => (wild ? '*.' : '') + parts.join('.'));
  const matchesHost = (pattern: string, name: string): boolean =>
    pattern.startsWith('*.')
      ? name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1
      : pattern === name;
  const path = fc
    .tuple(fc.array(label, { maxLength: 3 }), fc.boolean())
    .map(([parts, prefix]) => `/${parts.join('/')}${prefix ? `${parts.length > 0 ? '/' : ''}*` : ''}`);
  const matchesPath = (pattern: string, at: string): boolean => {
    if (!pattern.endsWith('/*')) return pattern === at;
    const stem = pattern.slice(0, -2);
    return at === stem || at.startsWith(`${stem}/`);
  };
  fc.assert(
    fc.property(host, host, fc.array(label, { minLength: 1, maxLength: 5 }), (outer, inner, parts) => {
      const name = parts.join('.');
      return !(hostCovers(outer, inner) && matchesHost(inner, name)) || matchesHost(outer, name);
    }),
  );
  fc.assert(
    fc.property(path, path, fc.array(label, { maxLength: 5 }), (outer, inner, parts) => {
      const at = `/${parts.join('/')}`;
      return !(pathCovers(outer, inner) && matchesPath(inner, at)) || matchesPath(outer, at);
    }),
  );
  // Nor is it missed: what is matched by each pattern that can be written with these labels.
  fc.assert(
    fc.property(host, host, (outer, inner) => {
      const isWider =
        outer.startsWith('*.') && `.${inner}`.endsWith(outer.slice(1)) && inner !== outer.slice(2);
      return hostCovers(outer, inner) === (outer === inner || isWider);
    }),
  );
  fc.assert(
    fc.property(path, path, (outer, inner) => {
      const isWider = outer.endsWith('/*') && `${inner.replace(/\/\*$/, '')}/`.startsWith(outer.slice(0, -1));
      return pathCovers(outer, inner) === (outer === inner || isWider);
    }),
  );
  t.ok(hostCovers('*', 'a') && hostCovers('*.a.b', 'x.a.b') && hostCovers('*.b', '*.a.b'));
  t.notOk(hostCovers('*.a.b', 'a.b') || hostCovers('a', '*') || hostCovers('*.a.b', '*.b'));
  t.ok(pathCovers('*', '/x') && pathCovers('/*', '*') && pathCovers('/a/*', '/a/b/*'));
  t.notOk(pathCovers('/a/*', '*') || pathCovers('/a', '/a/*'));
  t.end();
});
