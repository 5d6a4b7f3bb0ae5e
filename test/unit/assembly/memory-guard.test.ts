/** Who is ended when memory is used up, who waits, and what is told of it. */
import t from 'tap';
import {
  excessOf,
  type HolderGroup,
  hungriestFirst,
  MemoryGuard,
} from '../../../src/assembly/memory-guard.ts';
import { defaultMemoryLimit, MemoryPressure, machineMemoryBytes } from '../../../src/kernel/memory.ts';
import type { OpenConnection } from '../../../src/listen/index.ts';
import { type LogRecord, ThreadLog } from '../../../src/observe/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

class Holder implements OpenConnection {
  bytes: number;
  relieved = 0;
  constructor(bytes: number) {
    this.bytes = bytes;
  }
  close(): void {}
  destroy(): void {}
  heldBytes(): number {
    return this.bytes;
  }
  overload(): void {
    this.bytes = 0;
  }
  relieve(): void {
    this.relieved++;
  }
}

class Fixture {
  readonly clock = new FakeClock();
  readonly pressure = new MemoryPressure();
  readonly told: LogRecord[] = [];
  readonly holders: OpenConnection[];
  /** Held by other threads. */
  elsewhere = 0;
  published = 0;
  unbound = 0;
  looks = 0;
  readonly guard: MemoryGuard;

  constructor(limit: number, sizes: readonly number[]) {
    this.holders = sizes.map((bytes) => new Holder(bytes));
    const log = new ThreadLog('debug', (record) => this.told.push(record));
    const { clock, pressure } = this;
    this.guard = new MemoryGuard({ clock, log, pressure, groups: () => [this.#group()] });
    this.guard.setLimit(limit);
  }

  #group(): HolderGroup {
    return {
      holders: this.holders,
      unboundBytes: this.unbound,
      publish: (bytes) => {
        this.looks++;
        this.published = bytes;
        return bytes + this.elsewhere;
      },
      overload: (holder) => holder.overload?.(),
    };
  }

  get sizes(): number[] {
    return this.holders.map((it) => it.heldBytes?.() ?? -1);
  }
}

t.test('the largest first, and no more than needed', (t) => {
  const all = [5, 100, 0, 40, 60].map((bytes) => ({ bytes, ageMs: 5000 }));
  const table: [needed: number, chosen: number[]][] = [
    [0, []],
    [1, [100]],
    [100, [100]],
    [101, [100, 60]],
    [10_000, [100, 60, 40, 5]],
  ];
  for (const [needed, chosen] of table)
    t.same(
      hungriestFirst(all, needed).map(({ bytes }) => bytes),
      chosen,
      String(needed),
    );
  t.end();
});

t.test('who has just begun comes later than who has held as much for long', (t) => {
  const all = [
    { bytes: 100, ageMs: 10 },
    { bytes: 90, ageMs: 900 },
    { bytes: 80, ageMs: 1_000_000 },
    { bytes: 85, ageMs: 1000 },
  ];
  t.same(
    hungriestFirst(all, 1000).map(({ bytes }) => bytes),
    [85, 90, 80, 100],
  );
  t.end();
});

t.test('who holds next to nothing for long comes later than who has just taken much', (t) => {
  const all = [
    { bytes: 8, ageMs: 1_000_000 },
    { bytes: 72, ageMs: 0 },
    { bytes: 60, ageMs: 1_000_000 },
  ];
  t.same(
    hungriestFirst(all, 1000).map(({ bytes }) => bytes),
    [60, 72, 8],
  );
  t.end();
});

t.test('who has its last answer and only waits for its client comes first', (t) => {
  const all = [
    { bytes: 100, ageMs: 5000 },
    { bytes: 8, ageMs: Number.POSITIVE_INFINITY },
    { bytes: 0, ageMs: Number.POSITIVE_INFINITY },
    { bytes: 9, ageMs: Number.POSITIVE_INFINITY },
  ];
  t.same(
    hungriestFirst(all, 18).map(({ bytes }) => bytes),
    [8, 9, 100],
  );
  t.end();
});

t.test('a thread’s share of what is too much', (t) => {
  t.equal(excessOf(50, 90, 100), 0);
  t.equal(excessOf(100, 100, 90), 10);
  t.equal(excessOf(50, 200, 90), 27.5);
  t.equal(excessOf(0, 200, 90), 0, 'who holds nothing ends nobody');
  t.end();
});

t.test('what there is, and what of it is used by default', (t) => {
  t.ok(machineMemoryBytes() > 0);
  t.equal(defaultMemoryLimit(1001), 500);
  t.end();
});

t.test('below nine tenths nothing happens; then bodies wait; then the largest are ended', (t) => {
  const fixture = new Fixture(1000, [100, 300, 200]);
  t.equal(fixture.guard.look(), 600);
  t.notOk(fixture.pressure.isTight);
  fixture.elsewhere = 350;
  fixture.guard.look();
  t.ok(fixture.pressure.isTight, 'with what other threads hold');
  t.same(fixture.sizes, [100, 300, 200]);
  fixture.elsewhere = 600;
  fixture.guard.look();
  t.same(fixture.sizes, [100, 0, 200], 'half of 300 too many is this thread’s');
  t.equal(fixture.published, 300, 'and other threads see at once what is left');
  t.match(fixture.told, [{ level: 'warn', fields: { held_bytes: 1200, max_bytes: 1000 } }]);
  fixture.elsewhere = 0;
  fixture.guard.look();
  t.notOk(fixture.pressure.isTight);
  t.same(
    fixture.holders.map((it) => (it as Holder).relieved),
    [1, 1, 1],
  );
  fixture.clock.advance(6000);
  fixture.guard.look();
  t.match(fixture.told[1], { level: 'info', fields: { ended: 1 } });
  t.equal(fixture.told.length, 2);
  t.end();
});

t.test('one that does not say what it holds is let be; handshakes count', (t) => {
  const fixture = new Fixture(1000, [400]);
  fixture.holders.push({ close: () => {}, destroy: () => {} });
  fixture.unbound = 700;
  fixture.guard.look();
  t.equal(fixture.published, 700, 'the handshakes alone are left');
  t.same(fixture.sizes, [0, -1]);
  t.end();
});

t.test('while little is held it looks the less often the more connections there are', (t) => {
  const table: [connections: number, looks: number][] = [
    [1, 40],
    [499, 40],
    [500, 20],
    [1000, 14],
    [10_000, 4],
  ];
  for (const [connections, looks] of table) {
    const fixture = new Fixture(20_000, new Array(connections).fill(0));
    fixture.guard.start();
    fixture.clock.advance(4000);
    t.equal(fixture.looks, looks, `${connections} connections`);
    (fixture.holders[0] as Holder).bytes = 5000;
    fixture.clock.advance(4000);
    t.ok(fixture.looks >= looks + 30, `${fixture.looks} looks as soon as it is more`);
    fixture.guard.stop();
    const before = fixture.looks;
    fixture.clock.advance(4000);
    t.equal(fixture.looks, before);
  }
  t.end();
});
