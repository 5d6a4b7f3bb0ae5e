/** Where a YAML text holds what looks like a secret, also when it is broken. */
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type Scalar } from 'yaml';
import { LONGEST_MADE, looksMade, type Range, type Secrecy, secrecyOf, shapesIn } from './secret-names.ts';

/** The text with these ranges blotted out, every column where it was. */
export function blot(text: string, ranges: readonly Range[]): string {
  let out = '';
  let done = 0;
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (end <= done) continue;
    const from = Math.max(start, done);
    out += text.slice(done, from) + text.slice(from, end).replace(/[^\n\r]/g, '•');
    done = end;
  }
  return out + text.slice(done);
}

/** By its keys, and what has the shape of a secret wherever it stands. A broken text is read line by line besides. */
export function secretRanges(text: string, document: Document, isBroken: boolean): Range[] {
  const ranges = shapesIn(text);
  const known = new Map<string, Secrecy>();
  const secrecy = (key: string): Secrecy => {
    const found = known.get(key) ?? secrecyOf(key);
    known.set(key, found);
    return found;
  };
  walk(document.contents, 'nothing', { text, secrecy, ranges, anchors: new Map() });
  if (isBroken) ranges.push(...looseRanges(text, secrecy));
  return ranges;
}

interface Walk {
  readonly text: string;
  readonly secrecy: (key: string) => Secrecy;
  readonly ranges: Range[];
  /** Scalars that aliases may stand for. Mappings and lists are not followed: they may hold each other without end. */
  readonly anchors: Map<string, Scalar>;
}

function walk(node: unknown, above: Secrecy, to: Walk): void {
  // What it stands for was walked where it is written, but under another key.
  const target = isAlias(node) ? to.anchors.get(node.source) : node;
  if (isScalar(target)) {
    if (target.anchor !== undefined) to.anchors.set(target.anchor, target);
    const value = target.value;
    const isText = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
    if (!isText || !target.range || above === 'nothing') return;
    if (above === 'material' && !looksMade(String(value))) return;
    const [start, end] = target.range;
    // A variable shows only its name, unless what stands for it when it is not set is written beside it.
    if (!/^["']?\$\{\w+(?::?\?[^}]*)?\}["']?$/.test(to.text.slice(start, end))) to.ranges.push([start, end]);
    return;
  }
  if (!(isMap(target) || isSeq(target))) return;
  for (const item of target.items) {
    if (!isPair(item)) {
      // A list of nouns (`tokens`, `api_keys`): what is secret in them, their own keys say, or its looks.
      walk(item, isMap(item) && above === 'all' ? 'material' : above, to);
      continue;
    }
    const key = isScalar(item.key) ? String(item.key.value) : '';
    const own = to.secrecy(key);
    const isPlace = key === 'file' || key === 'env';
    walk(item.value, own === 'nothing' && !isPlace ? above : own, to);
  }
}

const KEY = /(?<![\w.-])([A-Za-z_][\w.-]{0,63})["']?[ \t]{0,8}[:=][ \t]*/g;

/** As people read it who do not know YAML. */
function looseRanges(text: string, secrecy: (key: string) => Secrecy): Range[] {
  const ranges: Range[] = [];
  let start = 0;
  /** Inside of the value of a secret key: lines that stand further in than this belong to it. */
  let belowIndent = -1;
  for (const line of text.split('\n')) {
    const indent = line.search(/\S/);
    if (indent >= 0 && indent <= belowIndent) belowIndent = -1;
    const keys = [...line.matchAll(KEY)];
    if (belowIndent >= 0 && keys.length === 0) ranges.push([start, start + line.length]);
    const bracket = line.search(/[{[]/);
    let done = 0;
    for (const match of keys) {
      const from = match.index + match[0].length;
      const own = match.index < done ? 'nothing' : secrecy(match[1] ?? '');
      if (own === 'nothing') continue;
      // What is longer is not made by chance, and must not be read again and again.
      const rest = own === 'all' ? line.slice(from) : line.slice(from, from + LONGEST_MADE + 1);
      const value = valueAt(rest, bracket >= 0 && bracket < match.index);
      if (/^(?:[|>][+-]?\d?)?\s*$/.test(value.slice(0, 8)))
        belowIndent = own === 'all' ? indent : belowIndent;
      else if (!value.startsWith('{') && (own === 'all' || looksMade(unquoted(value)))) {
        done = from + value.length;
        ranges.push([start + from, start + done]);
      }
    }
    start += line.length + 1;
  }
  return ranges;
}

/** To its closing quote or bracket, inside of brackets to the next comma, else to the end of the line. */
function valueAt(rest: string, isInBrackets: boolean): string {
  const enclosed = /^(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|\[[^\]]*\]?)/.exec(rest);
  return enclosed?.[0] ?? (isInBrackets ? (/^[^,}\]]*/.exec(rest)?.[0] ?? '') : rest);
}

function unquoted(value: string): string {
  return /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value;
}
