/** Whose turn it is in a queue with classes. */
import t from 'tap';
import { nextTurn, STRICT_PLACES } from '../../../src/pool/queue-order.ts';

const NOW = 10_000;
const AGED_MS = 2500;

t.test('the next one, by since when the oldest of each class waits', async (t) => {
  const table: [
    what: string,
    oldest: [number, number, number],
    given: number,
    rank: number,
    aged: boolean,
  ][] = [
    ['nobody', [0, 0, 0], 0, -1, false],
    ['the only one', [0, 0, 9000], 0, 2, false],
    ['a higher one that came later', [9990, 9000, 8000], 0, 0, false],
    ['the next class', [0, 9990, 9000], 0, 1, false],
    ['a higher one, as long as its places are not used up', [9990, 0, 1000], STRICT_PLACES - 1, 0, false],
    ['then one that has waited long', [9990, 0, 1000], STRICT_PLACES, 2, true],
    ['of several the oldest', [9990, 2000, 1000], STRICT_PLACES, 2, true],
    ['of several the oldest, whatever its class', [9990, 1000, 2000], STRICT_PLACES, 1, true],
    ['nobody has waited long', [9990, 9000, 8000], STRICT_PLACES, 0, false],
    ['just long', [9990, 0, NOW - AGED_MS], STRICT_PLACES, 2, true],
    ['almost long', [9990, 0, NOW - AGED_MS + 1], STRICT_PLACES, 0, false],
    ['who is of the highest class that waits needs no age', [0, 1000, 9000], STRICT_PLACES, 1, false],
  ];
  for (const [what, oldest, given, rank, isAged] of table)
    t.same(nextTurn(oldest, NOW, { agedMs: AGED_MS, given }), { rank, isAged }, what);
});

t.test('in a long overload by high ones, the low ones get a place in four and no more', async (t) => {
  let given = 0;
  const got = [0, 0, 0];
  for (let place = 0; place < 400; place++) {
    const { rank, isAged } = nextTurn([9990, 0, 1000], NOW, { agedMs: AGED_MS, given });
    given = isAged ? 0 : given + 1;
    got[rank] = (got[rank] ?? 0) + 1;
  }
  t.same(got, [300, 0, 100]);
});
