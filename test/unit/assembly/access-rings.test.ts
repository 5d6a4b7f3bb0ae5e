import t from 'tap';
import { AccessRings } from '../../../src/assembly/access-rings.ts';
import { ByteRing } from '../../../src/kernel/byte-ring.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp(threads: number): { clock: FakeClock; rings: AccessRings; written: string[] } {
  const clock = new FakeClock();
  const written: string[] = [];
  const rings = new AccessRings(threads, clock, (lines) => written.push(Buffer.from(lines).toString()));
  return { clock, rings, written };
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
