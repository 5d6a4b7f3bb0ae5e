/**
 * A route's changes to the fields of requests and answers: remove, set, add, in this order. Pure: lines in, lines out. Values may
 * have placeholders; what stands for them comes from a request that was read strictly, so it cannot end a line.
 */
import type { NamedValue } from '../kernel/named-value.ts';
import { type Part, type Placeholder, parseTemplate } from '../kernel/template.ts';

export interface FieldRuleOptions {
  /** Names in lower case. */
  readonly remove: readonly string[];
  /** Values with placeholders. */
  readonly set: readonly NamedValue[];
  readonly add: readonly NamedValue[];
  /** Names of which no spelling goes on that a server might take for them (see `foldedName`). */
  readonly cleared?: readonly string[];
}

/** What placeholders stand for. */
export type Look = (placeholder: Placeholder) => string;

interface CompiledValue {
  readonly name: string;
  readonly parts: readonly Part[];
}

export class FieldRules {
  /** Names in lower case whose lines go. */
  readonly #gone: ReadonlySet<string>;
  /** Folded. */
  readonly #cleared: ReadonlySet<string>;
  readonly #values: readonly CompiledValue[];

  constructor({ remove, set, add, cleared = [] }: FieldRuleOptions) {
    this.#cleared = new Set(cleared.map(foldedName));
    this.#gone = new Set([...remove, ...set.map(({ name }) => name.toLowerCase())]);
    this.#values = [...set, ...add].map(({ name, value }) => ({ name, parts: parseTemplate(value) }));
  }

  /** @param lines well-formed, each with its CRLF */
  apply(lines: string, look: Look): string {
    let text = this.keep(lines);
    for (const { name, parts } of this.#values) {
      let value = '';
      for (const part of parts) value += typeof part === 'string' ? part : safe(look(part.placeholder));
      text += `${name}: ${value}\r\n`;
    }
    return text;
  }

  /** The lines that nothing takes away. */
  keep(lines: string): string {
    const kept = this.#gone.size === 0 ? lines : keptLines(lines, this.#gone);
    return this.#cleared.size === 0 ? kept : clearedLines(kept, this.#cleared);
  }
}

/** @returns the lines whose names (in lower case) are not among these */
export function keptLines(lines: string, gone: ReadonlySet<string>): string {
  return linesWhere(lines, (name) => !gone.has(name.toLowerCase()));
}

/**
 * The name as the environment of a CGI-like server has it: PHP, WSGI and Rack make `_` of `-`, lighttpd of whatever is no letter and
 * no digit, so that `X-User`, `x_user` and `X~User` are one there.
 */
export function foldedName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '_');
}

/** @returns the lines whose names are in no spelling among these @param cleared folded */
export function clearedLines(lines: string, cleared: ReadonlySet<string>): string {
  return linesWhere(lines, (name) => !cleared.has(foldedName(name)));
}

function linesWhere(lines: string, isKept: (name: string) => boolean): string {
  let kept = '';
  for (let start = 0; start < lines.length; ) {
    const end = lines.indexOf('\r\n', start) + 2;
    if (isKept(lines.slice(start, lines.indexOf(':', start)))) kept += lines.slice(start, end);
    start = end;
  }
  return kept;
}

/** null = nothing is changed. */
export function compileFieldRules(options: FieldRuleOptions | null): FieldRules | null {
  if (options === null) return null;
  const { remove, set, add, cleared = [] } = options;
  if (remove.length + set.length + add.length + cleared.length === 0) return null;
  return new FieldRules(options);
}

/** Nothing that a request holds may begin a line of its own, whatever it went through before. */
function safe(value: string): string {
  return /[^\t\x20-\x7e\x80-\xff]/.test(value) ? value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '') : value;
}
