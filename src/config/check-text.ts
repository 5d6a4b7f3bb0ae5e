/** Diagnostics as people read them (with code frames) and as programs do (JSON). Pure. */
import type { Diagnostic, Severity } from './diagnostic.ts';

export interface RenderOptions {
  /** ANSI colours. */
  readonly colour: boolean;
  /** The text that the lines are taken from; `LoadResult.frameText`. */
  readonly text: string;
  /** Said after the count, such as `The running configuration was not changed.` */
  readonly closing?: string;
}

const RED = '31';
const YELLOW = '33';
const DIM = '2';
const BOLD = '1';

type Paint = (text: string, code: string) => string;

/** One block per diagnostic and the count; without a line feed at the end. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], options: RenderOptions): string {
  const paint: Paint = (text, code) => (options.colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const places = diagnostics.map(place);
  const width = Math.max(0, ...places.map((each) => each.length));
  const lines = options.text.split(/\r?\n/);
  const out: string[] = [];
  diagnostics.forEach((each, index) => {
    const colour = each.severity === 'error' ? RED : YELLOW;
    const label = paint(each.severity, colour) + ' '.repeat(Math.max(1, 7 - each.severity.length));
    const where = each.path === '' ? '' : `${paint(each.path, BOLD)}: `;
    out.push(`${(places[index] ?? '').padEnd(width)} ${label}${where}${printable(each.message)}`);
    out.push(...frame(each, lines, paint, colour));
    if (each.hint !== undefined) out.push(...each.hint.split('\n').map((line) => `     ${printable(line)}`));
  });
  out.push(countText(diagnostics) + (options.closing === undefined ? '' : ` ${options.closing}`));
  return out.join('\n');
}

/** `sluice.yaml:6:9`; without line when it is about the file as a whole. */
function place(each: Diagnostic): string {
  return each.line === 0 ? each.file : `${each.file}:${each.line}:${each.column}`;
}

/** A file may hold escape sequences; a terminal must not get to see them. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·');
}

/** Longer lines are cut around the mark. */
const FRAME_WIDTH = 120;

function frame(each: Diagnostic, lines: readonly string[], paint: Paint, colour: string): string[] {
  const line = lines[each.line - 1];
  if (each.line === 0 || line === undefined) return [];
  const digits = String(each.line).length;
  const gutter = (mark: string, number: string): string =>
    paint(` ${mark} ${number.padStart(digits)} │ `, DIM);
  const start = each.column > FRAME_WIDTH - 20 ? each.column - 40 : 0;
  const cut = (text: string): string =>
    printable(text.slice(start, start + FRAME_WIDTH).replaceAll('\t', ' '));
  const before = lines[each.line - 2];
  const marked = Math.max(1, Math.min(each.endColumn - each.column, FRAME_WIDTH - (each.column - 1 - start)));
  const out: string[] = [];
  if (before !== undefined && before.trim() !== '')
    out.push(`${gutter(' ', String(each.line - 1))}${cut(before)}`);
  out.push(`${gutter('▸', String(each.line))}${cut(line)}`);
  out.push(`${gutter(' ', '')}${' '.repeat(each.column - 1 - start)}${paint('^'.repeat(marked), colour)}`);
  return out;
}

function count(diagnostics: readonly Diagnostic[], severity: Severity): number {
  return diagnostics.filter((each) => each.severity === severity).length;
}

/** `2 errors, 1 warning.` */
export function countText(diagnostics: readonly Diagnostic[]): string {
  const some = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
  return `${some(count(diagnostics, 'error'), 'error')}, ${some(count(diagnostics, 'warning'), 'warning')}.`;
}

/** What `check --format json` prints. */
export interface CheckReport {
  readonly ok: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly diagnostics: readonly Diagnostic[];
}

export function checkReport(diagnostics: readonly Diagnostic[]): CheckReport {
  const errors = count(diagnostics, 'error');
  return { ok: errors === 0, errors, warnings: diagnostics.length - errors, diagnostics };
}
