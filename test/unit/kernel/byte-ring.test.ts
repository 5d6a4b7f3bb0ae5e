import { Worker } from 'node:worker_threads';
import t from 'tap';
import { ByteRing } from '../../../src/kernel/byte-ring.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';

t.test('what goes in comes out, in order, over many turns of the ring', (t) => {
  const random = new SeededRandom(20261121);
  const ring = ByteRing.create(97);
  let expected = '';
  let seen = '';
  let dropped = 0;
  for (let i = 0; i < 20_000; i++) {
    const text = String.fromCharCode(33 + (i % 90)).repeat(1 + random.below(40));
    if (ring.write(text)) expected += text;
    else dropped++;
    if (random.below(3) === 0) seen += ring.drain()?.toString('latin1') ?? '';
  }
  seen += ring.drain()?.toString('latin1') ?? '';
  t.equal(seen, expected, `seed ${random.seed}`);
  t.equal(ring.dropped, dropped);
  t.ok(dropped > 0, 'some found no room');
  t.equal(ring.drain(), undefined);
  t.equal(ring.fill, 0);
  t.end();
});

t.test('a piece is never torn and never as large as the ring', (t) => {
  const ring = ByteRing.create(10);
  t.notOk(ring.write('0123456789'), 'a full ring would look empty');
  t.ok(ring.write('012345678'));
  t.notOk(ring.write('x'));
  t.equal(ring.drain()?.toString(), '012345678');
  t.ok(ring.write('ab'), 'starts anew at the beginning');
  t.equal(ring.drain()?.toString(), 'ab');
  t.end();
});

t.test('one thread writes, the other reads', async (t) => {
  const ring = ByteRing.create(4096);
  const count = 50_000;
  const worker = new Worker(
    `import { workerData } from 'node:worker_threads';
     const { ByteRing } = await import(workerData.module);
     const ring = new ByteRing(workerData.buffer);
     for (let i = 0; i < workerData.count; ) if (ring.write('<' + i + '>')) i++;`,
    {
      eval: true,
      execArgv: ['--input-type=module'],
      workerData: {
        buffer: ring.buffer,
        count,
        module: new URL('../../../src/kernel/byte-ring.ts', import.meta.url).href,
      },
    },
  );
  let text = '';
  let isOver = false;
  worker.once('exit', () => {
    isOver = true;
  });
  const look = (): void => {
    text += ring.drain()?.toString('latin1') ?? '';
  };
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    const turn = (): void => {
      look();
      if (isOver) resolve();
      else setImmediate(turn);
    };
    turn();
  });
  look();
  t.equal(text, Array.from({ length: count }, (_, i) => `<${i}>`).join(''));
});
