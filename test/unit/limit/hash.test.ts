import t from 'tap';
import { WordHasher } from '../../../src/limit/hash.ts';

t.test('HalfSipHash-2-4-64 as published', async (t) => {
  // vectors_hsip64 of the reference implementation: key 00…07, message 00 01 02 …, by length in bytes.
  const vectors: [lengthBytes: number, hash: string][] = [
    [0, '218d1f59b9b83cc8'],
    [4, 'd5e78a175be52ea1'],
    [8, 'edfee820bce4858c'],
    [12, '7bc71f9faef5c799'],
    [16, '7336aad25f7bf3b5'],
  ];
  const hasher = new WordHasher(0x03020100, 0x07060504);
  for (const [lengthBytes, hash] of vectors) {
    const bytes = Uint8Array.from({ length: lengthBytes }, (_, i) => i);
    hasher.hash(new Int32Array(bytes.buffer));
    const out = Buffer.alloc(8);
    out.writeInt32LE(hasher.lo, 0);
    out.writeInt32LE(hasher.hi, 4);
    t.equal(out.toString('hex'), hash, `${lengthBytes} bytes`);
  }
});
