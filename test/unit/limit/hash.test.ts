import t from 'tap';
import { WordHasher } from '../../../src/limit/hash.ts';

t.test('HalfSipHash-2-4-64 as published', async (t) => {
  // vectors_hsip64 of the reference implementation: key 00…07, message 00 01 02 …, by length in bytes.
  const vectors: [lengthBytes: number, hash: string][] = [
    [0, '218d1f59b9b83cc8'],
    [1, 'be552412f8387315'],
    [2, '064f39ef7c50eb57'],
    [3, 'ce0f1a45f7060679'],
    [4, 'd5e78a175be52ea1'],
    [8, 'edfee820bce4858c'],
    [12, '7bc71f9faef5c799'],
    [16, '7336aad25f7bf3b5'],
  ];
  const hasher = new WordHasher(0x03020100, 0x07060504);
  const hashed = (): string => {
    const out = Buffer.alloc(8);
    out.writeInt32LE(hasher.lo, 0);
    out.writeInt32LE(hasher.hi, 4);
    return out.toString('hex');
  };
  for (const [lengthBytes, hash] of vectors) {
    const bytes = Uint8Array.from({ length: lengthBytes }, (_, i) => i);
    if (lengthBytes % 4 === 0) {
      hasher.hash(new Int32Array(bytes.buffer));
      t.equal(hashed(), hash, `${lengthBytes} bytes`);
    }
    hasher.hashText(Buffer.from(bytes).toString('latin1'));
    t.equal(hashed(), hash, `${lengthBytes} characters`);
  }
});

t.test('texts of any length, each with a hash of its own', async (t) => {
  const hasher = new WordHasher(1, 2);
  const seen = new Set<string>();
  const texts = Array.from({ length: 600 }, (_, length) => 'x'.repeat(length));
  for (const text of [...texts, ...texts.slice(1).map((it) => `${it.slice(1)}\xff`)]) {
    hasher.hashText(text);
    seen.add(`${hasher.hi},${hasher.lo}`);
  }
  t.equal(seen.size, 1199);
});
