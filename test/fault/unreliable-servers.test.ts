/** Servers that end connections at the worst moments: no client notices, as far as a request may be repeated. */
import { randomInt } from 'node:crypto';
import t from 'tap';
import { SeededRandom } from '../../src/kernel/random.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { type Asked, Asking } from '../support/load/asking.ts';
import { type Manners, UnreliableServer } from '../support/load/unreliable-server.ts';

/** Of the first case, which real servers are most like, and of the others. */
const MOST_REQUESTS = 10_000;
const REQUESTS = 4000;
const CLIENTS = 40;

async function ask(fixture: DaemonFixture, count: number): Promise<Asked> {
  const load = new Asking(() => ({ port: fixture.port(), isTls: false }), { clients: CLIENTS });
  await fixture.until(`${count} requests`, () => load.requests >= count, 30_000);
  return load.stop();
}

const cases: readonly (readonly [string, readonly Manners[]])[] = [
  ['one that closes idle connections whenever it likes', [{ endsIdle: 0.3 }]],
  ['three of that kind', [{ endsIdle: 0.3 }, { endsIdle: 0.3 }, { endsIdle: 0.3 }]],
  ['one that closes behind its answers', [{ endsBehindAnswer: 0.3 }]],
  ['one of three that resets what it has read', [{ resets: 1 }, {}, {}]],
  [
    'one that resets now and then, two that close idle ones',
    [{ resets: 0.3 }, { endsIdle: 0.3 }, { endsIdle: 0.3 }],
  ],
];

for (const [index, [name, manners]] of cases.entries()) {
  const count = index === 0 ? MOST_REQUESTS : REQUESTS;
  t.test(`${count} GETs: ${name} (B43)`, async (t) => {
    const seed = Number(process.env['UNRELIABLE_SEED'] ?? randomInt(1_000_000));
    t.comment(`seed ${seed}`);
    await using stack = new AsyncDisposableStack();
    const servers: UnreliableServer[] = [];
    for (const manner of manners)
      servers.push(stack.use(await UnreliableServer.open(manner, new SeededRandom(seed + servers.length))));
    const fixture = stack.use(
      await DaemonFixture.start({
        threads: 2,
        listeners: { http: { address: '127.0.0.1', port: 0 } },
        routes: [{ name: 'all', pool: 'web' }],
        pools: {
          web: {
            servers: servers.map((it) => it.address),
            // Nobody is spared: the bad ones go on getting their share.
            ...{
              algorithm: 'round_robin',
              outlier_detection: false,
              retry: { budget: '100%' },
              health: false,
            },
          },
        },
      }),
    );
    const { requests, outcomes } = await ask(fixture, count);
    t.same(outcomes, { 200: requests });
    t.ok(servers.reduce((sum, it) => sum + it.ended, 0) > 100, 'the servers were as bad as they should be');
  });
}
