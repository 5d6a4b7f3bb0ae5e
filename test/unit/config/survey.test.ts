import t from 'tap';
import { parseDocument } from 'yaml';
import { type Survey, surveyOf } from '../../../src/config/survey.ts';

const NOTHING: Survey = { hasAliases: false, hasDuplicates: false, hasVariables: false, isTooDeep: false };

t.test('what a document has that needs a closer look', (t) => {
  const many = Array.from({ length: 20 }, (_, i) => `k${i}: ${i}`).join('\n');
  const cases: readonly (readonly [text: string, found: Partial<Survey>])[] = [
    ['', {}],
    ['a: [1, { b: c }, "*"]', {}],
    [many, {}],
    ['a: &x 1\nb: *x', { hasAliases: true }],
    ['a: &x 1\nb: [{ *x : 2 }]', { hasAliases: true }],
    ['a: 1\n"a": 2', { hasDuplicates: true }],
    ['list: [{ a: 1, b: 2, a: 3 }]', { hasDuplicates: true }],
    [`${many}\nk7: again`, { hasDuplicates: true }],
    ['a: { b: ["x ${Y}"] }', { hasVariables: true }],
    ['${A}: b', {}],
    ['a: [[[[1]]]]', { isTooDeep: true }],
    ['a: [[[1]]]', {}],
    ['- - - - a: 1', { isTooDeep: true }],
  ];
  for (const [text, found] of cases)
    t.strictSame(surveyOf(parseDocument(text, { uniqueKeys: false }), 4), { ...NOTHING, ...found }, text);
  t.end();
});
