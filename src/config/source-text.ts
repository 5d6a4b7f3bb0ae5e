/**
 * One YAML text with its positions: plain values for the schema, and for every path the place in the text where it
 * was written. Owns everything that knows the `yaml` package.
 *
 * Guards against hostile files: a size cap, a cap on how often aliases are expanded (the "billion laughs"), no tags,
 * and a depth that the parser's recursion survives.
 */
import {
  Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import type { Diagnostic, Path, Problem } from './diagnostic.ts';
import { pathText } from './diagnostic.ts';
import { coerceScalar, type Environment, substitute } from './env.ts';
import type { Range } from './secret-names.ts';
import { blot, secretRanges } from './secret-text.ts';
import { type Survey, surveyOf } from './survey.ts';
import { quote } from './units.ts';

export const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_ALIASES = 1000;
const MAX_DEPTH = 64;

interface Span {
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

export class SourceText {
  /** The file as it was named. */
  readonly file: string;
  readonly text: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #fromEnv = new Set<Scalar>();
  readonly #diagnostics: Diagnostic[] = [];
  /** Where the text holds secrets that the document does not hold any more. */
  #writtenSecrets: readonly Range[] = [];
  #value: unknown;

  /** True when the text is not YAML at all, so that nothing else is worth saying about it. */
  readonly broken: boolean;

  constructor(file: string, text: string, env: Environment) {
    this.file = file;
    this.text = text;
    this.#document = new Document();
    this.broken = true;
    const refusal = sizeProblem(text);
    if (refusal !== undefined) {
      this.#diagnostics.push(this.#whole(refusal));
      return;
    }
    const parsed = parseShallow(text, this.#lines);
    if (parsed === undefined) {
      this.#diagnostics.push(this.#whole(`Lists and mappings are nested more than ${MAX_DEPTH} deep.`));
      return;
    }
    const { document, survey } = parsed;
    this.#document = document;
    if (this.#reportSyntax()) return;
    if (survey.hasAliases) this.#reportAliases();
    if (this.#diagnostics.length > 0) return; // such a document has no values
    if (survey.hasDuplicates) this.#reportDuplicates();
    if (this.#diagnostics.length > 0) {
      // The document keeps the last of each, frames show all.
      this.#writtenSecrets = secretRanges(text, document, false);
      this.#mergeDuplicates();
    }
    if (survey.hasVariables) this.#substitute(env);
    this.broken = !this.#evaluate();
  }

  /** What is wrong with the text as YAML: syntax, duplicate keys, variables. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** The plain values, variables filled in. */
  get value(): unknown {
    return this.#value;
  }

  /** The line where `path`, or else the nearest thing around it, was written; from 1. */
  lineOf(path: Path): number {
    return this.#span(path, 'key').line;
  }

  /** True when `path` itself stands in the text. */
  has(path: Path): boolean {
    return this.#find(path).rest === 0;
  }

  locate(problem: Problem): Diagnostic {
    const span = this.#span(problem.path, problem.at);
    const hint = problem.hint === undefined ? {} : { hint: problem.hint };
    return {
      severity: problem.severity,
      file: this.file,
      ...span,
      path: pathText(problem.shown ?? problem.path),
      message: problem.message,
      ...hint,
    };
  }

  /**
   * Text that came out of a variable and is refused where it stands may be meant as a number or a boolean
   * (`port: "${PORT}"`). Turns those at the given paths into what they look like; true = something changed.
   */
  coerceFromEnv(paths: readonly Path[]): boolean {
    let changed = false;
    for (const path of paths) {
      const { node, rest } = this.#find(path);
      if (rest > 0 || !isScalar(node) || !this.#fromEnv.has(node) || typeof node.value !== 'string') continue;
      const coerced = coerceScalar(node.value);
      if (coerced === undefined) continue;
      node.value = coerced;
      changed = true;
    }
    return changed && this.#evaluate();
  }

  /** The text for code frames: these values, and all that looks like a secret, blotted out. */
  masked(secrets: readonly Path[] = []): string {
    const ranges = [...this.#writtenSecrets, ...secretRanges(this.text, this.#document, this.broken)];
    for (const path of secrets) {
      const { node, rest } = this.#find(path);
      const range = rest === 0 && isScalar(node) ? node.range : undefined;
      if (range && !this.#fromEnv.has(node as Scalar)) ranges.push([range[0], range[1]]);
    }
    return blot(this.text, ranges);
  }

  #whole(message: string): Diagnostic {
    return { severity: 'error', file: this.file, line: 0, column: 0, endColumn: 0, path: '', message };
  }

  #reportSyntax(): boolean {
    for (const fault of [...this.#document.errors, ...this.#document.warnings].slice(0, 5)) {
      const message =
        fault.code === 'TAG_RESOLVE_FAILED'
          ? 'Tags (!name) are not used here.'
          : `Not valid YAML: ${fault.message}`;
      const span = this.#spanAt(fault.pos[0], fault.pos[1]);
      this.#diagnostics.push({ severity: 'error', file: this.file, ...span, path: '', message });
    }
    return this.#diagnostics.length > 0;
  }

  #reportAliases(): void {
    visit(this.#document, {
      Alias: (_key, alias) => {
        if (alias.resolve(this.#document) !== undefined) return;
        const message = `Nothing above is marked with &${alias.source}.`;
        const span = this.#spanAt(alias.range?.[0] ?? 0, alias.range?.[1] ?? 0);
        this.#diagnostics.push({ severity: 'error', file: this.file, ...span, path: '', message });
      },
    });
  }

  #reportDuplicates(): void {
    visit(this.#document, {
      Map: (_key, map, ancestors) => {
        const first = new Map<string, Scalar>();
        for (const pair of map.items) {
          if (!isScalar(pair.key)) continue;
          const name = String(pair.key.value);
          const before = first.get(name);
          if (before === undefined) first.set(name, pair.key);
          else this.#duplicate(name, before, pair.key, pathOfAncestors([...ancestors, map]));
        }
      },
    });
  }

  /**
   * So that what stands under the first of two equal keys is checked as well: mappings and lists are put together, of
   * two scalars the last counts. The file is refused anyway; this only decides what else is found in it.
   */
  #mergeDuplicates(): void {
    visit(this.#document, {
      Map: (_key, map) => {
        const first = new Map<string, Pair>();
        for (const pair of [...map.items]) {
          const before = isScalar(pair.key) ? first.get(String(pair.key.value)) : undefined;
          if (before === undefined) {
            if (isScalar(pair.key)) first.set(String(pair.key.value), pair);
            continue;
          }
          if (isMap(before.value) && isMap(pair.value)) before.value.items.push(...pair.value.items);
          else if (isSeq(before.value) && isSeq(pair.value)) before.value.items.push(...pair.value.items);
          else before.value = pair.value;
          map.items.splice(map.items.indexOf(pair), 1);
        }
      },
    });
  }

  #duplicate(name: string, before: Scalar, again: Scalar, path: Path): void {
    const line = this.#lines.linePos(before.range?.[0] ?? 0).line;
    this.#diagnostics.push({
      severity: 'error',
      file: this.file,
      ...this.#spanAt(again.range?.[0] ?? 0, again.range?.[1] ?? 0),
      path: pathText(path),
      message: `duplicate key ${quote(name)}: it is already given in line ${line}.`,
    });
  }

  #substitute(env: Environment): void {
    visit(this.#document, {
      Scalar: (key, node, ancestors) => {
        if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
        const { value, problems } = substitute(node.value, env);
        node.value = value;
        this.#fromEnv.add(node);
        for (const message of problems) {
          const span = this.#spanAt(node.range?.[0] ?? 0, node.range?.[1] ?? 0);
          const path = pathText(pathOfAncestors([...ancestors, node]));
          this.#diagnostics.push({ severity: 'error', file: this.file, ...span, path, message });
        }
      },
    });
  }

  #evaluate(): boolean {
    try {
      this.#value = this.#document.toJS({ maxAliasCount: MAX_ALIASES });
      return true;
    } catch (error) {
      const excessive = error instanceof ReferenceError && error.message.startsWith('Excessive');
      const detail = error instanceof Error ? error.message : String(error);
      this.#diagnostics.push(
        this.#whole(
          excessive
            ? 'Too many aliases (*name): this looks like an attack, not a configuration.'
            : `Not valid YAML: ${detail}`,
        ),
      );
      return false;
    }
  }

  /** The node at `path` or the deepest one above it, its key, and how many steps are missing. */
  #find(path: Path): { node: unknown; key: Node | undefined; rest: number } {
    let node: unknown = this.#document.contents;
    let key: Node | undefined;
    for (let index = 0; index < path.length; index++) {
      const step = path[index];
      const here = isAlias(node) ? node.resolve(this.#document) : node;
      const next = isMap(here) ? lookUp(here, String(step), this.#document) : undefined;
      if (next) {
        key = next.key;
        node = next.value;
      } else if (isSeq(here) && typeof step === 'number' && here.items[step] !== undefined) {
        node = here.items[step];
        key = undefined;
      } else {
        return { node, key, rest: path.length - index };
      }
    }
    return { node, key, rest: 0 };
  }

  #span(path: Path, at: 'key' | 'value'): Span {
    const { node, key, rest } = this.#find(path);
    const short = isScalar(node) && node.range && node.range[1] > node.range[0];
    // a mapping or a list is marked by its key: nobody wants ten underlined lines
    const target = ((at === 'value' || rest > 0) && short) || !key ? (node as Node | null) : key;
    const range = target?.range ?? key?.range;
    return range ? this.#spanAt(range[0], range[1]) : { line: 1, column: 1, endColumn: 1 };
  }

  #spanAt(start: number, end: number): Span {
    const from = this.#lines.linePos(start);
    const lineStart = start - (from.col - 1);
    const newline = this.text.indexOf('\n', start);
    const lineEnd = newline < 0 ? this.text.length : newline;
    const line = this.text.slice(lineStart, lineEnd).trimEnd();
    const last = Math.max(start + 1, Math.min(end, lineStart + line.length));
    return { line: from.line, column: from.col, endColumn: from.col + (last - start) };
  }
}

function sizeProblem(text: string): string | undefined {
  if (text.length > MAX_FILE_BYTES) return `The file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB.`;
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth = bracket === '[' || bracket === '{' ? depth + 1 : Math.max(0, depth - 1);
    if (depth > MAX_DEPTH) return `Brackets are nested more than ${MAX_DEPTH} deep.`;
  }
  return undefined;
}

/** The document, or undefined when it is nested deeper than is meant here or than the parser's recursion goes. */
function parseShallow(
  text: string,
  lineCounter: LineCounter,
): { document: Document; survey: Survey } | undefined {
  try {
    const document = parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      uniqueKeys: false, // found by ourselves: with the place of the first one
      merge: true,
      stringKeys: true,
    });
    const survey = surveyOf(document, MAX_DEPTH);
    return survey.isTooDeep ? undefined : { document, survey };
  } catch (error) {
    // The stack is full: `- - - - …` needs no brackets to be deep.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function lookUp(map: YAMLMap, name: string, document: Document): { key: Node; value: unknown } | undefined {
  // the last one counts, as in toJS
  const own = map.items.findLast((pair) => isScalar(pair.key) && String(pair.key.value) === name);
  if (own && isScalar(own.key)) return { key: own.key, value: own.value };
  for (const pair of map.items) {
    if (!isScalar(pair.key) || pair.key.value !== '<<') continue;
    const merged = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
    for (const each of isSeq(merged) ? merged.items : [merged]) {
      const source = isAlias(each) ? each.resolve(document) : each;
      const found = isMap(source) && source !== map ? lookUp(source, name, document) : undefined;
      if (found) return found;
    }
  }
  return undefined;
}

/** The path of the last node in a chain as `visit` hands it out. */
function pathOfAncestors(chain: readonly unknown[]): Path {
  const path: (string | number)[] = [];
  for (let index = 0; index + 1 < chain.length; index++) {
    const parent = chain[index];
    if (isPair(parent) && isScalar(parent.key)) path.push(String(parent.key.value));
    if (isSeq(parent)) path.push(parent.items.indexOf(chain[index + 1]));
  }
  return path;
}
