import { isIP } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import t from 'tap';
import { type Address, clientHash32, clientKeyOf, parseAddress } from '../../../src/limit/index.ts';

/** The address as bytes, to compare with another parser's. */
function bytesOf(address: Address): number[] {
  const words = address.family === 4 ? [address.w0] : [address.w0, address.w1, address.w2, address.w3];
  return words.flatMap((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255));
}

t.test('agrees with ipaddr.js on any address', async () => {
  const mapped = fc.ipV4().map((ip) => `::ffff:${ip}`);
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), mapped), (text) => {
      // The long deprecated `::1.2.3.4` (RFC 4291 §2.5.5.1) is mapped to ipaddr.js, and to us what it says.
      fc.pre(!/^::\d+\./.test(text));
      const address = parseAddress(text);
      if (address === undefined) throw new Error(`${text} was not read`);
      const expected = ipaddr.process(text).toByteArray();
      if (bytesOf(address).join() !== expected.join()) throw new Error(`${text}: ${bytesOf(address)}`);
    }),
    { numRuns: 3000 },
  );
});

t.test('accepts what Node accepts, and nothing else', async () => {
  const piece = fc.constantFrom(
    '1',
    '0',
    'ffff',
    'a',
    ':',
    ':',
    '::',
    '.',
    '255',
    '256',
    '01',
    '12345',
    'g',
    '1.2.3.4',
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 16 }), (pieces) => {
      const text = pieces.join('');
      const family = parseAddress(text)?.family ?? 0;
      // Mapped addresses are IPv4 here and IPv6 there.
      if ((family === 0) !== (isIP(text) === 0)) throw new Error(`${text}: ${family}, Node ${isIP(text)}`);
    }),
    { numRuns: 20000 },
  );
});

t.test('odd spellings', async (t) => {
  const rows: [text: string, family: 4 | 6 | undefined][] = [
    ['fe80::1%eth0', 6],
    ['::ffff:10.0.0.1%eth0', 4],
    ['0:0:0:0:0:FFFF:0a00:0001', 4],
    ['1.2.3.4%eth0', undefined],
    ['010.0.0.1', undefined],
    ['127.1', undefined],
    ['2130706433', undefined],
    ['[::1]', undefined],
    ['1.2.3.4:80', undefined],
    [' 1.2.3.4', undefined],
    ['', undefined],
    ['/run/sluice.sock', undefined],
  ];
  for (const [text, family] of rows) t.equal(parseAddress(text)?.family, family, text);
});

t.test('whom a limit counts', async (t) => {
  const key = (text: string): string => {
    const { hi, lo } = clientKeyOf(parseAddress(text));
    return `${hi}/${lo}`;
  };
  const same: [a: string, b: string, why: string][] = [
    ['10.0.0.1', '::ffff:10.0.0.1', 'a mapped address is the IPv4 one'],
    ['10.0.0.1', '::FFFF:0a00:1', 'however it is written'],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', 'one /64'],
    ['fe80::1%eth0', 'fe80::1%eth1', 'zones are dropped'],
    ['', '/run/x.sock', 'peers without an address are one'],
  ];
  for (const [a, b, why] of same) t.equal(key(a), key(b), why);
  const different: [a: string, b: string, why: string][] = [
    ['10.0.0.1', '10.0.0.2', 'two IPv4 clients'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.2', 'two on a dual-stack socket'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', 'two /64'],
    ['2001:db8:1:2::1', '2001:db9:1:2::1', 'in the high half'],
    ['0.0.0.0', '', 'no address is no IPv4 address'],
    ['0.0.0.0', '::', 'nor is :: '],
  ];
  for (const [a, b, why] of different) t.not(key(a), key(b), why);
});

t.test('clientHash32 is stable and spreads neighbours', async (t) => {
  const hash = (text: string, seed?: number): number => clientHash32(clientKeyOf(parseAddress(text)), seed);
  t.same(
    [hash('10.0.0.1'), hash('10.0.0.2'), hash('2001:db8::1')],
    [4239316739, 3094223498, 173931060],
    'pinned: a change moves every client',
  );
  t.not(hash('10.0.0.1', 1), hash('10.0.0.1'), 'a seed makes another');
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 16000; i++) {
    const bucket = hash(`10.0.${i >> 8}.${i & 255}`) % 16;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  // Chi-square with 15 degrees of freedom: 37.7 is passed once in a thousand by chance; the input is fixed.
  const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  t.ok(chiSquare < 37.7, `chi-square ${chiSquare}`);
});
