import fc from 'fast-check';
import t from 'tap';
import { SluiceError } from '../../../src/kernel/errors.ts';
import { parseAddress } from '../../../src/limit/index.ts';
import {
  compileRoutes,
  normalizeHost,
  normalizePath,
  type RequestFacts,
  type RouteOptions,
  type RouteTable,
} from '../../../src/route/index.ts';
import { NO_ROUTE, PathTree } from '../../../src/route/path-tree.ts';

/** Where no route has conditions. */
const ANY = { isMet: () => true };
const POOL = { kind: 'pool', pool: 'web' } as const;

function route(
  name: string,
  match: Partial<Pick<RouteOptions, 'listeners' | 'hosts' | 'paths'>>,
): RouteOptions {
  return { name, listeners: null, hosts: [], paths: [], action: POOL, ...match };
}

/** What a request as it stands on the wire comes to: a route's name, `none` or `refused`. */
function take(table: RouteTable<RouteOptions>, host: string, rawPath: string, listener = 'http'): string {
  const path = normalizePath(rawPath);
  if (typeof path !== 'string') return 'refused';
  return table.match(listener, normalizeHost(host), path)?.route.name ?? 'none';
}

t.test('first match in file order', async (t) => {
  const table = compileRoutes([
    route('deny', { paths: ['/admin/*'] }),
    route('exact', { hosts: ['shop.example.com'], paths: ['/x'] }),
    route('wild', { hosts: ['*.example.com'], paths: ['/x/*', '/w/*'] }),
    route('internal', { listeners: ['internal'], paths: ['/i/*'] }),
    route('late', { hosts: ['shop.example.com'], paths: ['/x/*'] }),
    route('shop', { hosts: ['shop.example.com', '[::1]'] }),
    route('root', { paths: ['/'] }),
  ]);
  t.equal(table.size, 7);
  const rows: [host: string, path: string, name: string][] = [
    ['any', '/admin', 'deny'],
    ['any', '/admin/', 'deny'],
    ['any', '/admin/x', 'deny'],
    ['any', '/administrator', 'none'],
    ['any', '/Admin', 'none'],
    ['shop.example.com', '/x', 'exact'],
    ['shop.example.com', '/x/', 'wild'],
    ['shop.example.com', '/x/y', 'wild'],
    ['shop.example.com', '/xy', 'shop'],
    ['a.b.example.com', '/w', 'wild'],
    ['example.com', '/w', 'none'],
    ['badexample.com', '/w', 'none'],
    ['.example.com', '/w', 'none'],
    ['SHOP.Example.COM.:8080', '/x', 'exact'],
    ['[::1]:8080', '/q', 'shop'],
    ['', '/', 'root'],
    ['', '/i/x', 'none'],
    ['any', '*', 'none'],
    ['shop.example.com', '*', 'shop'],
  ];
  for (const [host, path, name] of rows) t.equal(take(table, host, path), name, `${host} ${path}`);
  t.equal(take(table, 'any', '/i/x', 'internal'), 'internal');
  t.equal(take(table, 'any', '/admin/x', 'internal'), 'deny', 'routes of all listeners are there too');
  t.same(table.match('http', 'q', '/admin')?.index, 0);
  t.equal(compileRoutes([]).match('http', 'a', '/'), undefined);
});

t.test('no spelling of /admin/x gets past a deny rule', async (t) => {
  const table = compileRoutes([route('deny', { paths: ['/admin/*'] }), route('all', {})]);
  const spellings = [
    '/admin/x',
    '/admin',
    '/admin/',
    '//admin/x',
    '/./admin/x',
    '/x/../admin/x',
    '/x/%2e%2e/admin/x',
    '/x/%2E./admin/x',
    '/x/.%2e/admin/x',
    '/%61dmin/x',
    '/%61%64%6d%69%6e/x',
    '/admin%2fx',
    '/admin%2Fx',
    '/admin%5cx',
    '/admin\\x',
    '/admin%00/x',
    '///admin//x',
    '/x//../admin/x',
    '/../admin/x',
    '/x/..;/admin/x',
    '/admin//../x',
    '/admin/%2e/x',
  ];
  for (const path of spellings) t.match(take(table, 'h', path), /^(deny|refused)$/, path);
  t.equal(take(table, 'h', '/admin;a=b/x'), 'all', 'another segment, sent on as it is');
  t.equal(take(table, 'h', '/%2561dmin/x'), 'all', 'an escaped percent is a percent');
});

t.test('characters that servers decode are the same letter to a rule', async (t) => {
  const table = compileRoutes([
    route('at', { paths: ['/@admin/*'] }),
    route('escaped', { paths: ['/a%21b', '/%2Astar', '/caf\u00e9/*'] }),
    route('tail', { paths: ['/pr%25/*'] }),
  ]);
  for (const path of ['/@admin/x', '/%40admin/x', '/%40admin']) t.equal(take(table, 'h', path), 'at', path);
  for (const path of ['/a!b', '/a%21b', '/*star', '/%2astar', '/caf%c3%a9', '/caf\xc3\xa9/x'])
    t.equal(take(table, 'h', path), 'escaped', path);
  for (const path of ['/pr%25', '/pr%25/x']) t.equal(take(table, 'h', path), 'tail', path);
  t.equal(take(table, 'h', '/pr%2540/x'), 'none', 'the escape of a percent is not read again');
});

t.test('explain says why each earlier route did not match', async (t) => {
  const table = compileRoutes([
    route('a', { listeners: ['internal'] }),
    route('b', { hosts: ['x.example', '*.y.example'] }),
    route('c', { paths: ['/c/*'] }),
    route('d', {}),
    route('e', {}),
  ]);
  t.same(
    table.explain('http', 'h', '/').map(({ name, outcome, detail }) => [name, outcome, detail]),
    [
      ['a', 'other_listener', 'listener http is not internal'],
      ['b', 'other_host', 'host h is not one of x.example, *.y.example'],
      ['c', 'other_path', 'path / is not /c/*'],
      ['d', 'matched', 'host and path match'],
    ],
  );
  t.same(compileRoutes([route('x', { listeners: [], hosts: ['q'] })]).explain('http', '', '/')[0], {
    index: 0,
    name: 'x',
    outcome: 'other_listener',
    detail: 'listener http is not (none)',
  });
});

t.test('patterns that cannot be meant are errors that say what to write', async (t) => {
  const rows: [match: Partial<RouteOptions>, code: string, hint: RegExp][] = [
    [{ paths: ['/x*'] }, 'bad_path_pattern', /\/x\/\*/],
    [{ paths: ['x'] }, 'bad_path_pattern', /begin with a slash/],
    [{ paths: ['/a/*/b'] }, 'bad_path_pattern', /only at the end/],
    [{ paths: ['/a?b=c'] }, 'bad_path_pattern', /without query/],
    [{ paths: ['/a%2fb'] }, 'bad_path_pattern', /encoded slash/],
    [{ hosts: ['https://x.example'] }, 'bad_host_pattern', /without scheme/],
    [{ hosts: ['x.example:80'] }, 'bad_host_pattern', /without a port/],
    [{ hosts: ['x.*'] }, 'bad_host_pattern', /\*\.example\.com/],
    [{ hosts: [''] }, 'bad_host_pattern', /Write a host/],
    [{ hosts: ['a b'] }, 'bad_host_pattern', /spaces/],
    [{ hosts: ['xn--\u0378'] }, 'bad_host_pattern', /not a valid/],
    [{ action: { kind: 'redirect', to: '/new', status: 200 } }, 'bad_redirect', /301/],
  ];
  for (const [match, code, hint] of rows) {
    try {
      compileRoutes([{ ...route('broken', {}), ...match }]);
      t.fail(`${JSON.stringify(match)} compiled`);
    } catch (error) {
      t.ok(error instanceof SluiceError);
      if (error instanceof SluiceError) {
        t.equal(error.code, code);
        t.match(error.message, /^route broken: /);
        t.match(error.hint, hint, JSON.stringify(match));
      }
    }
  }
  t.equal(
    compileRoutes([route('idn', { hosts: ['b\u00fccher.example'] })]).match('h', 'xn--bcher-kva.example', '/')
      ?.index,
    0,
  );
  t.equal(
    compileRoutes([route('v6', { hosts: ['2001:DB8::1'] })]).match('h', '[2001:db8::1]', '/')?.index,
    0,
  );
});

interface Asked {
  readonly listener: string;
  readonly host: string;
  readonly path: string;
  readonly facts: RequestFacts;
}

const NO_CLIENT: RequestFacts = {
  method: 'GET',
  path: '',
  client: undefined,
  headers: () => [],
  queries: () => [],
};
const NOBODY = { path: '', client: undefined };

const clientFits = (block: string, { client }: RequestFacts): boolean =>
  block === '::1' ? client?.family === 6 : client?.family === 4 && client.w0 >>> 24 === 10;

const patternFits = (pattern: string, path: string): boolean =>
  new RegExp(`^(?:${pattern.slice(1)})`).test(path);

/** First match, read off the words of the documentation. */
function naive(routes: readonly RouteOptions[], { listener, host, path, facts }: Asked): number {
  const valueFits = (values: readonly string[], wanted: string): boolean =>
    values.some((it) => it === wanted || (wanted.endsWith('*') && it.startsWith(wanted.slice(0, -1))));
  const hostFits = (pattern: string): boolean =>
    pattern === '*' ||
    (pattern.startsWith('*.')
      ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length
      : host === pattern);
  const unescaped = path.replaceAll('%40', '@');
  const pathFits = (pattern: string): boolean =>
    pattern === '*' ||
    (pattern.endsWith('/*')
      ? `${unescaped}/`.startsWith(pattern.slice(0, -1)) || pattern === '/*'
      : unescaped === pattern);
  return routes.findIndex(
    (r) =>
      (r.listeners === null || r.listeners.includes(listener)) &&
      (r.hosts.length === 0 || r.hosts.some(hostFits)) &&
      (r.paths.length === 0 || r.paths.some(pathFits)) &&
      (!r.conditions?.clients.length || r.conditions.clients.some((it) => clientFits(it, facts))) &&
      (!r.conditions?.patterns.length || r.conditions.patterns.some((it) => patternFits(it, unescaped))) &&
      (!r.conditions?.methods.length || r.conditions.methods.includes(facts.method)) &&
      (r.conditions?.headers ?? []).every((it) => valueFits(facts.headers(it.name), it.value)) &&
      (r.conditions?.queries ?? []).every((it) => valueFits(facts.queries(it.name), it.value)),
  );
}

t.test('the table agrees with a linear search, and explain with the table', async (t) => {
  const label = fc.constantFrom('a', 'b', 'ab');
  const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
  const segment = fc.constantFrom('a', 'b', 'ab', 'aba', '@', 'b@', 'abc;x');
  const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
  const someRoute = fc.record({
    name: fc.constant('r'),
    listeners: fc.option(fc.subarray(['l1', 'l2'])),
    hosts: fc.array(
      fc.oneof(
        host,
        host.map((h) => `*.${h}`),
        fc.constant('*'),
      ),
      { maxLength: 2 },
    ),
    paths: fc.array(
      fc.oneof(
        path,
        path.map((p) => (p === '/' ? '/*' : `${p}/*`)),
        fc.constantFrom('*', '/'),
      ),
      { maxLength: 3 },
    ),
    conditions: fc.option(
      fc.record({
        methods: fc.subarray(['GET', 'POST']),
        headers: fc.subarray([
          { name: 'x', value: '1' },
          { name: 'y', value: '*' },
        ]),
        queries: fc.subarray([{ name: 'q', value: 'a*' }]),
        clients: fc.subarray(['10.0.0.0/8', '::1']),
        patterns: fc.subarray(['^/a$|/b', '^/ab+a?/@']),
      }),
    ),
    action: fc.constant(POOL),
  });
  const request = fc
    .record({
      listener: fc.constantFrom('l1', 'l2', 'l3'),
      host: fc.oneof(host, fc.constant('')),
      path: fc.oneof(
        path,
        path.map((p) => `${p.replaceAll('@', '%40')}`),
        path.map((p) => (p === '/' ? p : `${p}/`)),
        fc.constant('*'),
      ),
      facts: fc
        .record({
          method: fc.constantFrom('GET', 'POST', 'PUT'),
          x: fc.subarray(['1', '2']),
          y: fc.subarray(['z']),
          q: fc.subarray(['ab', 'b']),
          client: fc.constantFrom('10.1.1.1', '11.1.1.1', '::1', ''),
        })
        .map(({ method, client, ...values }) => ({
          method,
          path: '',
          client: parseAddress(client),
          headers: (name: string) => (name === 'q' ? [] : values[name as 'x' | 'y']),
          queries: (name: string) => (name === 'q' ? values.q : []),
        })),
    })
    .map((asked) => ({ ...asked, facts: { ...asked.facts, path: asked.path } }));
  let matched = 0;
  fc.assert(
    fc.property(
      fc.array(someRoute, { maxLength: 12 }),
      fc.array(request, { maxLength: 20 }),
      (routes, requests) => {
        const table = compileRoutes(routes);
        for (const r of requests) {
          const expected = naive(routes, r);
          const actual = table.match(r.listener, r.host, r.path, r.facts)?.index ?? -1;
          if (actual !== expected) throw new Error(`${JSON.stringify(r)}: route ${actual}, not ${expected}`);
          const steps = table.explain(r.listener, r.host, r.path, r.facts);
          const last = steps.at(-1);
          const explained = last?.outcome === 'matched' ? last.index : -1;
          if (explained !== expected)
            throw new Error(`${JSON.stringify(r)}: explained ${explained}, not ${expected}`);
          if (expected >= 0) matched++;
        }
      },
    ),
    { numRuns: 1500 },
  );
  t.ok(matched > 1000, `${matched} matches`);
});

t.test('hostile hosts and paths are only long, not slow to say no to', async (t) => {
  const table = compileRoutes([route('w', { hosts: ['*.example.com'], paths: ['/a/*'] })]);
  t.equal(table.match('l', '.'.repeat(16000), `/${'a/'.repeat(4000)}`), undefined);
  t.equal(table.match('l', `${'a.'.repeat(8000)}example.com`, `/a/${'/'.repeat(4000)}`)?.index, 0);
});

t.test('a tree does not mind the order in which patterns come', async (t) => {
  const tree = new PathTree();
  tree.add({ kind: 'prefix', path: '/api/books' }, 7);
  tree.add({ kind: 'exact', path: '/api/books/1' }, 3);
  tree.add({ kind: 'prefix', path: '/api' }, 5);
  tree.add({ kind: 'exact', path: '/api/books/1' }, 9);
  tree.add({ kind: 'prefix', path: '' }, 8);
  t.equal(tree.find('/api/books/1', NO_ROUTE, ANY, null), 3);
  t.equal(tree.find('/api/books/2', NO_ROUTE, ANY, null), 5);
  t.equal(tree.find('/apis', NO_ROUTE, ANY, null), 8);
  t.equal(tree.find('/api/books/1', 2, ANY, null), 2, 'nothing below the bound');
});

t.test('conditions: who does not meet them goes on to the next route', async (t) => {
  const none = { methods: [], headers: [], queries: [], clients: [], patterns: [] };
  const canary = { ...none, headers: [{ name: 'x-canary', value: '1' }] };
  const table = compileRoutes([
    { ...route('canary', { paths: ['/api/*'] }), conditions: canary },
    {
      ...route('writes', { paths: ['/api/*'] }),
      conditions: { ...none, methods: ['POST', 'PUT'] },
    },
    { ...route('beta', {}), conditions: { ...none, queries: [{ name: 'v', value: '2*' }] } },
    route('api', { paths: ['/api/*'] }),
    route('rest', {}),
  ]);
  const patterned = compileRoutes([
    { ...route('staff', {}), conditions: { ...none, clients: ['10.0.0.0/8'] } },
    { ...route('user', { paths: ['/u/*'] }), conditions: { ...none, patterns: ['^/u/[0-9]+$|/v'] } },
  ]);
  t.same(
    patterned.explain('l', 'h', '/u/x', { ...NO_CLIENT, path: '/u/x' }).map(({ detail }) => detail),
    ['the client’s address is not in 10.0.0.0/8', 'path /u/x does not fit ^/u/[0-9]+$|/v'],
  );
  t.throws(() => compileRoutes([{ ...route('x', {}), conditions: { ...none, patterns: ['/x'] } }]), /\^\//);
  t.ok(table.hasConditions);
  const facts = (
    method: string,
    headers: readonly string[] = [],
    queries: readonly string[] = [],
  ): RequestFacts => ({
    ...NOBODY,
    method,
    headers: (name) => (name === 'x-canary' ? headers : []),
    queries: (name) => (name === 'v' ? queries : []),
  });
  const at = (path: string, asked: RequestFacts): string | undefined =>
    table.match('l', 'h', path, asked)?.route.name;
  t.equal(at('/api/x', facts('GET', ['0', '1'])), 'canary');
  t.equal(at('/api/x', facts('GET', ['11'])), 'api');
  t.equal(at('/api', facts('POST')), 'writes');
  t.equal(at('/api/x', facts('HEAD')), 'api');
  t.equal(at('/api/x', facts('GET', [], ['2024'])), 'beta');
  t.equal(at('/', facts('GET', [], ['1', '2'])), 'beta');
  t.equal(at('/', facts('POST', ['1'])), 'rest');
  t.same(
    table.explain('l', 'h', '/api/x', facts('GET', ['2'])).map(({ outcome, detail }) => [outcome, detail]),
    [
      ['other_request', 'header x-canary is "2", not "1"'],
      ['other_request', 'method GET is not one of POST, PUT'],
      ['other_request', 'query v is not there'],
      ['matched', 'host and path match'],
    ],
  );
});
