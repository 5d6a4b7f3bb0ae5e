import { BlockList } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { SluiceError } from '../../../src/kernel/errors.ts';
import { CidrSet, IpFilter, parseAddress, parseCidr } from '../../../src/limit/index.ts';

t.test('what a block is', async (t) => {
  const bits = (text: string): string => {
    const { base, prefixBits } = parseCidr(text);
    return `v${base.family} ${base.w0 >>> 0} /${prefixBits}`;
  };
  t.equal(bits('10.0.0.0/8'), 'v4 167772160 /8');
  t.equal(bits('10.0.0.1'), 'v4 167772161 /32');
  t.equal(bits('0.0.0.0/0'), 'v4 0 /0');
  t.equal(bits('::ffff:10.0.0.0/104'), 'v4 167772160 /8', 'mapped, with its exact meaning');
  t.equal(bits('::ffff:0:0/96'), 'v4 0 /0', 'all of IPv4');
  t.equal(bits('::ffff:10.0.0.1'), 'v4 167772161 /32');
  t.equal(bits('2001:db8::/32'), 'v6 536939960 /32');
  t.equal(bits('::/0'), 'v6 0 /0');
  t.equal(bits('::1'), 'v6 0 /128');
});

t.test('what is none is an error with the fix', async (t) => {
  const rows: [text: string, hint: RegExp][] = [
    ['::ffff:10.0.0.0/8', /96 to 128; write 10\.0\.0\.0\/8/],
    ['::ffff:10.1.2.3/16', /write 10\.1\.0\.0\/16/],
    ['::ffff:10.0.0.0/64', /96 to 128/],
    ['10.0.0.5/8', /write 10\.0\.0\.0\/8 for the block or 10\.0\.0\.5 for the address/],
    ['2001:db8::1/32', /write 2001:db8::\/32 for the block/],
    ['10.0.0.0/33', /0 to 32/],
    ['10.0.0.0/', /0 to 32/],
    ['10.0.0.0/-1', /0 to 32/],
    ['10.0.0.0/08', /0 to 32/],
    ['10.0.0.0/255.0.0.0', /0 to 32/],
    ['::/129', /0 to 128/],
    ['::ffff:10.0.0.0/129', /0 to 128/],
    ['10/8', /Write an address/],
    ['fe80::1%eth0/64', /Write an address/],
    ['localhost', /Write an address/],
    ['', /Write an address/],
  ];
  for (const [text, hint] of rows) {
    try {
      parseCidr(text);
      t.fail(`${text} was read`);
    } catch (error) {
      t.ok(error instanceof SluiceError && error.code === 'bad_cidr', text);
      if (error instanceof SluiceError) t.match(error.hint, hint, text);
    }
  }
});

t.test('a set agrees with node:net BlockList', async () => {
  // Few distinct bits, so that blocks nest, touch and are hit.
  const v4 = fc.tuple(fc.constantFrom(10, 11, 192), fc.constantFrom(0, 1, 128), fc.constant(0), fc.nat(3));
  const v6Word = fc.constantFrom('0', '1', '8000', 'ffff');
  const v6 = fc
    .tuple(fc.constantFrom('2001', 'fe80', '0'), v6Word, v6Word, v6Word)
    .map(([a, b, c, d]) => `${a}:${b}:0:0:${c}:0:0:${d}`);
  const v4Text = v4.map((octets) => octets.join('.'));
  const prefixed = fc.oneof(fc.tuple(v4Text, fc.nat(32)), fc.tuple(v6, fc.nat(128)));
  fc.assert(
    fc.property(
      fc.array(prefixed, { maxLength: 8 }),
      fc.array(fc.oneof(v4Text, v6), { maxLength: 30 }),
      (blocks, ips) => {
        // One a family: BlockList finds IPv4 addresses in ::/0, which we do not.
        const reference = { ipv4: new BlockList(), ipv6: new BlockList() };
        const familyOf = (ip: string): 'ipv4' | 'ipv6' => (ip.includes(':') ? 'ipv6' : 'ipv4');
        const texts: string[] = [];
        for (const [ip, bits] of blocks) {
          const text = baseOf(ip, bits);
          texts.push(`${text}/${bits}`);
          reference[familyOf(ip)].addSubnet(text, bits, familyOf(ip));
        }
        const set = new CidrSet(texts);
        for (const ip of ips) {
          const expected = reference[familyOf(ip)].check(ip, familyOf(ip));
          if (set.has(parseAddress(ip)) !== expected) throw new Error(`${ip} in ${texts}: not ${expected}`);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

/** The block's first address, found by asking the parser's own hint for it. */
function baseOf(ip: string, bits: number): string {
  try {
    parseCidr(`${ip}/${bits}`);
    return ip;
  } catch (error) {
    const found = error instanceof SluiceError ? /write (\S+)\/\d+ for/.exec(error.hint ?? '') : null;
    if (!found?.[1]) throw error;
    return found[1];
  }
}

t.test('trusted proxies', async (t) => {
  const trusted = new CidrSet(['10.0.0.0/8', '2001:db8::/32']);
  const has = (ip: string): boolean => trusted.has(parseAddress(ip));
  t.ok(has('10.255.0.1'));
  t.ok(has('::ffff:10.0.0.1'), 'over a dual-stack socket');
  t.notOk(has('11.0.0.0'));
  t.notOk(has('9.255.255.255'));
  t.ok(has('2001:db8:ffff::1'));
  t.notOk(has('2001:db9::1'));
  t.notOk(has('/run/x.sock'));
  t.ok(new CidrSet([]).isEmpty);
  t.notOk(new CidrSet(['::/0']).has(parseAddress('10.0.0.1')), '::/0 is all of IPv6 only');
  t.notOk(new CidrSet(['::/0']).has(parseAddress('::ffff:10.0.0.1')), 'mapped ones are IPv4');
});

t.test('allow and deny', async (t) => {
  const rows: [allow: string[], deny: string[], ip: string, decision: string][] = [
    [[], [], '1.2.3.4', 'allowed'],
    [['10.0.0.0/8'], [], '10.1.1.1', 'allowed'],
    [['10.0.0.0/8'], [], '11.1.1.1', 'not_allowed'],
    [[], ['10.0.0.0/8'], '10.1.1.1', 'denied'],
    [[], ['10.0.0.0/8'], '::ffff:10.1.1.1', 'denied'],
    [[], ['10.0.0.0/8'], '11.1.1.1', 'allowed'],
    [['10.0.0.0/8'], ['10.1.0.0/16'], '10.1.1.1', 'denied'],
    [['10.1.0.0/16'], ['10.0.0.0/8'], '10.1.1.1', 'denied'],
    [['10.0.0.0/8'], ['10.1.0.0/16'], '10.2.1.1', 'allowed'],
    [['10.0.0.0/8'], [], '', 'not_allowed'],
    [[], ['10.0.0.0/8'], '', 'allowed'],
    [['::1'], [], '::1', 'allowed'],
    [['::1'], [], '127.0.0.1', 'not_allowed'],
  ];
  for (const [allow, deny, ip, decision] of rows)
    t.equal(new IpFilter(allow, deny).decide(parseAddress(ip)), decision, `${allow} ${deny} ${ip}`);
  t.ok(new IpFilter([], []).isOpen);
  t.notOk(new IpFilter([], ['::1']).isOpen);
  t.throws(() => new IpFilter(['10.0.0.0/99'], []), { code: 'bad_cidr' });
});
