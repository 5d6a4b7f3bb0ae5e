import t from 'tap';
import { coerceScalar, substitute } from '../../../src/config/env.ts';

const env = { PORT: '8080', EMPTY: '', NESTED: '${PORT}' };

t.test('forms of a variable', (t) => {
  const rows: readonly (readonly [text: string, value: string, problem?: string])[] = [
    ['plain', 'plain'],
    ['${PORT}', '8080'],
    [':${PORT}/x', ':8080/x'],
    ['${PORT}${PORT}', '80808080'],
    ['${PORT:-1}', '8080'],
    ['${NONE:-1}', '1'],
    ['${EMPTY:-1}', '1'],
    ['${NONE:-}', ''],
    ['${EMPTY}', ''],
    ['${NESTED}', '${PORT}'],
    ['$${PORT}', '${PORT}'],
    ['$PORT and $', '$PORT and $'],
    ['${NONE}', '', '${NONE} is not set. Set it, or write ${NONE:-default}.'],
    ['${NONE:?set NONE to the port}', '', '${NONE} is not set: set NONE to the port.'],
    ['${EMPTY:?}', '', '${EMPTY} is not set: it is needed here.'],
    [
      '${PORT',
      '',
      '"${PORT" is not a variable. Write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ stands for ${.',
    ],
    [
      '${1X}',
      '',
      '"${1X}" is not a variable. Write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ stands for ${.',
    ],
  ];
  for (const [text, value, problem] of rows) {
    const result = substitute(text, env);
    t.equal(result.value, value, text);
    t.strictSame(result.problems, problem === undefined ? [] : [problem], text);
  }
  t.match(substitute('${A${B}}', {}).problems[0], /one inside another does not work/);
  t.end();
});

t.test('what a text may stand for', (t) => {
  const rows: readonly (readonly [string, number | boolean | undefined])[] = [
    ['8080', 8080],
    ['-1.5', -1.5],
    ['true', true],
    ['false', false],
    ['yes', undefined],
    ['', undefined],
    ['0x10', undefined],
    ['5s', undefined],
  ];
  for (const [text, value] of rows) t.equal(coerceScalar(text), value, text);
  t.end();
});
