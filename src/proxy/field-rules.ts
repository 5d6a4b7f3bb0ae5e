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
  readonly #values: readonly CompiledValue[];

  constructor({ remove, set, add }: FieldRuleOptions) {
    this.#gone = new Set([...remove, ...set.map(({ name }) => name.toLowerCase())]);
    this.#values = [...set, ...add].map(({ name, value }) => ({ name, parts: parseTemplate(value) }));
  }

  /** @param lines well-formed, each with its CRLF */
  apply(lines: string, look: Look): string {
    let text = this.#gone.size === 0 ? lines : keptLines(lines, this.#gone);
    for (const { name, parts } of this.#values) {
      let value = '';
      for (const part of parts) value += typeof part === 'string' ? part : safe(look(part.placeholder));
      text += `${name}: ${value}\r\n`;
    }
    return text;
  }
}

/** @returns the lines whose names (in lower case) are not among these */
export function keptLines(lines: string, gone: ReadonlySet<string>): string {
  let kept = '';
  for (let start = 0; start < lines.length; ) {
    const end = lines.indexOf('\r\n', start) + 2;
    const name = lines.slice(start, lines.indexOf(':', start)).toLowerCase();
    if (!gone.has(name)) kept += lines.slice(start, end);
    start = end;
  }
  return kept;
}

/** null = nothing is changed. */
export function compileFieldRules(options: FieldRuleOptions | null): FieldRules | null {
  if (options === null || options.remove.length + options.set.length + options.add.length === 0) return null;
  return new FieldRules(options);
}

/** Nothing that a request holds may begin a line of its own, whatever it went through before. */
function safe(value: string): string {
  return /[^\t\x20-\x7e\x80-\xff]/.test(value) ? value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '') : value;
}
