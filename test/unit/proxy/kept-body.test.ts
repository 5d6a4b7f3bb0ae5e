import t from 'tap';
import { KeptBody } from '../../../src/proxy/kept-body.ts';

const KEEP = 64 * 1024;

const text = (kept: KeptBody): string => Buffer.concat(kept.chunks).toString();

t.test('kept whole and in order up to 64 KiB, also when it was on its way already', (t) => {
  const kept = new KeptBody();
  let expected = '';
  for (let i = 0; i < 100; i++) {
    kept.add(Buffer.from(`${i},`));
    kept.trim();
    expected += `${i},`;
  }
  t.equal(text(kept), expected);
  t.ok(kept.chunks.length < 20, `${kept.chunks.length} pieces`);
  t.same([kept.isWhole, kept.isFull], [true, false]);
  kept.add(Buffer.alloc(KEEP - expected.length));
  kept.trim();
  t.same([kept.isWhole, kept.isFull], [true, true], 'exactly 64 KiB can be sent again');
  t.end();
});

t.test('larger ones are kept until a byte is on its way, then forgotten for good', (t) => {
  const kept = new KeptBody();
  kept.add(Buffer.alloc(KEEP));
  kept.add(Buffer.from('x'));
  t.same([kept.isWhole, kept.isFull], [true, true], 'what has come before the pause took effect');
  kept.trim();
  t.same([kept.isWhole, kept.isFull, text(kept)], [false, false, '']);
  kept.add(Buffer.from('y'));
  t.same([kept.isWhole, text(kept)], [false, ''], 'the rest alone is worth nothing');
  t.end();
});

t.test('dropped', (t) => {
  const kept = new KeptBody();
  kept.add(Buffer.from('x'));
  kept.drop();
  t.same([kept.isWhole, text(kept)], [false, '']);
  t.end();
});
