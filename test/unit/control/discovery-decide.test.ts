/** What a look-up makes of the servers of a name, and when the next one is due. */
import t from 'tap';
import {
  type AddressAnswer,
  type DiscoveryState,
  type DnsSource,
  decideDiscovery,
  type FoundServer,
  type LookupAnswer,
  MAX_SERVERS,
  NOTHING_KNOWN,
  type Target,
} from '../../../src/control/discovery/decide.ts';

const NOW = 50_000;
const source = (more: Partial<DnsSource> = {}): DnsSource => ({
  pool: 'web',
  kind: 'address',
  name: 'books',
  port: 80,
  family: 'any',
  resolvers: [],
  refreshMs: null,
  keepEmptyMs: 60_000,
  ...more,
});
const found = (addresses: string[], ttlMs = 20_000): AddressAnswer => ({ kind: 'found', addresses, ttlMs });
const none: AddressAnswer = { kind: 'none' };
const failed: AddressAnswer = { kind: 'failed', why: 'it failed' };
const target = (four: AddressAnswer, six: AddressAnswer = none, more: Partial<Target> = {}): Target => ({
  name: 'books',
  port: 80,
  priority: -1,
  weight: -1,
  families: [
    { family: 4, answer: four },
    { family: 6, answer: six },
  ],
  ...more,
});
const targets = (...all: Target[]): LookupAnswer => ({ kind: 'targets', targets: all });
const server = (host: string, more: Partial<FoundServer> = {}): FoundServer => ({
  host,
  port: 80,
  name: 'books',
  weight: 0,
  isBackup: false,
  ...more,
});
const known = (...hosts: string[]): DiscoveryState => ({
  ...NOTHING_KNOWN,
  outcome: 'found',
  servers: hosts.map((it) => server(it)),
});

t.test('servers, outcome and next look-up', async (t) => {
  const failures = (state: DiscoveryState, count: number): DiscoveryState => ({ ...state, failures: count });
  const empty = (state: DiscoveryState, sinceMs: number): DiscoveryState => ({
    ...state,
    emptySinceMs: sinceMs,
  });
  type Row = [
    name: string,
    before: DiscoveryState,
    answer: LookupAnswer,
    source: DnsSource,
    expected: [hosts: string, outcome: string, nextMs: number, hasChanged: boolean],
  ];
  const two = known('10.0.0.1', '10.0.0.2');
  const no = targets(target(none));
  const table: Row[] = [
    [
      'first answer',
      NOTHING_KNOWN,
      targets(target(found(['10.0.0.2', '10.0.0.1']))),
      source(),
      ['10.0.0.1 10.0.0.2', 'found', 20_000, true],
    ],
    [
      'the same in another order',
      two,
      targets(target(found(['10.0.0.2', '10.0.0.1']))),
      source(),
      ['10.0.0.1 10.0.0.2', 'found', 20_000, false],
    ],
    ['one less', two, targets(target(found(['10.0.0.2']))), source(), ['10.0.0.2', 'found', 20_000, true]],
    [
      'both families',
      two,
      targets(target(found(['10.0.0.2']), found(['2001:db8::1'], 5000))),
      source(),
      ['10.0.0.2 2001:db8::1', 'found', 5000, true],
    ],
    ['a TTL of 0', two, targets(target(found(['10.0.0.2'], 0))), source(), ['10.0.0.2', 'found', 1000, true]],
    [
      'a TTL of a day',
      two,
      targets(target(found(['10.0.0.2'], 86_400_000))),
      source(),
      ['10.0.0.2', 'found', 300_000, true],
    ],
    [
      'refresh instead of the TTL',
      two,
      targets(target(found(['10.0.0.2'], 9000))),
      source({ refreshMs: 100 }),
      ['10.0.0.2', 'found', 100, true],
    ],
    [
      'the resolver fails',
      two,
      { kind: 'failed', why: 'it failed' },
      source(),
      ['10.0.0.1 10.0.0.2', 'failed', 1000, false],
    ],
    [
      'it fails for the third time',
      failures(two, 2),
      targets(target(failed, failed)),
      source(),
      ['10.0.0.1 10.0.0.2', 'failed', 4000, false],
    ],
    [
      'it fails for the hundredth time',
      failures(two, 99),
      targets(target(failed)),
      source(),
      ['10.0.0.1 10.0.0.2', 'failed', 30_000, false],
    ],
    [
      'it fails, and refresh is shorter than the pause',
      failures(two, 99),
      targets(target(failed)),
      source({ refreshMs: 2000 }),
      ['10.0.0.1 10.0.0.2', 'failed', 2000, false],
    ],
    [
      'one family fails: of that the servers stay',
      known('10.0.0.1', '2001:db8::1'),
      targets(target(found(['10.0.0.9']), failed)),
      source(),
      ['10.0.0.9 2001:db8::1', 'found', 20_000, true],
    ],
    [
      'one family fails, the other has none: nothing is known to have changed',
      two,
      targets(target(none, failed)),
      source(),
      ['10.0.0.1 10.0.0.2', 'failed', 1000, false],
    ],
    [
      'nothing known, and failed',
      NOTHING_KNOWN,
      targets(target(failed)),
      source(),
      ['', 'failed', 1000, false],
    ],
    ['no addresses any more: kept', two, no, source(), ['10.0.0.1 10.0.0.2', 'empty', 5000, false]],
    ['no such name: kept', two, targets(), source(), ['10.0.0.1 10.0.0.2', 'empty', 5000, false]],
    [
      'empty for almost too long',
      empty(two, NOW - 59_000),
      no,
      source(),
      ['10.0.0.1 10.0.0.2', 'empty', 1000, false],
    ],
    ['empty for too long', empty(two, NOW - 60_000), no, source(), ['', 'empty', 5000, true]],
    ['empty, and not to be kept', two, no, source({ keepEmptyMs: 0 }), ['', 'empty', 5000, true]],
    ['never had any', NOTHING_KNOWN, no, source(), ['', 'empty', 5000, false]],
  ];
  for (const [name, before, answer, from, [hosts, outcome, nextMs, hasChanged]] of table) {
    const decided = decideDiscovery(before, answer, from, NOW);
    t.same(
      {
        hosts: decided.state.servers.map((it) => it.host).join(' '),
        outcome: decided.state.outcome,
        nextMs: decided.nextMs,
        hasChanged: decided.hasChanged,
        hasWhy: decided.state.why !== '',
      },
      {
        hosts,
        outcome,
        nextMs,
        hasChanged,
        hasWhy: outcome !== 'found' || name.startsWith('one family fails'),
      },
      name,
    );
    t.equal(decided.state.emptySinceMs !== undefined, outcome === 'empty', `${name}: empty since`);
  }
});

t.test('SRV: priorities and weights', async (t) => {
  const record = (priority: number, weight: number, host: string, port = 80): Target =>
    target(found([host]), none, { name: `of-${host}`, port, priority, weight });
  const table: [name: string, records: Target[], expected: string[]][] = [
    [
      'the first priority serves, all others are backups',
      [record(10, 1, '10.0.0.1'), record(20, 2, '10.0.0.2'), record(30, 3, '10.0.0.3')],
      ['10.0.0.1:80 1', '10.0.0.2:80 2 backup', '10.0.0.3:80 3 backup'],
    ],
    [
      'weights beyond ours keep their proportion',
      [record(0, 65_535, '10.0.0.1'), record(0, 32_768, '10.0.0.2'), record(0, 1, '10.0.0.3')],
      ['10.0.0.1:80 1000', '10.0.0.2:80 500', '10.0.0.3:80 1'],
    ],
    [
      'all 0 is all alike',
      [record(0, 0, '10.0.0.1'), record(0, 0, '10.0.0.2')],
      ['10.0.0.1:80 1', '10.0.0.2:80 1'],
    ],
    [
      '0 beside others is a small chance',
      [record(0, 0, '10.0.0.1'), record(0, 2, '10.0.0.2')],
      ['10.0.0.1:80 1', '10.0.0.2:80 100'],
    ],
    [
      'two ports of one machine are two servers',
      [record(0, 5, '10.0.0.1', 81), record(0, 5, '10.0.0.1', 82)],
      ['10.0.0.1:81 5', '10.0.0.1:82 5'],
    ],
    [
      'named twice: it serves if either says so',
      [record(20, 5, '10.0.0.1'), record(10, 7, '10.0.0.1')],
      ['10.0.0.1:80 7'],
    ],
  ];
  for (const [name, records, expected] of table) {
    const { state, nextMs } = decideDiscovery(
      NOTHING_KNOWN,
      targets(...records),
      source({ kind: 'srv' }),
      NOW,
    );
    t.same(
      state.servers.map((it) => `${it.host}:${it.port} ${it.weight}${it.isBackup ? ' backup' : ''}`),
      expected,
      name,
    );
    t.equal(nextMs, 20_000, `${name}: by the TTL of the targets`);
  }
  const long = targets(target(found(['10.0.0.1'], 900_000), none, { priority: 1, weight: 1 }));
  t.equal(decideDiscovery(NOTHING_KNOWN, long, source({ kind: 'srv' }), NOW).nextMs, 30_000);
  const before = decideDiscovery(
    NOTHING_KNOWN,
    targets(record(1, 1, '10.0.0.1'), record(1, 1, '10.0.0.2')),
    source(),
    NOW,
  ).state;
  const partly = targets(
    target(failed, none, { name: 'of-10.0.0.1', priority: 1, weight: 9 }),
    record(1, 1, '10.0.0.3'),
  );
  t.same(
    decideDiscovery(before, partly, source(), NOW).state.servers.map((it) => `${it.host} ${it.weight}`),
    ['10.0.0.1 9', '10.0.0.3 1'],
    'a target that is not found at the moment keeps its address, with what its record says now',
  );
});

t.test('a name with too many addresses is cut, always in the same way', async (t) => {
  const many = Array.from({ length: 400 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  const one = decideDiscovery(NOTHING_KNOWN, targets(target(found(many))), source(), NOW).state;
  const again = decideDiscovery(one, targets(target(found(many.reverse()))), source(), NOW);
  t.equal(one.servers.length, MAX_SERVERS);
  t.equal(again.hasChanged, false);
});
