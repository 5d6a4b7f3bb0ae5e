/** What is kept of a body to send it again. */
import t from 'tap';
import { KeptBody } from '../../../src/proxy/kept-body.ts';

const KEEP_BYTES = 64 * 1024;
const bytesOf = (kept: KeptBody): Buffer => Buffer.concat([...kept.chunks]);

t.test('all of it up to 64 KiB, as few pieces', async (t) => {
  const kept = new KeptBody();
  const sent = Buffer.from(Array.from({ length: KEEP_BYTES }, (_, i) => i % 251));
  for (let at = 0; at < KEEP_BYTES; at++) {
    kept.add(sent.subarray(at, at + 1));
    kept.trim();
  }
  t.ok(kept.isFull);
  t.ok(kept.isWhole, 'exactly 64 KiB can be sent again');
  t.ok(kept.chunks.length <= 17, `${kept.chunks.length} pieces`);
  t.ok(bytesOf(kept).equals(sent));
});

t.test(
  'what is larger is kept until a byte of it is on its way, then forgotten for good (B44)',
  async (t) => {
    const kept = new KeptBody();
    kept.add(Buffer.alloc(KEEP_BYTES));
    kept.add(Buffer.alloc(1));
    t.ok(kept.isWhole);
    t.equal(bytesOf(kept).length, KEEP_BYTES + 1);
    kept.trim();
    t.same([kept.isWhole, kept.isFull], [false, false]);
    kept.add(Buffer.alloc(1));
    t.equal(kept.chunks.length, 0, 'the rest alone is worth nothing');
    t.notOk(kept.isWhole);
  },
);

t.test('dropped', async (t) => {
  const kept = new KeptBody();
  kept.add(Buffer.alloc(1));
  kept.drop();
  t.same([kept.isWhole, bytesOf(kept).length], [false, 0]);
});

t.test('its end stays known when it is dropped', async (t) => {
  const kept = new KeptBody();
  t.same([kept.isComplete, kept.endMs], [false, 0]);
  kept.end('X-Sum: 1\r\n', 42);
  kept.drop();
  t.same([kept.isComplete, kept.endMs, kept.trailers], [true, 42, 'X-Sum: 1\r\n']);
});

t.test('as much as a route says, in pieces that are put together once', async (t) => {
  const kept = new KeptBody(1024 * 1024);
  const sent = Buffer.from(Array.from({ length: 1024 * 1024 }, (_, i) => (i * 7 + (i >> 8)) % 251));
  const seen = new Set<Buffer>();
  for (let at = 0; at < sent.length; at += 1024) {
    kept.add(sent.subarray(at, at + 1024));
    for (const chunk of kept.chunks) if (chunk.length >= KEEP_BYTES) seen.add(chunk);
  }
  kept.trim();
  t.ok(kept.isWhole);
  t.ok(bytesOf(kept).equals(sent));
  t.ok(kept.chunks.length <= 33, `${kept.chunks.length} pieces`);
  t.ok(seen.size <= 16, 'what is large is not copied again');
  kept.add(Buffer.alloc(1));
  kept.trim();
  t.notOk(kept.isWhole);
});
