import t from 'tap';
import { HEADROOM_BYTES, ReadBuffer } from '../../../src/forward/read-buffer.ts';
import { LARGE_BYTES, LargeBuffers } from '../../../src/kernel/large-buffers.ts';
import { MemoryPressure } from '../../../src/kernel/memory.ts';

const KIB = 1024;
const OWN = 64 * KIB;
const LARGE = LARGE_BYTES - HEADROOM_BYTES;
const LONG = 10 * 1024 * KIB;

/** A buffer that is read into as a connection does. */
class Reads {
  readonly lender: LargeBuffers;
  readonly buffer: ReadBuffer;

  constructor(lender = new LargeBuffers(new MemoryPressure())) {
    this.lender = lender;
    this.buffer = new ReadBuffer(false, lender);
  }

  /** @returns how much the next read may bring */
  read(bytes: number, expectedBytes: number): number {
    this.buffer.readBytes = bytes;
    const before = this.buffer.room;
    const next = this.buffer.next(expectedBytes) ?? before;
    return next.length;
  }
}

t.test('what is read into, by what the reads bring', async (t) => {
  const reads = new Reads();
  t.equal(reads.buffer.room.length, OWN);
  const table: readonly (readonly [string, number, number, number])[] = [
    ['a small answer', 300, 0, OWN],
    ['a long one that comes slowly', 1400, LONG, OWN],
    ['a full read at its end', OWN, 10 * KIB, OWN],
    ['a full read of a long one', OWN, LONG, LARGE],
    ['a full one again', LARGE, LONG, LARGE],
    ['half a one', LARGE / 2, LONG, LARGE],
    ['hardly any', 16 * KIB, LONG, OWN],
    ['full', OWN, Number.POSITIVE_INFINITY, LARGE],
    ['not much is left', LARGE, 64 * KIB, OWN],
    ['full', OWN, LONG, LARGE],
    ['the end, all at once', LARGE, 0, OWN],
  ];
  for (const [name, bytes, expected, next] of table) {
    t.equal(reads.read(bytes, expected), next, name);
    t.equal(reads.lender.lent, next === LARGE ? 1 : 0, name);
  }
});

t.test('while a client takes what was read, nothing is read over it', async (t) => {
  const reads = new Reads();
  reads.read(OWN, LONG);
  const large = reads.buffer.bytes;
  reads.buffer.hold(1000);
  t.equal(reads.read(LARGE, 0), LARGE, 'the answer is complete, but not taken');
  t.equal(reads.buffer.bytes, large);
  t.equal(reads.buffer.heldBytes, OWN + HEADROOM_BYTES + LARGE_BYTES);
  reads.buffer.release(1100);
  t.equal(reads.read(LARGE, LONG), LARGE, 'of a quick one it stays');
  reads.buffer.hold(2000);
  reads.buffer.release(2300);
  t.equal(reads.read(LARGE, LONG), OWN, 'a slow client has had it once');
  t.equal(reads.read(OWN, LONG), OWN, 'and gets none for the rest of this answer');
  t.equal(reads.read(OWN, 0), OWN, 'its end');
  t.equal(reads.read(OWN, LONG), LARGE, 'another answer');
});

t.test(
  "a connection that ends gives back what it was lent; what is still used is nobody else's",
  async (t) => {
    const lender = new LargeBuffers(new MemoryPressure());
    const one = new Reads(lender);
    one.read(OWN, LONG);
    const used = one.buffer.bytes;
    one.buffer.hold(0);
    one.buffer.close();
    t.equal(lender.lent, 0);
    const two = new Reads(lender);
    two.read(OWN, LONG);
    t.not(two.buffer.bytes, used);
    const free = two.buffer.bytes;
    two.buffer.close();
    two.buffer.close();
    t.equal(lender.lent, 0, 'once');
    const three = new Reads(lender);
    three.read(OWN, LONG);
    t.equal(three.buffer.bytes, free, 'used again');
  },
);

t.test('only so many are lent, and none when memory is short', async (t) => {
  const pressure = new MemoryPressure();
  const lender = new LargeBuffers(pressure);
  const all = Array.from({ length: 70 }, () => new Reads(lender));
  const sizes = all.map((reads) => reads.read(OWN, LONG));
  t.equal(sizes.filter((size) => size === LARGE).length, 64);
  t.equal(sizes.filter((size) => size === OWN).length, 6, 'the others go on with their own');
  for (const reads of all) reads.buffer.close();
  t.equal(lender.lent, 0);
  pressure.isTight = true;
  t.equal(new Reads(lender).read(OWN, LONG), OWN);
});
