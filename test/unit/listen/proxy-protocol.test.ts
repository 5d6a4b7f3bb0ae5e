/** The PROXY protocol as haproxy's proxy-protocol.txt has it: what is read, what is refused, and that pieces do not matter. */
import t from 'tap';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { crc32c } from '../../../src/listen/crc32c.ts';
import { type ProxyReading, readProxyHeader } from '../../../src/listen/proxy-protocol.ts';
import { addresses6, CLIENT4, SIGNATURE, v1, v2, v2WithChecksum, value } from '../../support/proxy-header.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const shown = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1').slice(0, 120));

/** `source port > target port` of a client, or the kind. */
function told(reading: ProxyReading): string {
  if (reading.kind !== 'proxied') return reading.kind;
  const { sourceAddress, sourcePort, targetAddress, targetPort } = reading.addresses;
  return `${sourceAddress} ${sourcePort} > ${targetAddress} ${targetPort}`;
}

const CLIENT = '203.0.113.7 50123 > 198.51.100.1 443';
const SIX = addresses6('20010db8000000000000000000000007', 1, '20010db8000000000001000000000001', 65_535);
const MAPPED = addresses6('00000000000000000000ffffcb007107', 5, '00000000000000000000ffffc6336401', 6);
const UNIX = Buffer.alloc(216, 'x');

/** Headers that are read: what of, and what they say. */
const GOOD: readonly (readonly [header: Buffer, expected: string])[] = [
  [latin1(v1()), CLIENT],
  [latin1(v1('203.0.113.7', 0, '198.51.100.1', 65_535)), '203.0.113.7 0 > 198.51.100.1 65535'],
  [latin1(v1('2001:DB8:0:0:0:0:0:7', 1, '::1', 2)), '2001:db8::7 1 > ::1 2'],
  [latin1(v1('::ffff:203.0.113.7', 1, '::ffff:c633:6401', 2)), '203.0.113.7 1 > 198.51.100.1 2'],
  [
    latin1(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`),
    `${'ffff:'.repeat(7)}ffff 65535 > ${'ffff:'.repeat(7)}ffff 65535`,
  ],
  [latin1('PROXY UNKNOWN\r\n'), 'local'],
  [latin1('PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n'), 'local'],
  [latin1(`PROXY UNKNOWN ${'x'.repeat(107 - 16)}\r\n`), 'local'],
  [v2(), CLIENT],
  [v2({ family: 0x21, addresses: SIX }), '2001:db8::7 1 > 2001:db8::1:0:0:1 65535'],
  [v2({ family: 0x21, addresses: MAPPED }), '203.0.113.7 5 > 198.51.100.1 6'],
  [v2({ family: 0x31, addresses: UNIX }), 'local'],
  [v2({ command: 0x20, family: 0, addresses: Buffer.alloc(0) }), 'local'],
  [v2({ command: 0x20, family: 0xff, addresses: Buffer.alloc(99, 'junk') }), 'local'],
  [v2({ family: 0, addresses: Buffer.alloc(0) }), 'local'],
  [v2({ family: 0, addresses: Buffer.alloc(3, 0xff) }), 'local'],
  [
    v2({
      values: [
        value(1, 'h2'),
        value(2, 'shop.example'),
        value(4, ''),
        value(5, 'id-1'),
        value(0x30, 'ns'),
        value(0xea, Buffer.alloc(9000)),
      ],
    }),
    CLIENT,
  ],
  [v2WithChecksum(), CLIENT],
  [
    v2WithChecksum({ family: 0x21, addresses: SIX, values: [value(2, 'a')] }),
    '2001:db8::7 1 > 2001:db8::1:0:0:1 65535',
  ],
];

/** Headers that are refused, and a piece of why. */
const BAD: readonly (readonly [header: Buffer, why: RegExp])[] = [
  [latin1('PROXY \r\n'), /protocol is not/],
  [latin1('PROXY TCP4\r\n'), /addresses/],
  [latin1('PROXY TCP5 203.0.113.7 198.51.100.1 1 2\r\n'), /protocol is not/],
  [latin1('PROXY tcp4 203.0.113.7 198.51.100.1 1 2\r\n'), /protocol is not/],
  [latin1('PROXY UDP4 203.0.113.7 198.51.100.1 1 2\r\n'), /protocol is not/],
  [latin1('PROXY UNKNOWNX\r\n'), /protocol is not/],
  [latin1('PROXY  TCP4 203.0.113.7 198.51.100.1 1 2\r\n'), /protocol is not/],
  [latin1('PROXY TCP4  203.0.113.7 198.51.100.1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4 203.0.113.7  198.51.100.1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4\t203.0.113.7 198.51.100.1 1 2\r\n'), /protocol is not/],
  [latin1('PROXY TCP4 203.0.113 198.51.100.1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4 203.0.113.007 198.51.100.1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4 203.0.113.256 198.51.100.1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4 203.0.113.7\0 198.51.100.1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4 3405803783 198.51.100.1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4 ::1 ::1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP6 203.0.113.7 198.51.100.1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP6 [::1] ::1 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4 203.0.113.7 1 2\r\n'), /addresses/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 1\r\n'), /bad port/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 1 \r\n'), /bad port/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1  1 2\r\n'), /bad port/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 01 2\r\n'), /bad port/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 1 65536\r\n'), /bad port/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 123x 2\r\n'), /bad port/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 -1 2\r\n'), /bad port/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 1 2 \r\n'), /behind its ports/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 1 2 3\r\n'), /behind its ports/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 1 2\n'), /CRLF/],
  [latin1('PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\r\n'), /CRLF/],
  [latin1('PROXY TCP4 203.0.113.7\r198.51.100.1 1 2\r\n'), /CRLF/],
  [latin1('PROXY UNKNOWN\rx\r\n'), /CRLF/],
  [latin1(`PROXY UNKNOWN ${'x'.repeat(107 - 15)}\r\n`), /more than 107 bytes/],
  [latin1(`PROXY TCP4 ${'1'.repeat(200)}`), /more than 107 bytes/],
  [v2({ command: 0x11 }), /version or command/],
  [v2({ command: 0x31 }), /version or command/],
  [v2({ command: 0x22 }), /version or command/],
  [v2({ command: 0x2f }), /version or command/],
  [v2({ family: 0x12 }), /family or transport/],
  [v2({ family: 0x10 }), /family or transport/],
  [v2({ family: 0x01 }), /family or transport/],
  [v2({ family: 0x22, addresses: SIX }), /family or transport/],
  [v2({ family: 0x41 }), /family or transport/],
  [v2({ family: 0x32, addresses: UNIX }), /family or transport/],
  [v2({ length: 11 }), /too short/],
  [v2({ length: 0 }), /too short/],
  [v2({ family: 0x21, length: 35 }), /too short/],
  [v2({ family: 0x31, addresses: UNIX, length: 215 }), /too short/],
  [v2({ length: 65_535 }), /more than 16400 bytes/],
  [v2({ command: 0x20, family: 0, length: 65_535 }), /more than 16400 bytes/],
  [v2({ values: [Buffer.from([5])] }), /ends within a value/],
  [v2({ values: [Buffer.from([5, 0])] }), /ends within a value/],
  [v2({ values: [value(5, 'abc', 4)] }), /longer than itself/],
  [v2({ values: [value(5, 'abc', 65_535)] }), /longer than itself/],
  [v2({ family: 0x31, addresses: UNIX, values: [value(5, '', 9)] }), /longer than itself/],
  [v2WithChecksum({}, 1), /wrong checksum/],
  [v2({ values: [value(3, 'abc')] }), /bad checksum field/],
  [v2WithChecksum({ values: [value(3, Buffer.alloc(4))] }), /wrong checksum|bad checksum field/],
];

/** What other connections begin with. */
const ABSENT: readonly Buffer[] = [
  latin1('GET / HTTP/1.1\r\n\r\n'),
  latin1('POST / HTTP/1.1\r\n\r\n'),
  latin1('PROPFIND / HTTP/1.1\r\n\r\n'),
  latin1('PROXY\r\n'),
  latin1('PROXYX TCP4'),
  latin1('proxy tcp4'),
  latin1(' PROXY TCP4'),
  latin1('\r\nGET / HTTP/1.1\r\n\r\n'),
  latin1('\r\n\r\nGET / HTTP/1.1\r\n\r\n'),
  latin1('\r\n\r\n\0\r\nQUIT\r'),
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]),
  latin1('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.alloc(12),
];

t.test('headers that are read, with what stands behind them left alone', async (t) => {
  for (const [header, expected] of GOOD) {
    for (const rest of ['', 'GET / HTTP/1.1\r\n\r\n', 'PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n']) {
      const reading = readProxyHeader(Buffer.concat([header, latin1(rest)]));
      t.equal(told(reading), expected, shown(header));
      t.equal('size' in reading ? reading.size : -1, header.length, `${shown(header)}: its size`);
    }
  }
});

t.test('headers that are refused (B51)', async (t) => {
  for (const [header, why] of BAD)
    t.match(readProxyHeader(header), { kind: 'malformed', why }, shown(header));
});

t.test('other beginnings', async (t) => {
  for (const bytes of ABSENT) t.equal(readProxyHeader(bytes).kind, 'absent', shown(bytes));
  t.equal(readProxyHeader(Buffer.alloc(0)).kind, 'more');
});

t.test('a beginning is a beginning: every prefix of a good header asks for more', async (t) => {
  for (const [header] of GOOD) {
    let asked = 0;
    for (let end = 0; end < header.length; end++)
      if (readProxyHeader(header.subarray(0, end)).kind === 'more') asked++;
    t.equal(asked, header.length, shown(header));
  }
});

t.test('once there is a verdict, more bytes do not change it', async (t) => {
  const random = new SeededRandom(20261121);
  const all = [...GOOD.map(([header]) => header), ...BAD.map(([header]) => header), ...ABSENT];
  for (const header of all) {
    const whole = readProxyHeader(
      Buffer.concat([header, latin1('\n'), Buffer.alloc(200, random.below(256))]),
    );
    let first: ProxyReading | undefined;
    for (let end = 0; end <= header.length && first === undefined; end++) {
      const reading = readProxyHeader(header.subarray(0, end));
      if (reading.kind !== 'more') first = reading;
    }
    if (first !== undefined) t.same(first, whole, shown(header));
  }
});

t.test('random damage: never a client that the header did not have, never a throw', async (t) => {
  const random = new SeededRandom(4711);
  t.comment(`seed ${random.seed}`);
  const kinds = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const [header] = GOOD[random.below(GOOD.length)] as readonly [Buffer, string];
    const damaged = Buffer.from(header);
    for (let hits = 1 + random.below(3); hits > 0; hits--)
      damaged[random.below(damaged.length)] = random.below(256);
    const reading = readProxyHeader(damaged);
    kinds.set(reading.kind, (kinds.get(reading.kind) ?? 0) + 1);
    if ('size' in reading && reading.size > damaged.length)
      t.fail(`a header longer than its bytes: ${shown(damaged)}`);
    if (reading.kind === 'proxied' && !/^[\d.]{7,15}$|^[\da-f:]{2,39}$/.test(reading.addresses.sourceAddress))
      t.fail(`no address: ${reading.addresses.sourceAddress}`);
  }
  t.same([...kinds.keys()].sort(), ['absent', 'local', 'malformed', 'more', 'proxied']);
});

t.test('a checksum notices every single bit', async (t) => {
  const header = v2WithChecksum({ values: [value(2, 'shop.example')] });
  let unnoticed = 0;
  // The bytes before the addresses decide what is read at all.
  for (let bit = 16 * 8; bit < header.length * 8; bit++) {
    const damaged = Buffer.from(header);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    const reading = readProxyHeader(damaged);
    if (reading.kind === 'proxied') unnoticed++;
  }
  // Where the bit makes the checksum another kind of value, there is none to check.
  t.equal(unnoticed, 8);
});

t.test('CRC-32C (RFC 3720 appendix B.4)', async (t) => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  t.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  t.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  t.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e);
  t.equal(crc32c(Buffer.alloc(0)), 0);
  t.equal(crc32c(Buffer.from([1, 9, 9, 9, 9, 2]), 1), crc32c(Buffer.from([1, 0, 0, 0, 0, 2])));
});

t.test('sizes at their limits', async (t) => {
  const room = 16 * 1024 - CLIENT4.length - 3;
  t.equal(told(readProxyHeader(v2({ values: [value(0xea, Buffer.alloc(room))] }))), CLIENT);
  t.equal(readProxyHeader(v2({ values: [value(0xea, Buffer.alloc(room + 1))] })).kind, 'malformed');
  t.equal(readProxyHeader(SIGNATURE).kind, 'more');
});
