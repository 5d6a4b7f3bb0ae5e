import fc from 'fast-check';
import t from 'tap';
import { ByteRing } from '../../../src/kernel/byte-ring.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { AccessLine } from '../../../src/observe/access-line.ts';
import { AccessLog, type AccessRecord } from '../../../src/observe/index.ts';

const WALL_MS = Date.UTC(2026, 10, 21, 9, 8, 7, 45);

function record(changes: Partial<AccessRecord> = {}): AccessRecord {
  return {
    wallMs: WALL_MS,
    requestId: '01jd-1',
    clientIp: '192.0.2.7',
    listener: 'https',
    method: 'GET',
    host: 'shop.example.com',
    target: '/books?limit=3',
    protocol: 'HTTP/1.1',
    route: 'shop',
    pool: 'web',
    server: '127.0.0.1:3001',
    status: 200,
    reason: 'ok',
    durationMs: 12.0344,
    upstreamMs: 11.5,
    attempts: 1,
    bytesIn: 0,
    bytesOut: 4711,
    user: '',
    tenant: '',
    tls: 'TLSv1.3',
    userAgent: 'curl/8.5',
    grpcStatus: -1,
    ...changes,
  };
}

function setUp(options: { sampleFraction?: number; ringBytes?: number } = {}) {
  const ring = ByteRing.create(options.ringBytes ?? 1024 * 1024);
  let nudges = 0;
  const log = new AccessLog(
    { sampleFraction: options.sampleFraction ?? 1 },
    { random: new SeededRandom(3), ring, onHalfFull: () => nudges++ },
  );
  return { log, ring, text: () => ring.drain()?.toString('latin1') ?? '', nudges: () => nudges };
}

/** The one line that a record makes. */
function lineOf(changes: Partial<AccessRecord>): string {
  const { log, text } = setUp();
  log.write(record(changes));
  return text();
}

t.test('a whole line', async (t) => {
  t.equal(
    lineOf({}),
    '{"time":"2026-11-21T09:08:07.045Z","request_id":"01jd-1","client_ip":"192.0.2.7","listener":"https",' +
      '"host":"shop.example.com","method":"GET","target":"/books?limit=3","protocol":"HTTP/1.1","route":"shop",' +
      '"pool":"web","server":"127.0.0.1:3001","status":200,"reason":"ok","duration_ms":12.034,"upstream_ms":11.500,' +
      '"attempts":1,"bytes_in":0,"bytes_out":4711,"tls":"TLSv1.3","user_agent":"curl/8.5"}\n',
  );
});

t.test('what a gRPC call ended with', async (t) => {
  for (const status of [0, 14]) {
    const text = lineOf({ grpcStatus: status, user: 'ann' });
    t.match(text, `"bytes_out":4711,"grpc_status":${status},"user":"ann","tls"`);
    t.equal(JSON.parse(text).grpc_status, status);
  }
});

t.test('what was not there is left out', async (t) => {
  const line = JSON.parse(
    lineOf({
      route: '',
      pool: '',
      server: '',
      tls: '',
      user: '',
      tenant: '',
      userAgent: '',
      upstreamMs: -1,
      status: 404,
      reason: 'no_route',
    }),
  );
  t.strictSame(Object.keys(line), [
    'time',
    'request_id',
    'client_ip',
    'listener',
    'host',
    'method',
    'target',
    'protocol',
    'status',
    'reason',
    'duration_ms',
    'attempts',
    'bytes_in',
    'bytes_out',
  ]);
});

t.test('times', async (t) => {
  const { log, text } = setUp();
  for (const wallMs of [WALL_MS, WALL_MS + 954, WALL_MS + 955, WALL_MS - 1000, Date.UTC(1999, 0, 1), 0])
    log.write(record({ wallMs }));
  const times = text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).time);
  t.strictSame(times, [
    '2026-11-21T09:08:07.045Z',
    '2026-11-21T09:08:07.999Z',
    '2026-11-21T09:08:08.000Z',
    '2026-11-21T09:08:06.045Z',
    '1999-01-01T00:00:00.000Z',
    '1970-01-01T00:00:00.000Z',
  ]);
  for (const [ms, text] of [
    [0, '0.000'],
    [0.0004, '0.000'],
    [0.9996, '1.000'],
    [3_600_000.25, '3600000.250'],
    [-3, '0.000'],
  ] as const)
    t.match(lineOf({ durationMs: ms }), `"duration_ms":${text},`);
});

t.test('hostile bytes are escaped, one line stays one line', async (t) => {
  const cases: [bytes: string, read: string][] = [
    ['a"b\\c', 'a"b\\c'],
    ['x\r\n{"forged":1}', 'x\r\n{"forged":1}'],
    ['\x1b[31mred\x07', '\x1b[31mred\x07'],
    ['\x00\x7f', '\x00\x7f'],
    [Buffer.from('Grüße 📚').toString('latin1'), 'Grüße 📚'],
    ['\xff\xfe broken utf-8', '\xff\xfe broken utf-8'],
    ['\xed\xa0\x80 a surrogate as utf-8', '\xed\xa0\x80 a surrogate as utf-8'],
    ['\u2028 and \u{1f4da} out of a name', '\u2028 and \u{1f4da} out of a name'],
    ['\ud800 alone', '\ud800 alone'],
  ];
  for (const [bytes, read] of cases) {
    const line = lineOf({ userAgent: bytes, target: bytes, route: bytes });
    t.match(line, /^[\x20-\x7e]+\n$/, 'printable ASCII and one LF');
    t.match(JSON.parse(line), { user_agent: read, target: read, route: read });
  }
});

t.test('any text makes a valid line', async (t) => {
  const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(anyText, anyText, fc.double({ min: 0, max: 1e9, noNaN: true }), (a, b, ms) => {
        const line = lineOf({ target: a, userAgent: b, host: a, durationMs: ms, upstreamMs: ms });
        const parsed = JSON.parse(line);
        return /^[\x20-\x7e]+\n$/.test(line) && Math.abs(parsed.duration_ms - ms) <= 0.001;
      }),
      { numRuns: 500 },
    ),
  );
});

t.test('what is remembered of earlier lines never shows in a later one', async (t) => {
  const random = new SeededRandom(11);
  const of = <T>(...values: T[]): T => values[random.below(values.length)] as T;
  const kept = new AccessLine();
  for (let i = 0; i < 5000; i++) {
    const one = record({
      wallMs: WALL_MS + random.below(3000),
      listener: of('https', 'http'),
      host: of('a.example', 'b.example', `${i}.example`, 'x'.repeat(300)),
      method: of('GET', 'POST'),
      protocol: of('HTTP/1.1', 'HTTP/1.0'),
      route: of('', 'shop', 'api'),
      pool: of('', 'web', 'api'),
      server: of('', 'a', 'b'),
      status: of(0, 200, 502),
      reason: of('ok', 'client_abort', 'upstream_reset'),
      upstreamMs: of(-1, 3),
      attempts: of(1, 2),
      bytesIn: of(0, 9),
      tls: of('', 'TLSv1.3'),
      userAgent: of('', 'curl', 'wget', `bot ${i}`),
    });
    const line = kept.of(one);
    if (line !== new AccessLine().of(one)) return t.equal(line, new AccessLine().of(one), `line ${i}`);
  }
});

t.test('what finds no room is dropped as whole lines, and the reader is asked to come at half', async (t) => {
  const { log, ring, text, nudges } = setUp({ ringBytes: 200_000 });
  for (let i = 0; i < 1000; i++) log.write(record({ requestId: `r${i}` }));
  t.ok(ring.dropped > 0, 'the ring was too small');
  const lines = text().trim().split('\n');
  t.equal(lines.length + ring.dropped, 1000);
  for (const [i, line] of lines.entries())
    if (JSON.parse(line).request_id !== `r${i}`) t.fail(`line ${i}: ${line}`);
  t.ok(nudges() > 0);
  log.write(record());
  t.equal(text().trim().split('\n').length, 1, 'there is room again');
});

t.test('sampling keeps its share and every 5xx', async (t) => {
  const { log, text } = setUp({ sampleFraction: 0.1 });
  for (let i = 0; i < 2000; i++) log.write(record());
  for (let i = 0; i < 50; i++) log.write(record({ status: 502, reason: 'connect_error' }));
  log.setSampleFraction(0);
  for (let i = 0; i < 100; i++) log.write(record());
  const lines = text().trim().split('\n');
  t.equal(lines.filter((line) => line.includes('"status":502')).length, 50);
  const sampled = lines.length - 50;
  t.ok(sampled > 150 && sampled < 250, `${sampled} of 2000 at 10 %`);
});
