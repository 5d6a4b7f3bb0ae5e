/** The path that servers get, over each wire (B16): prefixes taken off, put on and replaced; escapes as they came. */
import t from 'tap';
import { ThreeWires, WIRE_NAMES } from '../support/three-wires.ts';

const to = (path: string, rewrite?: { strip_prefix?: string; add_prefix?: string }) => ({
  match: { path: [path, `${path}/*`] },
  pool: 'web',
  ...(rewrite && { rewrite }),
});

t.test('prefixes and escapes (B16)', async (t) => {
  await using three = await ThreeWires.start({
    routes: [
      to('/strip', { strip_prefix: '/strip' }),
      to('/add', { add_prefix: '/v1' }),
      to('/old', { strip_prefix: '/old', add_prefix: '/new/home' }),
      to('/deep/er', { strip_prefix: '/deep/er' }),
      { pool: 'web' },
    ],
  });
  const table: [asked: string, seen: string | number][] = [
    ['/strip/a/b', '/a/b'],
    ['/strip', '/'],
    ['/strip/', '/'],
    ['/strip?q=1', '/?q=1'],
    ['/stripes/a', '/stripes/a'],
    ['/strip/strip/a', '/strip/a'],
    ['/add/a', '/v1/add/a'],
    ['/add', '/v1/add'],
    ['/old/a?b=c', '/new/home/a?b=c'],
    ['/old', '/new/home/'],
    ['/older', '/older'],
    ['/deep/er/x/', '/x/'],
    ['/deep/ery', '/deep/ery'],
    // Escapes that mean something stay, in either case; the query is nobody's but the server's.
    [
      '/strip/a%20b%3Fc%23d%25%C3%A9;v=1?next=%2Fhome%2f..%2F',
      '/a%20b%3Fc%23d%25%C3%A9;v=1?next=%2Fhome%2f..%2F',
    ],
    // Rewritten is the path that was matched, in normal form; without a rule the bytes that came go on.
    ['/x/../strip//%61/./b', '/a/b'],
    ['/plain/%7Ea//b/./c?x', '/plain/%7Ea//b/./c?x'],
    ['/strip/%2e%2E/plain', '/strip/%2e%2E/plain'],
    // A slash for some and a letter for others: nobody may guess, with a rule or without.
    ['/strip/a%2Fb', 400],
    ['/strip%2fa', 400],
    ['/add/%2F', 400],
    ['/old%5Ca', 400],
    ['/plain/a%2fb', 400],
    ['/strip/%00', 400],
    ['/strip/../../x', 400],
  ];
  for (const wire of WIRE_NAMES)
    for (const [asked, seen] of table) {
      const { status, request } = await three.see(wire, asked);
      const got = request ? request.start.split(' ')[1] : status;
      t.equal(got, seen, `${wire}: ${asked}`);
    }
});
