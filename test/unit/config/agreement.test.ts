/**
 * What the loader lets through is what the parts of the data path can compile: a file that passed `check` must not fail
 * when it is put in force. The parts don't know each other, so this is the place that holds them together.
 */
import fc from 'fast-check';
import t from 'tap';
import { ALGORITHMS, type Algorithm } from '../../../src/config/index.ts';
import { blockProblem } from '../../../src/config/schema/block.ts';
import { hostPatternProblem, pathPatternProblem } from '../../../src/config/schema/route.ts';
import { parseRate } from '../../../src/config/units.ts';
import { parseCidr, RateRule } from '../../../src/limit/index.ts';
import { ALGORITHMS as POOL_ALGORITHMS } from '../../../src/pool/options.ts';
import { parseHostPattern } from '../../../src/route/host.ts';
import { parsePathPattern } from '../../../src/route/pattern.ts';
import { checkRedirect } from '../../../src/route/redirect.ts';
import { load } from './loading.ts';

/** Texts that look like what is wanted often enough. */
function soup(...parts: readonly string[]): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...parts), { maxLength: 8 }).map((all) => all.join(''));
}

function agrees(
  accepted: (text: string) => boolean,
  compile: (text: string) => unknown,
  texts: fc.Arbitrary<string>,
): void {
  fc.assert(
    fc.property(texts, (text) => {
      if (accepted(text)) compile(text);
    }),
    { numRuns: 3000 },
  );
}

t.test('path and host patterns, redirects', (t) => {
  const path = soup(
    '/',
    'a',
    '*',
    '.',
    '..',
    '%2',
    'f',
    'F',
    '5',
    'c',
    '0',
    '\\',
    'é',
    ' ',
    '?',
    ':',
    '~',
    '@',
    '-',
    '%',
  );
  agrees(
    (text) => pathPatternProblem(text) === undefined,
    parsePathPattern,
    fc.oneof(
      path,
      path.map((each) => `/${each}`),
    ),
  );
  const host = soup(
    'a',
    'B',
    '.',
    '*',
    '*.',
    '1',
    '::',
    ':80',
    '[',
    ']',
    '/',
    '%',
    'é',
    'xn--',
    '-',
    '_',
    '@',
    '?',
  );
  agrees((text) => hostPatternProblem(text) === undefined, parseHostPattern, host);
  const accepted = (to: string): boolean =>
    load(`listeners: { h: { port: 80 } }\nroutes: [{ redirect: { to: ${JSON.stringify(to)} } }]`).ok;
  const target = soup(
    '/',
    'http://',
    'https://',
    'a',
    '.b',
    '?',
    '#',
    ' ',
    'é',
    '*',
    '\\',
    '%',
    ':',
    '@',
    '[',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        target,
        target.map((each) => `/${each}`),
      ),
      (to) => {
        if (accepted(to)) checkRedirect({ to, status: 308 });
      },
    ),
    { numRuns: 300 },
  );
  t.end();
});

t.test('address blocks: the same are right and wrong', (t) => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), soup('::', 'f', ':', 'ffff:', '1.2.3.4', '0', '.', '%'));
  const block = fc.oneof(
    address,
    fc.tuple(address, fc.integer({ min: -1, max: 129 })).map(([at, prefix]) => `${at}/${prefix}`),
    fc.constantFrom(
      '10.0.0.0/8',
      '0.0.0.0/0',
      '::/0',
      '2001:db8::/32',
      'fe80::/10',
      '10.0.0.0/08',
      '10.0.0.0/',
      '1/8',
    ),
  );
  agrees((text) => blockProblem(text) === undefined, parseCidr, block);
  fc.assert(
    fc.property(block, (text) => {
      const problem = blockProblem(text);
      const fix = /Write (\S+) for the block or (\S+) for the address\./.exec(problem ?? '');
      if (fix) for (const each of fix.slice(1)) parseCidr(each);
    }),
  );
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['10.0.0.0/8', undefined],
    ['192.0.2.7', undefined],
    ['2001:db8::/32', undefined],
    [
      '10.0.0.1/8',
      '"10.0.0.1/8" has bits set beyond /8. Write 10.0.0.0/8 for the block or 10.0.0.1 for the address.',
    ],
    [
      '2001:db8::1/32',
      '"2001:db8::1/32" has bits set beyond /32. Write 2001:db8::/32 for the block or 2001:db8::1 for the address.',
    ],
    ['::ffff:10.0.0.0/104', '"::ffff:10.0.0.0/104" is an IPv4 address in IPv6. Write it as IPv4: 10.0.0.0.'],
    ['::1/129', '"::1/129" has no valid prefix length. It is 0 to 128 here.'],
    [
      'fe80::1%eth0',
      '"fe80::1%eth0" is not an address block. Write one like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32.',
    ],
  ];
  for (const [text, expected] of rows) t.equal(blockProblem(text), expected, text);
  t.end();
});

t.test('the largest rate limits and the algorithms', (t) => {
  for (const text of ['1000000000/d', '1/d', '999999937/h', '1/s']) {
    const parsed = parseRate(text);
    t.ok(parsed.ok);
    if (parsed.ok)
      t.doesNotThrow(() => new RateRule({ name: 'x', ...parsed.value, burst: 100_000_000 }), text);
  }
  const shared: readonly Algorithm[] = POOL_ALGORITHMS;
  t.strictSame(shared, ALGORITHMS);
  t.end();
});
