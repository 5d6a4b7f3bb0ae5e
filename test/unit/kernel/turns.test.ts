import t from 'tap';
import { Turns } from '../../../src/kernel/turns.ts';

t.test('one at a time, in the order of asking', async (t) => {
  const turns = new Turns();
  const seen: string[] = [];
  const task = (name: string) => async (): Promise<string> => {
    seen.push(`${name} begins`);
    await Promise.resolve();
    seen.push(`${name} ends`);
    return name;
  };
  const end = await turns.take();
  const all = Promise.all([turns.run(task('a')), turns.run(task('b'))]);
  await Promise.resolve();
  t.same(seen, [], 'they wait for the turn that was taken');
  end();
  end();
  t.same(await all, ['a', 'b']);
  t.same(seen, ['a begins', 'a ends', 'b begins', 'b ends']);
});

t.test('an error ends the turn and is the caller’s', async (t) => {
  const turns = new Turns();
  const failing = turns.run(() => {
    throw new Error('broken');
  });
  const next = turns.run(() => 'next');
  await t.rejects(failing, { message: 'broken' });
  t.equal(await next, 'next');
});

t.test('idle: what was asked for before is over', async (t) => {
  const turns = new Turns();
  await turns.idle();
  let isDone = false;
  const end = await turns.take();
  const waiting = turns.idle().then(() => {
    t.ok(isDone);
  });
  isDone = true;
  end();
  await waiting;
});
