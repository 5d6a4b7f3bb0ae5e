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
    this.buffer.isLargeWelcome = true;
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

/** A read whose bytes are used for so long after it. */
function usedRead(reads: Reads, bytes: number, expectedBytes: number, forMs: number): number {
  reads.buffer.hold(1000);
  const next = reads.read(bytes, expectedBytes);
  reads.buffer.release(1000 + forMs);
  return next;
}

t.test('while a client holds on to what was read, nothing is read over it', async (t) => {
  const reads = new Reads();
  reads.read(OWN, LONG);
  const large = reads.buffer.bytes;
  reads.buffer.hold(1000);
  t.equal(reads.read(LARGE, LONG), LARGE, 'it will be taken before the next read');
  reads.buffer.release(1100);
  reads.buffer.hold(2000);
  t.equal(reads.read(LARGE, 0), OWN, 'the answer is complete, but not taken');
  t.not(reads.buffer.bytes, large);
  t.equal(reads.lender.lent, 1, 'so it is still lent');
  t.equal(reads.buffer.heldBytes, OWN + HEADROOM_BYTES + LARGE_BYTES);
  reads.buffer.release(2100);
  t.equal(reads.lender.lent, 0, 'an idle connection has none');
  t.equal(reads.buffer.heldBytes, OWN + HEADROOM_BYTES);
});

t.test('a client that is slow gets the rest of its answer out of small ones', async (t) => {
  const reads = new Reads();
  t.equal(usedRead(reads, OWN, LONG, 10), OWN);
  t.equal(reads.read(OWN, LONG), LARGE);
  t.equal(usedRead(reads, LARGE, LONG, 10), LARGE, 'a quick one keeps it');
  t.equal(usedRead(reads, LARGE, LONG, 300), LARGE, 'this is not known before the next read');
  t.equal(usedRead(reads, LARGE, LONG, 300), OWN);
  for (let i = 0; i < 20; i++) t.equal(usedRead(reads, OWN, LONG, 1), OWN, 'for the rest of the answer');
  t.equal(usedRead(reads, OWN, 0, 300), OWN, 'its end');
  t.equal(reads.lender.lent, 0);
  t.equal(reads.read(OWN, LONG), LARGE, 'another answer');
});

t.test('who cannot do with large pieces gets none', async (t) => {
  const reads = new Reads();
  reads.buffer.isLargeWelcome = false;
  t.equal(reads.read(OWN, LONG), OWN);
  t.equal(reads.lender.lent, 0);
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
