/**
 * What the architecture test must know of a TypeScript source without compiling it: the code without comments and
 * strings, and what it imports. A scanner, not a parser: comments, strings, templates and regular expressions are told
 * apart by the characters before them, which is exact for code in our format. Rejected: the compiler's API, which
 * TypeScript 7 does not offer, and a parser as one more dependency for five rules.
 */

export type ImportKind =
  /** Gone when types are stripped. */
  | 'type'
  /** Loaded when the module loads. */
  | 'static'
  /** Loaded when the line runs. */
  | 'dynamic'
  /** `new URL('./x.ts', import.meta.url)`: the entry of a thread or a process. */
  | 'entry';

export interface Import {
  readonly kind: ImportKind;
  readonly specifier: string;
  /** 1-based. */
  readonly line: number;
}

/** A `/` after one of these starts a regular expression. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{;+\-*%<>~^]|\b(?:return|typeof|case|in|of|delete|void|throw|new|else|do|yield|await))\s*$/;

/** The source with comments blanked, and with comments and the contents of strings blanked; every offset is kept. */
export function blank(source: string): { readonly withStrings: string; readonly code: string } {
  const withStrings = source.split('');
  const code = source.split('');
  const wipe = (target: string[], from: number, to: number): void => {
    for (let i = from; i < to; i++) if (target[i] !== '\n') target[i] = ' ';
  };
  const wipeText = (from: number, to: number): void => wipe(code, from, to);
  /** Depths of braces inside `${…}` of the open templates. */
  const templates: number[] = [];
  let at = 0;
  while (at < source.length) {
    const char = source[at];
    const two = source.slice(at, at + 2);
    let end = at + 1;
    if (two === '//' || two === '/*') {
      end = two === '//' ? indexOrEnd(source, '\n', at) : indexOrEnd(source, '*/', at + 2) + 2;
      wipe(withStrings, at, end);
      wipe(code, at, end);
    } else if (char === "'" || char === '"') {
      end = endOfQuoted(source, at, char);
      wipeText(at + 1, end - 1);
    } else if (char === '`' || (char === '}' && templates.at(-1) === 0)) {
      if (char === '}') templates.pop();
      end = endOfTemplatePart(source, at + 1);
      wipeText(at + 1, end - 1);
      if (source.slice(end - 2, end) === '${') templates.push(0);
    } else if (char === '/' && BEFORE_REGEX.test(code.slice(Math.max(0, at - 20), at).join(''))) {
      end = endOfRegex(source, at);
      wipeText(at + 1, end);
    } else if (templates.length > 0 && (char === '{' || char === '}')) {
      templates[templates.length - 1] = (templates.at(-1) ?? 0) + (char === '{' ? 1 : -1);
    }
    at = end;
  }
  return { withStrings: withStrings.join(''), code: code.join('') };
}

function indexOrEnd(source: string, text: string, from: number): number {
  const found = source.indexOf(text, from);
  return found < 0 ? source.length : found;
}

function endOfQuoted(source: string, start: number, quote: string): number {
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === quote) return i + 1;
  }
  return source.length;
}

/** Just after the closing backtick, or just after the `${` that interrupts the text. */
function endOfTemplatePart(source: string, from: number): number {
  for (let i = from; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === '`') return i + 1;
    else if (source[i] === '$' && source[i + 1] === '{') return i + 2;
  }
  return source.length;
}

function endOfRegex(source: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < source.length && source[i] !== '\n'; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === '[') inClass = true;
    else if (source[i] === ']') inClass = false;
    else if (source[i] === '/' && !inClass) return i + 1;
  }
  return start + 1;
}

/** The 1-based line of an offset. */
export function lineAt(source: string, offset: number): number {
  let line = 1;
  for (let i = source.indexOf('\n'); i >= 0 && i < offset; i = source.indexOf('\n', i + 1)) line++;
  return line;
}

const STATEMENT = /\b(?:import|export)\s+(type\s+(?!from\b))?(?:[\w$*\s{},]*?\bfrom\s*)?(['"])([^'"\n]+)\2/g;
const CALL = /\bimport\(\s*(['"])([^'"\n]+)\1/g;
const ENTRY = /\bnew URL\(\s*(['"])([^'"\n]+)\1\s*,\s*import\.meta\.url/g;

/** Everything that the source imports, in the order of the lines. */
export function importsOf(source: string): Import[] {
  const { withStrings, code } = blank(source);
  const found: Import[] = [];
  const add = (pattern: RegExp, toImport: (match: RegExpMatchArray) => Omit<Import, 'line'>): void => {
    for (const match of withStrings.matchAll(pattern)) {
      const start = match.index;
      // Inside a string these words are text.
      if (code.slice(start, start + 3) !== withStrings.slice(start, start + 3)) continue;
      found.push({ ...toImport(match), line: lineAt(source, start) });
    }
  };
  add(STATEMENT, (match) => ({
    kind: match[1] === undefined ? 'static' : 'type',
    specifier: match[3] ?? '',
  }));
  add(CALL, (match) => {
    const before = withStrings.slice(0, match.index).trimEnd();
    const isType = /(?:\btypeof|[:<|&,]|\btype\s+\w+(?:<[^=]*>)?\s*=)$/.test(before);
    return { kind: isType ? 'type' : 'dynamic', specifier: match[2] ?? '' };
  });
  add(ENTRY, (match) => ({ kind: 'entry', specifier: match[2] ?? '' }));
  return found.sort((a, b) => a.line - b.line);
}
