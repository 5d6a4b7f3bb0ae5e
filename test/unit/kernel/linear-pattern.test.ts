import t from 'tap';
import { compileLinearPattern } from '../../../src/kernel/linear-pattern.ts';

t.test('what fits', (t) => {
  const rows: readonly (readonly [pattern: string, text: string, fits: boolean])[] = [
    ['^/users/[0-9]+$', '/users/12', true],
    ['^/users/[0-9]+$', '/users/12/x', false],
    ['^/users/[0-9]+', '/users/12/x', true],
    ['^/users', '/x/users', false],
    ['^/(?i:admin)', '/ADMIN', true],
    ['^/\\w{2}(?:-[A-Z]{2})?/', '/en-GB/x', true],
  ];
  for (const [pattern, text, fits] of rows)
    t.equal(compileLinearPattern(pattern).test(text), fits, `${pattern} ${text}`);
  t.end();
});

t.test('what is refused', (t) => {
  t.throws(() => compileLinearPattern('^/(a'), /is not a pattern: .*missing/);
  t.throws(() => compileLinearPattern('^/(?=a)'), /is not a pattern: .*Perl syntax/, 'look-around');
  t.throws(() => compileLinearPattern('^/(a)\\1'), /is not a pattern/, 'back references');
  t.throws(() => compileLinearPattern('^/a{900}'), /a program of \d+ steps; the most is 500/);
  t.throws(() => compileLinearPattern('a'.repeat(1025)), /more than 1024 characters/);
  t.end();
});

t.test('a text that takes backtracking engines for ever takes it no time', (t) => {
  // (x+x+)+y over n times x: 2^n steps for an engine that tries one way after the other.
  t.equal(compileLinearPattern('^/(x+x+)+y').test(`/${'x'.repeat(8000)}`), false);
  t.end();
});
