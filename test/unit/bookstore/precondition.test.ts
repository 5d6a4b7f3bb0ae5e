import t from 'tap';
import { entityTag, isNotModified, parseTagList, requireMatch } from '../../../src/bookstore/precondition.ts';
import { Problem } from '../../../src/bookstore/problem.ts';

const book = { id: 7, version: 3 };

t.test('tag lists', async (t) => {
  const cases: readonly (readonly [string, ReturnType<typeof parseTagList>])[] = [
    ['*', '*'],
    [' * ', '*'],
    ['"a"', ['"a"']],
    ['"a", W/"b" ,"c,d"', ['"a"', 'W/"b"', '"c,d"']],
    [', "a",', ['"a"']],
    ['""', ['""']],
    ['', undefined],
    ['a', undefined],
    ['"a', undefined],
    ['"a" "b"', undefined],
    ['w/"a"', undefined],
    ['*, "a"', undefined],
    ['"a b"', undefined],
  ];
  for (const [field, tags] of cases) t.strictSame(parseTagList(field), tags, field);
  parseTagList(`${'"a",'.repeat(5000)}!`);
  t.pass('a long malformed field ends soon');
});

function statusOf(field: string | undefined, required: boolean): number {
  try {
    requireMatch(field, book, required);
    return 0;
  } catch (error) {
    if (error instanceof Problem) return error.status;
    throw error;
  }
}

t.test('If-Match', async (t) => {
  t.equal(entityTag(book), '"7-3"');
  t.equal(statusOf('"7-3"', true), 0);
  t.equal(statusOf('"1-1", "7-3"', true), 0);
  t.equal(statusOf('*', true), 0);
  t.equal(statusOf('"7-2"', true), 412);
  t.equal(statusOf('W/"7-3"', true), 412, 'a weak tag never matches strongly');
  t.equal(statusOf('7-3', true), 400);
  t.equal(statusOf(undefined, true), 428);
  t.equal(statusOf(undefined, false), 0);
  t.equal(statusOf('"7-2"', false), 412);
});

t.test('If-None-Match', async (t) => {
  t.equal(isNotModified(undefined, '"7-3"'), false);
  t.equal(isNotModified('"7-3"', '"7-3"'), true);
  t.equal(isNotModified('W/"7-3"', '"7-3"'), true);
  t.equal(isNotModified('*', '"7-3"'), true);
  t.equal(isNotModified('"7-2"', '"7-3"'), false);
  t.equal(isNotModified('7-3', '"7-3"'), false);
});
