import t from 'tap';
import { SpareBuffers } from '../../../src/kernel/spare-buffers.ts';

t.test('a buffer comes back when nothing is used any more, and not before', (t) => {
  const spare = new SpareBuffers(8);
  const first = Buffer.alloc(8);
  const second = spare.swap(first);
  const third = spare.swap(second);
  t.equal(new Set([first, second, third]).size, 3);
  spare.release();
  const again = new Set([spare.swap(third), spare.swap(Buffer.alloc(8))]);
  t.ok(again.has(first) && again.has(second), 'those that were used');
  t.notOk(again.has(third), 'not the one that is');
  t.end();
});

t.test('a burst does not leave more than a few', (t) => {
  const spare = new SpareBuffers(8);
  const made = new Set<Buffer>();
  for (let i = 0; i < 50; i++) made.add(spare.swap(Buffer.alloc(8)));
  spare.release();
  let known = 0;
  const used = new Set<Buffer>();
  for (let i = 0; i < 50; i++) {
    const buffer = spare.swap(Buffer.alloc(8));
    if (used.has(buffer)) t.fail('given twice');
    used.add(buffer);
    if (made.has(buffer)) known++;
  }
  t.ok(known <= 4);
  t.end();
});
