/** From what data threads count to states, on a clock of the test's own. */
import t from 'tap';
import { type OutlierChange, type OutlierOptions, OutlierWatch } from '../../../src/control/index.ts';
import { STATE } from '../../../src/kernel/slots.ts';
import type { Outcome } from '../../../src/pool/index.ts';
import { OUTLIERS as OPTIONS } from '../../support/outlier-options.ts';
import { PoolFixture, said } from '../../support/pool-fixture.ts';

class Fixture {
  readonly pool: PoolFixture;
  readonly told: string[] = [];
  options: OutlierOptions | undefined = OPTIONS;
  readonly watch: OutlierWatch;

  constructor(...ids: readonly string[]) {
    this.pool = new PoolFixture({ servers: ids.map((id) => ({ id })) });
    const { slots, clock } = this.pool;
    this.watch = new OutlierWatch({
      clock,
      slots,
      registry: {
        poolNames: () => ['pool'],
        refs: () => this.pool.pool.servers.map((it) => ({ id: it.id, slot: it })),
        setEjected: (_pool, id, isEjected) => {
          const { slot } = this.pool.server(id);
          slots.setState(slot, isEjected ? STATE.ejected : 0, isEjected ? 0 : STATE.ejected);
        },
      },
      optionsOf: () => this.options,
      onChange: (_pool, change: OutlierChange) => this.told.push(`${change.kind} ${change.id}`),
    });
    this.watch.start();
  }

  /** Attempts on one server that end so. */
  end(id: string, count: number, outcome: Outcome | number): void {
    for (let i = 0; i < count; i++) {
      const tried = this.pool.pool.servers.filter((it) => it.id !== id);
      const result = this.pool.pool.pick(this.pool.ctx({ tried }));
      if (result.kind !== 'picked') throw new Error(`${id}: ${result.reason}`);
      if (typeof outcome === 'number') result.answered(outcome, 10);
      result.release(typeof outcome === 'number' ? 'ok' : outcome);
    }
  }

  pass(ms: number): void {
    this.pool.clock.advance(ms);
  }

  takers(): string[] {
    return Object.keys(this.pool.spread(30)).sort();
  }
}

t.test('errors in a row: out within a tenth of a second, back after its time by one request', (t) => {
  const it = new Fixture('a', 'b', 'c');
  it.end('a', 4, 'reset');
  it.end('a', 1, 200);
  it.end('a', 4, 503);
  it.pass(100);
  t.same(it.told, [], 'never five in a row');
  it.end('a', 1, 'timeout');
  it.pass(100);
  t.same(it.told, ['eject a']);
  t.same(it.takers(), ['b', 'c']);
  it.pass(29_900);
  t.same(it.takers(), ['b', 'c']);
  it.pass(100);
  t.same(it.told, ['eject a', 'return a']);
  it.pass(100);
  const leases = Array.from({ length: 30 }, () => it.pool.take());
  t.equal(leases.filter((lease) => lease.server.id === 'a').length, 1, 'one tries it');
  for (const lease of leases) {
    lease.answered(200, 10);
    lease.release('ok');
  }
  t.same(it.takers(), ['a', 'b', 'c']);

  it.end('a', 5, 'bad_answer');
  it.pass(100);
  it.pass(30_000);
  t.same(it.told.slice(2), ['eject a'], 'the second time it stays out longer');
  it.pass(30_000);
  t.same(it.told.slice(2), ['eject a', 'return a']);
  it.end('a', 1, 200);
  it.pass(10 * 30_000);
  it.end('a', 5, 'reset');
  it.pass(100);
  it.pass(30_000);
  t.equal(it.told.at(-1), 'return a', 'what was long ago is forgiven');
  it.watch.stop();
  t.equal(it.pool.clock.pending, 0);
  t.end();
});

t.test('a rate: seen at the end of an interval', (t) => {
  const it = new Fixture('a', 'b');
  it.pass(100);
  for (let i = 0; i < 15; i++) {
    it.end('a', 1, 502);
    it.end('a', 1, 200);
    it.end('b', 2, 200);
  }
  it.end('a', 1, 502);
  it.pass(5000);
  t.same(it.told, []);
  it.pass(5000);
  t.same(it.told, ['eject a']);
  t.same(it.takers(), ['b']);
  it.watch.stop();
  t.end();
});

t.test('the last one is spared, which is said once', (t) => {
  const it = new Fixture('a');
  it.end('a', 50, 'reset');
  it.pass(1000);
  t.same(it.told, ['spare a']);
  t.equal(said(it.pool.pool.pick(it.pool.ctx())), 'a');
  it.watch.stop();
  t.end();
});

t.test('a reload that turns it off lets everybody back', (t) => {
  const it = new Fixture('a', 'b');
  it.end('a', 5, 'reset');
  it.pass(100);
  t.same(it.takers(), ['b']);
  it.options = undefined;
  it.pass(100);
  t.same(it.takers(), ['a', 'b']);
  it.watch.stop();
  t.end();
});

t.test('what says nothing of a server', (t) => {
  const it = new Fixture('a', 'b');
  for (const outcome of ['client_abort', 'cancelled', 'shortage'] as const) it.end('a', 20, outcome);
  it.end('a', 20, 500);
  it.end('a', 20, 404);
  it.pass(10_000);
  it.pass(10_000);
  t.same(it.told, []);
  it.watch.stop();
  t.end();
});
