/** A finding about a configuration file, as people and editors get it. */
export type Severity = 'error' | 'warning';

export interface Diagnostic {
  readonly severity: Severity;
  /** The file as it was named. */
  readonly file: string;
  /** From 1; 0 = the file as a whole. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count; `endColumn` is the first one after it, on the same line. */
  readonly column: number;
  readonly endColumn: number;
  /** `pools.web.servers[0]`; '' = the whole file. */
  readonly path: string;
  /** Whole sentences; says what to write instead where that is known. */
  readonly message: string;
  /** Further lines, such as the same thing written right. */
  readonly hint?: string;
}

export type Path = readonly (string | number)[];

/** A finding before its place in the text was looked up. */
export interface Problem {
  readonly severity: Severity;
  readonly path: Path;
  /** Mark the key or the value at `path`. A value that is not there marks the nearest thing around it. */
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly hint?: string;
  /** What is printed in front of the message instead of `path`: for a key, the noun that it stands in. */
  readonly shown?: Path;
}

/** `pools.web.servers[0]`, `pools["a.b"].health`. */
export function pathText(path: Path): string {
  let out = '';
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`;
    else if (/^[A-Za-z0-9_-]+$/.test(part)) out += out === '' ? part : `.${part}`;
    else out += `[${JSON.stringify(part)}]`;
  }
  return out;
}

/** In the order of the text, errors before warnings on one place. */
export function byPlace(a: Diagnostic, b: Diagnostic): number {
  return a.line - b.line || a.column - b.column || a.severity.localeCompare(b.severity);
}
