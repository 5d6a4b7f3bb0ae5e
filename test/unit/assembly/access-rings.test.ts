import t from 'tap';
import { AccessRings } from '../../../src/assembly/access-rings.ts';
import { ByteRing } from '../../../src/kernel/byte-ring.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Fixture {
  readonly clock: FakeClock;
  readonly rings: AccessRings;
  readonly written: string[];
  /** Of each batch: its memory, and the word that it is out. */
  readonly batches: { memory: ArrayBufferLike; done: () => void }[];
}

function setUp(threads: number): Fixture {
  const clock = new FakeClock();
  const written: string[] = [];
  const batches: Fixture['batches'] = [];
  const rings = new AccessRings(threads, clock, {
    write(bytes, _, done) {
      written.push(Buffer.from(bytes).toString());
      batches.push({ memory: bytes.buffer, done });
    },
  });
  return { clock, rings, written, batches };
}

t.test('lines of all threads are written ten times a second, in order within a thread', (t) => {
  const { clock, rings, written } = setUp(2);
  const [one, two] = [0, 1].map((thread) => new ByteRing(rings.bufferOf(thread))) as [ByteRing, ByteRing];
  rings.start();
  one.write('a1\n');
  two.write('b1\n');
  one.write('a2\n');
  t.same(written, []);
  clock.advance(100);
  t.same(written.splice(0), ['a1\na2\n', 'b1\n']);
  clock.advance(1000);
  t.same(written, [], 'nothing came, nothing is written');
  two.write('b2\n');
  rings.empty();
  t.same(written.splice(0), ['b2\n'], 'a thread that is half full does not wait for the next time');
  one.write('last\n');
  rings.stop();
  t.same(written, ['last\n'], 'what came before the end is not lost');
  t.equal(clock.pending, 0);
  t.end();
});

t.test('what finds no room is counted over all threads, and the lines before it stay whole', (t) => {
  const { rings, written } = setUp(2);
  const line = `${'x'.repeat(1023)}\n`;
  for (const thread of [0, 1]) {
    const ring = new ByteRing(rings.bufferOf(thread));
    while (ring.write(line));
  }
  t.equal(rings.dropped, 2);
  rings.stop();
  const lines = written.join('').split('\n');
  t.equal(lines.pop(), '');
  t.ok(lines.length > 8000 && lines.every((it) => it.length === 1023), `${lines.length} lines`);
  t.end();
});

t.test('the memory of a batch is used again when it is out, and not before', (t) => {
  const { rings, written, batches } = setUp(1);
  const ring = new ByteRing(rings.bufferOf(0));
  const put = (text: string): Fixture['batches'][number] => {
    ring.write(text);
    rings.empty();
    return batches.at(-1) as Fixture['batches'][number];
  };
  const first = put('first\n');
  const second = put('second\n');
  t.not(second.memory, first.memory, 'the first is still under way');
  first.done();
  const third = put('third\n');
  t.equal(third.memory, first.memory);
  second.done();
  third.done();
  const large = put(`${'x'.repeat(300_000)}\n`);
  t.ok(large.memory.byteLength > 300_000, 'what does not fit gets its own');
  large.done();
  t.equal(put('small\n').memory, first.memory, 'the smallest that fits');
  t.equal(put(`${'y'.repeat(300_000)}\n`).memory, large.memory, 'and the largest stays for the large');
  t.same(
    written.map((it) => it.length),
    [6, 7, 6, 300_001, 6, 300_001],
  );
  t.end();
});

t.test(
  'while the disk is slow only two batches take more memory than they need, and no more is kept',
  (t) => {
    const { rings, batches } = setUp(1);
    const ring = new ByteRing(rings.bufferOf(0));
    const burst = (): Set<ArrayBufferLike> => {
      batches.length = 0;
      for (let i = 0; i < 5; i++) {
        ring.write('line\n');
        rings.empty();
      }
      const sizes = batches.map((it) => it.memory.byteLength);
      t.ok(sizes.slice(0, 2).every((size) => size > 5));
      t.same(sizes.slice(2), [5, 5, 5]);
      for (const { done } of batches) done();
      return new Set(batches.map((it) => it.memory));
    };
    const before = burst();
    const kept = [...burst()].filter((memory) => before.has(memory));
    t.equal(kept.length, 2);
    t.end();
  },
);
