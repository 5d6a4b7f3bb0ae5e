/** When names are asked for, and what is told of the answers. */
import t from 'tap';
import type { DnsSource, LookupAnswer } from '../../../src/control/discovery/decide.ts';
import { Discovery, type DiscoveryReport } from '../../../src/control/discovery/loop.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const source = (name: string, more: Partial<DnsSource> = {}): DnsSource => ({
  pool: 'web',
  kind: 'address',
  name,
  port: 80,
  family: 'ipv4',
  resolvers: [],
  refreshMs: 1000,
  keepEmptyMs: 0,
  ...more,
});

const found = (...addresses: string[]): LookupAnswer => ({
  kind: 'targets',
  targets: [
    {
      name: 'x',
      port: 80,
      priority: -1,
      weight: -1,
      families: [{ family: 4, answer: { kind: 'found', addresses, ttlMs: 1000 } }],
    },
  ],
});
const failed: LookupAnswer = { kind: 'failed', why: 'it failed' };

async function setUp() {
  const clock = new FakeClock();
  const reports: DiscoveryReport[] = [];
  const asked: { source: DnsSource; answer: (answer: LookupAnswer) => void; isEnded: boolean }[] = [];
  const discovery = new Discovery({
    clock,
    report: (report) => void reports.push(report),
    lookUp: (from) => {
      const { promise, resolve } = Promise.withResolvers<LookupAnswer>();
      const one = { source: from, answer: resolve, isEnded: false };
      asked.push(one);
      return {
        answer: promise,
        cancel: () => {
          one.isEnded = true;
          resolve(failed);
        },
      };
    },
  });
  await discovery.start();
  return { clock, reports, asked, discovery };
}

t.test('asks at once, then each time the last answer is old; one at a time', async (t) => {
  const { clock, reports, asked, discovery } = await setUp();
  const a = source('a');
  discovery.add([a]);
  t.equal(asked.length, 1);
  await clock.run(10_000);
  t.equal(asked.length, 1, 'not again before there is an answer');
  asked[0]?.answer(found('10.0.0.1'));
  await clock.run(999);
  t.equal(asked.length, 1);
  t.equal(discovery.version, 1);
  t.match(discovery.found(a), [{ host: '10.0.0.1', port: 80 }]);
  await clock.run(1);
  t.equal(asked.length, 2);
  asked[1]?.answer(failed);
  await clock.run(0);
  t.equal(discovery.version, 1);
  t.match(discovery.found(a), [{ host: '10.0.0.1' }]);
  t.match(reports, [
    { outcome: 'found', isNews: true, hasChanged: true },
    { outcome: 'failed', isNews: true, hasChanged: false, why: 'it failed' },
  ]);
  await discovery.stop();
  t.equal(clock.pending, 0);
});

t.test('waits for first answers, but not for ever', async (t) => {
  const { clock, asked, discovery } = await setUp();
  const both = [source('a'), source('b')];
  discovery.add(both);
  let isOver = false;
  const wait = discovery.answered(both, 3000).then(() => {
    isOver = true;
  });
  asked[0]?.answer(found('10.0.0.1'));
  await clock.run(2999);
  t.equal(isOver, false);
  await clock.run(1);
  t.equal(isOver, true, 'the time was up');
  await wait;
  const again = discovery.answered(both, 3000);
  asked[1]?.answer(failed);
  await again;
  t.pass('a failure is an answer, too');
  await discovery.answered([source('never asked')], 3000);
  await discovery.stop();
  t.equal(clock.pending, 0);
});

t.test('names come, go, and are asked for otherwise', async (t) => {
  const { clock, reports, asked, discovery } = await setUp();
  const [a, b] = [source('a'), source('b')];
  discovery.use([a, b]);
  asked[0]?.answer(found('10.0.0.1'));
  await clock.run(0);
  const otherwise = source('a', { refreshMs: 50, resolvers: ['10.0.0.53'] });
  discovery.use([otherwise]);
  t.same(
    asked.map((it) => `${it.source.name} ${it.isEnded}`),
    ['a false', 'b true', 'a false'],
    'b is given up in the middle, a is asked for anew',
  );
  t.match(discovery.found(otherwise), [{ host: '10.0.0.1' }], 'what is known stays');
  t.same(discovery.found(b), []);
  await clock.run(0);
  t.equal(reports.length, 1, 'what was given up is not told of');
  discovery.use([otherwise]);
  t.equal(asked.length, 3, 'nothing new, nothing asked');
  asked[2]?.answer(failed);
  await clock.run(50);
  t.equal(asked.length, 4);
  await discovery.stop();
  t.equal(asked[3]?.isEnded, true);
  t.equal(clock.pending, 0);
  discovery.add([b]);
  t.equal(asked.length, 4, 'after the end nothing is asked');
});
