/** Request ids: unique, short, and of characters that pass everywhere. */
import t from 'tap';
import { RequestIds } from '../../../src/kernel/ids.ts';

t.test('unique over many makers and many requests', async (t) => {
  const seen = new Set<string>();
  for (let maker = 0; maker < 50; maker++) {
    const ids = new RequestIds();
    for (let i = 0; i < 500; i++) seen.add(ids.next());
  }
  t.equal(seen.size, 50 * 500);
  for (const id of seen) if (!/^[A-Za-z0-9]{18}$/.test(id)) t.fail(id);
});

t.test('in the order of the requests within a maker', async (t) => {
  const ids = new RequestIds();
  const list = Array.from({ length: 100 }, () => ids.next());
  t.same([...list].sort(), list);
  t.equal(new Set(list.map((id) => id.slice(0, 12))).size, 1, 'one maker, one beginning');
});
