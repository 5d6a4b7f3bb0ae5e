/**
 * What an exchange costs in observation: its access-log line, and its counters. `node bench/micro/access-log.ts`
 * prints nanoseconds each: the median of several rounds. Paths, ids, agents and times vary, as they do in life.
 */

import { ByteRing } from '../../src/kernel/byte-ring.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { REASON_NAMES, type Reason } from '../../src/kernel/reason.ts';
import { AccessLog, type AccessRecord, RouteCells } from '../../src/observe/index.ts';
import { CellAllocator } from '../../src/observe/main/index.ts';

const ROUNDS = 9;
const PER_ROUND = 200_000;
const random = new SeededRandom(1);
const records: AccessRecord[] = Array.from({ length: 4096 }, (_, i) => ({
  wallMs: 1_795_000_000_000 + i * 7,
  requestId: `01jd${random.below(2 ** 31).toString(36)}${random.below(2 ** 31).toString(36)}`,
  clientIp: `10.${random.below(256)}.${random.below(256)}.${random.below(256)}`,
  listener: 'https',
  method: i % 8 === 0 ? 'POST' : 'GET',
  host: 'shop.example.com',
  target: `/books/${random.below(100_000)}?limit=${random.below(100)}&q=${random.below(2 ** 31).toString(36)}`,
  protocol: 'HTTP/1.1',
  route: 'shop',
  pool: 'web',
  server: `10.0.0.1${i % 3}:8080`,
  status: 200,
  reason: 'ok',
  durationMs: random.next() * 40,
  upstreamMs: random.next() * 30,
  attempts: 1,
  bytesIn: 0,
  bytesOut: random.below(100_000),
  user: '',
  tenant: '',
  tls: 'TLSv1.3',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  grpcStatus: -1,
}));
/** Nothing of a line was in the line before: many hosts, agents, servers and outcomes. */
const mixed = records.map((one, i) => ({
  ...one,
  method: i & 1 ? 'GET' : 'HEAD',
  host: `shop${i % 7}.example.com`,
  userAgent: `${one.userAgent} ${i % 13}`,
  status: i & 1 ? 200 : 404,
  bytesIn: i % 5,
}));
const hostile = records.map((one) => ({ ...one, userAgent: `${one.userAgent} "caf\xc3\xa9"` }));

function measure(name: string, once: (record: AccessRecord) => void, of = records): void {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = systemClock.nowMs();
    for (let i = 0; i < PER_ROUND; i++) once(of[i & 4095] as AccessRecord);
    rounds.push(((systemClock.nowMs() - startMs) * 1e6) / PER_ROUND);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[ROUNDS >> 1] ?? 0;
  process.stdout.write(`${name.padEnd(44)} ${median.toFixed(0).padStart(6)} ns\n`);
}

// The reader of the ring is main; here it is emptied in between, which stands for main's copy.
let bytes = 0;
const ring = ByteRing.create(4 * 1024 * 1024);
const log = new AccessLog(
  { sampleFraction: 1 },
  {
    random,
    ring,
    onHalfFull: () => {
      bytes += ring.drain()?.length ?? 0;
    },
  },
);
const cells = new CellAllocator({ threads: 1 }, systemClock);
const routes = Array.from(
  { length: 1000 },
  (_, i) => new RouteCells(cells.table.row(0), cells.block('route', `r${i}`).offset),
);
const reasons = REASON_NAMES.slice(0, 4) as readonly Reason[];
let turn = 0;

measure('access-log line, into the ring', (record) => log.write(record));
measure('  the same, all fields vary', (record) => log.write(record), mixed);
measure('  the same, a user agent that needs escaping', (record) => log.write(record), hostile);
measure('  JSON.stringify of the record instead', (record) => {
  bytes += Buffer.from(`${JSON.stringify(record)}\n`, 'latin1').length;
});
measure('countRequest, one route', (one) =>
  routes[0]?.countRequest('ok', 200, one.durationMs, 0, one.bytesOut),
);
measure('countRequest, 1000 routes, four reasons', (one) => {
  turn++;
  routes[turn % 1000]?.countRequest(reasons[turn & 3] as Reason, 200, one.durationMs, 0, one.bytesOut);
});
bytes += ring.drain()?.length ?? 0;
process.stdout.write(`${(bytes / 2 ** 20).toFixed(0)} MiB of log\n`);
