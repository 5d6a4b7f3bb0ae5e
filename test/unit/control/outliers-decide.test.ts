/** Who is taken out, who is spared, who comes back: the rules row by row, and what holds in every case. */
import t from 'tap';
import {
  decideOutliers,
  MAX_EJECTION_MS,
  type OutlierOptions,
  type OutlierServer,
} from '../../../src/control/outliers/decide.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { OUTLIERS as OPTIONS } from '../../support/outlier-options.ts';

const NOW = 1_000_000;

const server = (id: string, more: Partial<OutlierServer> = {}): OutlierServer => ({
  ...{ id, isInUse: true, errorsInARow: 0, interval: undefined, outUntilMs: undefined, timesOut: 0 },
  ...more,
});
const rate = (requests: number, failures: number): Partial<OutlierServer> => ({
  interval: { requests, failures },
});

t.test('row by row', (t) => {
  const bad = { errorsInARow: 5 };
  const out = { outUntilMs: NOW + 1 };
  const rows: [string, OutlierServer[], Partial<OutlierOptions>, string][] = [
    ['all is well', [server('a'), server('b')], {}, ''],
    ['one fewer than allowed', [server('a', { errorsInARow: 4 }), server('b')], {}, ''],
    ['errors in a row', [server('a', bad), server('b')], {}, 'eject a 30000'],
    ['not looked at', [server('a', bad), server('b')], { consecutiveErrors: 0 }, ''],
    ['the only one', [server('a', bad)], {}, 'spare a'],
    ['the last that works', [server('a', bad), server('b', { isInUse: false })], {}, 'spare a'],
    ['the second time', [server('a', { ...bad, timesOut: 1 }), server('b')], {}, 'eject a 60000'],
    ['the hundredth', [server('a', { ...bad, timesOut: 99 }), server('b')], {}, `eject a ${MAX_EJECTION_MS}`],
    ['half are out already', [server('a', bad), server('b', out), server('c')], {}, 'spare a'],
    [
      'more may be out',
      [server('a', bad), server('b', out), server('c')],
      { maxEjected: 1 },
      'eject a 30000',
    ],
    ['all of two fail', [server('a', bad), server('b', bad)], { maxEjected: 1 }, 'eject a 30000, spare b'],
    [
      'the worst goes first',
      [server('a', bad), server('b', { errorsInARow: 50 }), server('c')],
      {},
      'eject b 30000, spare a',
    ],
    [
      'one may be out of two, whatever its share',
      [server('a', bad), server('b')],
      { maxEjected: 0.1 },
      'eject a 30000',
    ],
    ['none may be out', [server('a', bad), server('b')], { maxEjected: 0 }, 'spare a'],
    ['the others went down meanwhile', [server('a', out), server('b', { isInUse: false })], {}, 'return a'],
    [
      'some of the others did: who would come first comes now',
      [server('a', { outUntilMs: NOW + 9 }), server('b', out), server('c'), server('d', { isInUse: false })],
      {},
      'return b',
    ],
    ['its time is over', [server('a', { outUntilMs: NOW }), server('b')], {}, 'return a'],
    ['it is not', [server('a', out), server('b')], {}, ''],
    [
      'out, and drained meanwhile',
      [server('a', { ...out, isInUse: false }), server('b', bad), server('c')],
      {},
      'eject b 30000',
    ],
    ['out, and still counted', [server('a', { ...out, ...bad }), server('b')], {}, ''],
    ['a rate', [server('a', rate(20, 10)), server('b', rate(20, 1))], {}, 'eject a 30000'],
    ['too few requests for a rate', [server('a', rate(19, 19)), server('b', rate(20, 0))], {}, ''],
    [
      'a rate that is not looked at',
      [server('a', rate(20, 20)), server('b', rate(20, 0))],
      { failureRate: 0 },
      '',
    ],
    ['the others fail as well', [server('a', rate(20, 20)), server('b', rate(20, 11))], {}, ''],
    [
      'the others fail half as often',
      [server('a', rate(20, 20)), server('b', rate(20, 10))],
      {},
      'eject a 30000',
    ],
    ['nothing is known of others', [server('a', rate(20, 20)), server('b', rate(0, 0))], {}, ''],
  ];
  for (const [name, servers, more, expected] of rows) {
    const changes = decideOutliers(servers, { ...OPTIONS, ...more }, NOW);
    const said = changes.map((it) => `${it.kind} ${it.id}${it.kind === 'eject' ? ` ${it.forMs}` : ''}`);
    t.equal(said.join(', '), expected, name);
  }
  t.end();
});

t.test('why', (t) => {
  const why = (servers: OutlierServer[]): unknown =>
    (decideOutliers(servers, OPTIONS, NOW)[0] as { why: string }).why;
  t.equal(why([server('a', { errorsInARow: 7 }), server('b')]), '7 errors in a row');
  t.equal(
    why([server('a', rate(40, 30)), server('b', rate(200, 1))]),
    '75 % of 40 requests failed, of the others’ 0.5 %',
  );
  t.end();
});

t.test('whatever is counted: never too many out, never the last (B35)', (t) => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 20_000; round++) {
    const servers = Array.from({ length: 1 + random.below(8) }, (_, i) =>
      server(`s${i}`, {
        isInUse: random.next() < 0.8,
        errorsInARow: random.below(10),
        ...(random.next() < 0.5 ? rate(random.below(60), random.below(30)) : {}),
        outUntilMs: random.next() < 0.3 ? NOW - 5 + random.below(10) : undefined,
        timesOut: random.below(4),
      }),
    );
    const options = { ...OPTIONS, maxEjected: random.below(5) / 4 };
    const changes = decideOutliers(servers, options, NOW);
    const inUse = servers.filter((it) => it.isInUse);
    const ejected = changes.filter((it) => it.kind === 'eject').map((it) => it.id);
    const back = new Set(changes.filter((it) => it.kind === 'return').map((it) => it.id));
    const wereOut = inUse.filter((it) => (it.outUntilMs ?? 0) > NOW && !back.has(it.id));
    if (wereOut.length > 0 && wereOut.length === inUse.length) t.fail('nobody is left');
    const said = (): string => JSON.stringify({ servers, options, changes });
    if (new Set(changes.map((it) => it.id)).size !== changes.length) t.fail(`two changes of one: ${said()}`);
    if (ejected.length > 0) {
      if (wereOut.length + ejected.length >= inUse.length) t.fail(`the last one: ${said()}`);
      const share = options.maxEjected === 0 ? 0 : Math.max(1, Math.floor(options.maxEjected * inUse.length));
      if (wereOut.length + ejected.length > share) t.fail(`too many: ${said()}`);
      if (ejected.some((id) => !inUse.some((it) => it.id === id))) t.fail(`not in use: ${said()}`);
    }
    for (const it of servers)
      if (
        it.outUntilMs !== undefined &&
        it.outUntilMs <= NOW &&
        !changes.some((c) => c.kind === 'return' && c.id === it.id)
      )
        t.fail(`never back: ${said()}`);
  }
  t.end();
});
