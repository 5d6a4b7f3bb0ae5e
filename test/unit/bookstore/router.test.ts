import t from 'tap';
import { acceptsJson } from '../../../src/bookstore/call.ts';
import { allowedMethods, type Route, Router } from '../../../src/bookstore/router.ts';

const handler = () => ({ status: 200 });
const routes: readonly Route[] = [
  { pattern: '/', methods: { GET: handler } },
  { pattern: '/books', methods: { GET: handler, POST: handler } },
  { pattern: '/books/{id}', methods: { GET: handler, DELETE: handler } },
  { pattern: '/books/{id}/purchase', methods: { POST: handler } },
];

t.test('paths', async (t) => {
  const router = new Router(routes);
  const cases: readonly (readonly [string, string | undefined, number])[] = [
    ['/', '/', 0],
    ['/books', '/books', 0],
    ['/books/1', '/books/{id}', 1],
    ['/books/123456789012345', '/books/{id}', 123456789012345],
    ['/books/9/purchase', '/books/{id}/purchase', 9],
    ['', undefined, 0],
    ['/books/', undefined, 0],
    ['/books/0', undefined, 0],
    ['/books/01', undefined, 0],
    ['/books/-1', undefined, 0],
    ['/books/x', undefined, 0],
    ['/books/1/', undefined, 0],
    ['/books/1/other', undefined, 0],
    ['/books/1/purchase/', undefined, 0],
    ['/books/1234567890123456', undefined, 0],
    ['/Books', undefined, 0],
    ['/__proto__', undefined, 0],
  ];
  for (const [path, pattern, id] of cases) {
    const match = router.match(path);
    t.equal(match?.route.pattern, pattern, path);
    t.equal(match?.id ?? 0, id, path);
  }
});

t.test('Allow', async (t) => {
  const [root, books] = routes;
  if (!root || !books) throw new Error('no routes');
  t.equal(allowedMethods(root), 'GET, HEAD, OPTIONS');
  t.equal(allowedMethods(books), 'GET, POST, HEAD, OPTIONS');
});

t.test('Accept', async (t) => {
  const yes = [
    undefined,
    '*/*',
    'application/json',
    'Application/JSON',
    'text/html, */*;q=0.1',
    'application/*',
    'text/html;q=0, application/json;q=0.5',
  ];
  const no = ['text/html', 'application/json;q=0', '*/*, application/json;q=0', 'application/xml', ''];
  for (const accept of yes) t.equal(acceptsJson(accept), true, accept ?? 'absent');
  for (const accept of no) t.equal(acceptsJson(accept), false, accept);
});
