/** Which idle connection is taken next: a pure structure, with names for connections. */
import t from 'tap';
import type { ServerConnection } from '../../../src/forward/connection.ts';
import { IdleConnections } from '../../../src/forward/idle.ts';

/** `loopTurn()` of the n-th turn of the event loop. */
const turn = (n: number): number => n * 2 ** 20;
const any = (): boolean => true;

function named(...names: string[]): ServerConnection[] {
  return names.map((name) => ({ name }) as unknown as ServerConnection);
}

t.test('the one used last that has rested, then one that rests', (t) => {
  const [a, b, c] = named('a', 'b', 'c') as [ServerConnection, ServerConnection, ServerConnection];
  const idle = new IdleConnections();
  idle.add(a, turn(1));
  idle.add(b, turn(1));
  idle.add(c, turn(2));
  t.equal(idle.size, 3);
  t.equal(idle.take(turn(2), any), b, 'c became idle in this very turn');
  t.equal(idle.take(turn(2), any), a);
  t.equal(idle.take(turn(2) + 5, any), c, 'another batch of the same turn: it still rests');
  t.equal(idle.take(turn(2), any), null);
  t.equal(idle.size, 0);
  t.end();
});

t.test('a turn later it counts like any other', (t) => {
  const [a, b] = named('a', 'b') as [ServerConnection, ServerConnection];
  const idle = new IdleConnections();
  idle.add(a, turn(1));
  idle.add(b, turn(2));
  t.equal(idle.take(turn(3), any), b);
  t.equal(idle.take(turn(3), any), a);
  t.end();
});

t.test('only what fits is taken; the rest stays in its order', (t) => {
  const [a, b, c] = named('a', 'b', 'c') as [ServerConnection, ServerConnection, ServerConnection];
  const idle = new IdleConnections();
  for (const one of [a, b, c]) idle.add(one, turn(1));
  t.equal(
    idle.take(turn(2), (it) => it === b),
    b,
  );
  t.equal(
    idle.take(turn(2), () => false),
    null,
  );
  idle.remove(c);
  idle.remove(c);
  t.equal(idle.take(turn(2), any), a);
  t.equal(idle.size, 0);
  t.end();
});

t.test('the oldest first, and all', (t) => {
  const [a, b, c] = named('a', 'b', 'c') as [ServerConnection, ServerConnection, ServerConnection];
  const idle = new IdleConnections();
  for (const [i, one] of [a, b, c].entries()) idle.add(one, turn(i));
  t.equal(idle.oldestBut(3), undefined);
  t.equal(idle.oldestBut(2), a);
  t.equal(idle.oldestBut(1), b);
  t.equal(idle.oldestBut(0), c);
  t.equal(idle.takeOldest(), a);
  t.same(idle.clear(), [b, c]);
  t.equal(idle.oldestBut(0), undefined);
  t.equal(idle.takeOldest(), undefined);
  t.equal(idle.size, 0);
  t.end();
});
