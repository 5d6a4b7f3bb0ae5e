import t from 'tap';
import { WaitingBytes } from '../../../src/http/waiting-bytes.ts';

t.test('bytes that wait keep their order, and few objects', async (t) => {
  const waiting = new WaitingBytes();
  const all = Array.from({ length: 1000 }, (_, i) => `${i},`).join('');
  for (const byte of all) waiting.add(Buffer.from(byte));
  t.notOk(waiting.isTooMuch);
  const first = waiting.take();
  waiting.putBack(first.subarray(1));
  const pieces = waiting.takeAll();
  t.ok(pieces.length <= 17, `${pieces.length} pieces`);
  t.equal(Buffer.concat(pieces).toString(), all.slice(1));
  t.ok(waiting.isEmpty);
  waiting.add(Buffer.alloc(64 * 1024));
  t.notOk(waiting.isTooMuch);
  waiting.add(Buffer.alloc(1));
  t.ok(waiting.isTooMuch);
});
