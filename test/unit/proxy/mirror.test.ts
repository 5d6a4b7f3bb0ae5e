/** Which requests are copied for another pool. */
import t from 'tap';
import { decideMirror, isMirrored, type MirrorFacts } from '../../../src/proxy/mirror.ts';

const PLAIN: MirrorFacts = { draw: 0, isMarked: false, bindsConnection: false, contentLength: -1 };

t.test('what is copied', async (t) => {
  const table: [what: string, share: number, facts: Partial<MirrorFacts>, expected: string][] = [
    ['without a body', 1, {}, 'copy'],
    ['the largest draw of all', 1, { draw: 1 - Number.EPSILON }, 'copy'],
    ['drawn', 0.1, { draw: 0.0999 }, 'copy'],
    ['not drawn', 0.1, { draw: 0.1 }, 'skip'],
    ['a copy already', 1, { isMarked: true }, 'skip'],
    ['an upgrade', 1, { bindsConnection: true }, 'unfit'],
    ['an upgrade that was not drawn', 0.5, { bindsConnection: true, draw: 0.7 }, 'skip'],
    ['the largest body', 1, { contentLength: 65_536 }, 'copy'],
    ['a larger one', 1, { contentLength: 65_537 }, 'too_large'],
    ['a larger one that was not drawn', 0.5, { contentLength: 65_537, draw: 0.5 }, 'skip'],
  ];
  for (const [what, share, facts, expected] of table)
    t.equal(decideMirror(share, { ...PLAIN, ...facts }), expected, what);
});

t.test('the mark of a copy', async (t) => {
  t.ok(isMirrored('Accept: */*\r\nx-sluice-mirror: 1\r\n'));
  t.ok(isMirrored('X-Sluice-Mirror:\r\n'));
  t.notOk(isMirrored('X-Not: X-Sluice-Mirror: 1\r\nX-X-Sluice-Mirror: 1\r\n'));
});
