/**
 * Line coverage of src/ from what V8 writes into NODE_V8_COVERAGE: one file a process, worker threads and spawned
 * daemons included (only kill -9 leaves none). A line counts when it holds code: not blank, not only a comment or
 * brackets, and not only types, which Node blanks out in place, so that V8's offsets are those of the source.
 * It is covered when any process ran any part of it. A file that nobody loaded has no covered line.
 *
 * Rejected: tap's collector, which sees neither worker threads nor processes that a test starts; and
 * counting comments as covered lines, as v8-to-istanbul does, which hides what is not tested.
 */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

interface V8Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}
export interface V8Script {
  readonly url: string;
  readonly functions: ReadonlyArray<{ readonly ranges: readonly V8Range[] }>;
}

export interface FileCoverage {
  /** Relative to the root. */
  readonly file: string;
  readonly lines: number;
  readonly covered: number;
  /** 1-based numbers of the code lines that never ran. */
  readonly missed: readonly number[];
}

export interface FolderCoverage {
  readonly folder: string;
  readonly lines: number;
  readonly covered: number;
}

/** A line of code: its number and where it starts and ends in the text, blanks at its ends left out. */
interface CodeLine {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

const COMMENT_LINE = /^(\/\/|\/\*|\*)/;

/** The lines of a TypeScript source that hold code. */
export function codeLines(source: string): CodeLine[] {
  const lines: CodeLine[] = [];
  let offset = 0;
  for (const [index, text] of stripTypeScriptTypes(source, { mode: 'strip' }).split('\n').entries()) {
    const code = text.trim();
    if (/\w/.test(code) && !COMMENT_LINE.test(code)) {
      const start = offset + text.indexOf(code);
      lines.push({ number: index + 1, start, end: start + code.length });
    }
    offset += text.length + 1;
  }
  return lines;
}

/** One byte for each character of a script of the given length: 1 where it ran. */
export function executedCharacters(script: V8Script, length: number): Uint8Array {
  const ran = new Uint8Array(length);
  // V8 lists outer functions and blocks before those inside them, so the innermost paints last.
  for (const { ranges } of script.functions) {
    for (const { startOffset, endOffset, count } of ranges)
      ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  return ran;
}

interface Source {
  readonly length: number;
  readonly lines: readonly CodeLine[];
  readonly covered: Uint8Array;
}

export class Coverage {
  readonly #root: string;
  readonly #sources = new Map<string, Source>();

  /** Reads every source under `<root>/src`. */
  constructor(root: string) {
    this.#root = root;
    for (const name of globSync('src/**/*.{ts,mjs}', { cwd: root }).sort()) {
      const text = readFileSync(join(root, name), 'utf8');
      const lines = codeLines(text);
      this.#sources.set(name, { length: text.length, lines, covered: new Uint8Array(lines.length) });
    }
  }

  /** Adds what the processes of one run wrote into the folder. A file cut short (its process was killed) is left out. */
  addFolder(folder: string): void {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      try {
        const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: V8Script[] };
        for (const script of result) this.addScript(script);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
  }

  addScript(script: V8Script): void {
    if (!script.url.startsWith('file:')) return;
    const source = this.#sources.get(relative(this.#root, fileURLToPath(script.url)).split(sep).join('/'));
    if (source === undefined) return;
    const ran = executedCharacters(script, source.length);
    for (const [index, line] of source.lines.entries()) {
      if (source.covered[index] === 0 && ran.subarray(line.start, line.end).includes(1))
        source.covered[index] = 1;
    }
  }

  files(): FileCoverage[] {
    return [...this.#sources].map(([file, { lines, covered }]) => {
      const missed = lines.filter((_, index) => covered[index] === 0).map((line) => line.number);
      return { file, lines: lines.length, covered: lines.length - missed.length, missed };
    });
  }

  /** The folders of src/, sub-folders counted with their own name, in the order of their names. */
  folders(): FolderCoverage[] {
    const sums = new Map<string, { lines: number; covered: number }>();
    for (const { file, lines, covered } of this.files()) {
      const folder = dirname(file);
      const sum = sums.get(folder) ?? { lines: 0, covered: 0 };
      sums.set(folder, { lines: sum.lines + lines, covered: sum.covered + covered });
    }
    return [...sums]
      .map(([folder, sum]) => ({ folder, ...sum }))
      .sort((a, b) => (a.folder < b.folder ? -1 : 1));
  }
}

/** Covered lines in per cent; a folder without code (only types) is fully covered. */
export function percent({ lines, covered }: { readonly lines: number; readonly covered: number }): number {
  return lines === 0 ? 100 : (covered / lines) * 100;
}
