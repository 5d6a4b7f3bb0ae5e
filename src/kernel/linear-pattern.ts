/**
 * Patterns whose matching takes time in proportion to the text, whoever wrote it: RE2's syntax and engine (re2js), without
 * look-around and back references. JavaScript's own expressions can be made to take hours by a text of a hundred characters.
 *
 * The engine (some 7 MB and 13 ms to load) is loaded when the first pattern is compiled: without patterns nobody pays for it.
 */
import { createRequire } from 'node:module';
import type * as Re2Js from 're2js';

export interface LinearPattern {
  test(text: string): boolean;
}

const MAX_LENGTH = 1024;
/** Instructions; each may be looked at once for each character of the text. */
const MAX_PROGRAM = 500;

const require = createRequire(import.meta.url);

/** @throws RangeError with what is wrong with it */
export function compileLinearPattern(text: string): LinearPattern {
  if (text.length > MAX_LENGTH) throw new RangeError(`has more than ${MAX_LENGTH} characters`);
  const { RE2JS } = require('re2js') as typeof Re2Js;
  let pattern: Re2Js.RE2JS;
  try {
    pattern = RE2JS.compile(text);
  } catch (error) {
    throw new RangeError(`is not a pattern: ${String(error instanceof Error ? error.message : error)}`, {
      cause: error,
    });
  }
  if (pattern.programSize() > MAX_PROGRAM)
    throw new RangeError(`makes a program of ${pattern.programSize()} steps; the most is ${MAX_PROGRAM}`);
  return pattern;
}
