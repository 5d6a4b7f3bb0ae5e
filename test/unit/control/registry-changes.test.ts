/** What becomes of servers when the file changes and when they are changed while running, and which of the two wins. */
import t from 'tap';
import type { Registry, ServerDefinition } from '../../../src/control/index.ts';
import { RegistryFixture as Fixture, pool, server } from '../../support/registry-fixture.ts';

t.test('what a reload and runtime changes make of a server', async (t) => {
  /** File, what happens at run time, file, and then: is it there, with which weight, drained? */
  type Row = [
    name: string,
    before: ServerDefinition[],
    act: (it: Fixture) => void,
    after: ServerDefinition[],
    expected: { weight: number; isDraining: boolean; origin: string } | 'gone',
  ];
  const a = server('a');
  const b = server('b');
  const patch = (it: Fixture, change: Parameters<Registry['patch']>[2]): void =>
    void it.registry.patch('web', 'a', change, 'test');
  const nothing = (): void => {};
  const table: Row[] = [
    ['nothing changes', [a], nothing, [a], { weight: 1, isDraining: false, origin: 'file' }],
    [
      'the file changes',
      [a],
      nothing,
      [server('a', { weight: 5 })],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    ['the file drops it', [a, b], nothing, [b], 'gone'],
    [
      'patched; the file says the same',
      [a],
      (it) => patch(it, { weight: 9 }),
      [a],
      { weight: 9, isDraining: false, origin: 'file' },
    ],
    [
      'patched; the file changes another',
      [a, b],
      (it) => patch(it, { weight: 9 }),
      [a, server('b', { weight: 2 })],
      { weight: 9, isDraining: false, origin: 'file' },
    ],
    [
      'patched; the file changes it: the file wins',
      [a],
      (it) => patch(it, { weight: 9 }),
      [server('a', { weight: 5 })],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    [
      'patched weight; the file changes its cap: the file wins in all',
      [a],
      (it) => patch(it, { weight: 9 }),
      [server('a', { maxConnections: 7 })],
      { weight: 1, isDraining: false, origin: 'file' },
    ],
    [
      'drained; the file says the same',
      [a],
      (it) => patch(it, { draining: true }),
      [a],
      { weight: 1, isDraining: true, origin: 'file' },
    ],
    [
      'drained; the file changes it',
      [a],
      (it) => patch(it, { draining: true }),
      [server('a', { weight: 5 })],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    [
      'removed; the file says the same',
      [a, b],
      (it) => it.apply(it.registry.withRemoved('web', 'a', [pool([a, b])])),
      [a, b],
      'gone',
    ],
    [
      'removed; the file changes it',
      [a, b],
      (it) => it.apply(it.registry.withRemoved('web', 'a', [pool([a, b])])),
      [server('a', { weight: 5 }), b],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    [
      'added; the file does not know it',
      [b],
      (it) => it.apply(it.registry.withAdded('web', server('a', { weight: 3 }), [pool([b])])),
      [b],
      { weight: 3, isDraining: false, origin: 'api' },
    ],
    [
      'added; the file brings one of the same name',
      [b],
      (it) => it.apply(it.registry.withAdded('web', server('a', { weight: 3 }), [pool([b])])),
      [a, b],
      { weight: 1, isDraining: false, origin: 'file' },
    ],
    [
      'added, changed and drained; the file takes it over in the same words: nothing new was said',
      [b],
      (it) => {
        it.apply(it.registry.withAdded('web', server('a', { weight: 3 }), [pool([b])]));
        patch(it, { draining: true, weight: 4 });
      },
      [server('a', { weight: 3 }), b],
      { weight: 4, isDraining: true, origin: 'file' },
    ],
    [
      'added and drained; the file takes it over in other words: the file wins in all',
      [b],
      (it) => {
        it.apply(it.registry.withAdded('web', server('a', { weight: 3 }), [pool([b])]));
        patch(it, { draining: true });
      },
      [server('a', { weight: 5 }), b],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    [
      'out of DNS and drained; DNS says the same',
      [server('a', { foundAs: 'x.internal' })],
      (it) => patch(it, { draining: true }),
      [server('a', { foundAs: 'x.internal' })],
      { weight: 1, isDraining: true, origin: 'dns' },
    ],
    [
      'added and removed again',
      [b],
      (it) => {
        it.apply(it.registry.withAdded('web', a, [pool([b])]));
        it.apply(it.registry.withRemoved('web', 'a', [pool([b])]));
      },
      [b],
      'gone',
    ],
    [
      'removed, then added by hand',
      [a, b],
      (it) => {
        it.apply(it.registry.withRemoved('web', 'a', [pool([a, b])]));
        it.apply(it.registry.withAdded('web', server('a', { weight: 4 }), [pool([a, b])]));
      },
      [a, b],
      { weight: 4, isDraining: false, origin: 'file' },
    ],
  ];
  for (const [name, before, act, after, expected] of table) {
    const fixture = new Fixture([pool(before)]);
    act(fixture);
    // Twice: what a reload makes of it, the next one must not undo.
    for (const round of [1, 2]) {
      fixture.reload([pool(after)]);
      if (expected === 'gone') t.notOk(fixture.ids().includes('a'), `${name} (${round})`);
      else {
        const { isDraining, origin } = fixture.registry.server('web', 'a');
        t.same({ weight: fixture.weight('a'), isDraining, origin }, expected, `${name} (${round})`);
      }
    }
  }
});
