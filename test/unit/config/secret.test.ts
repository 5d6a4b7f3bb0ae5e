import { inspect } from 'node:util';
import t from 'tap';
import { MASK, Secret } from '../../../src/config/index.ts';

t.test('a secret shows itself to nobody who does not ask', (t) => {
  const secret = new Secret('hunter2', 'the configuration');
  t.equal(secret.reveal(), 'hunter2');
  t.equal(`${secret}`, MASK);
  t.equal(JSON.stringify({ secret }), `{"secret":"${MASK}"}`);
  t.equal(inspect({ secret }), `{ secret: ${MASK} }`);
  t.notMatch(inspect(secret, { showHidden: true, depth: 9 }), 'hunter2');
  t.end();
});

t.test('secrets are compared by value, unread ones by where they come from', (t) => {
  t.ok(new Secret('a', 'x').equals(new Secret('a', 'y')));
  t.notOk(new Secret('a', 'x').equals(new Secret('b', 'x')));
  t.ok(new Secret(undefined, 'x').equals(new Secret(undefined, 'x')));
  t.notOk(new Secret(undefined, 'x').equals(new Secret(undefined, 'y')));
  t.notOk(new Secret('a', 'x').equals(new Secret(undefined, 'x')));
  t.end();
});
