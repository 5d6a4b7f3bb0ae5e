/**
 * Which is the first route (least index) whose path pattern matches? A radix tree over the patterns of one host,
 * walked once along the path without cutting a string off it: the time depends on the path's length up to where
 * it leaves the tree, not on the number of routes, and no input can make it slow.
 *
 *   patterns  0 /api/*   1 /apples   2 /api/books          "" ── "/ap" ┬─ "i"  prefix 0 ── "/books" exact 2
 *                                                                       └─ "ples" exact 1
 *
 * A node's label is the text from its parent; `exact` and `prefix` are the least indexes of patterns that end
 * there; `least` is the least index in the node and below, so that a branch that cannot win is not entered.
 * Rejected: a map of all prefixes probed segment by segment (it cuts and hashes a string per segment: quadratic
 * in the length of a hostile path), one big regular expression (find-my-way's way is a tree as well).
 */
import { escapedByteAt } from './path.ts';
import { isFoldable, type PathPattern } from './pattern.ts';

/** More than any index of a route. */
export const NO_ROUTE = 0x3fffffff;

const SLASH = 0x2f;
const PERCENT = 0x25;

/** Whether a request meets the condition of the route at an index. */
export interface IndexTest<Facts> {
  isMet(index: number, facts: Facts): boolean;
}

class PathNode {
  label: string;
  exact = NO_ROUTE;
  prefix = NO_ROUTE;
  /** Those that ask for more than a path, in the order of their indexes; null = none. */
  exactIf: number[] | null = null;
  prefixIf: number[] | null = null;
  least = NO_ROUTE;
  children = new Map<number, PathNode>();

  constructor(label: string) {
    this.label = label;
  }
}

export class PathTree {
  readonly #root = new PathNode('');

  /**
   * Adds a pattern of the route at `index`; a lower index that has the same pattern stays.
   * @param isConditional the route asks for more: it is taken only if `find`'s test says so
   */
  add(pattern: PathPattern, index: number, isConditional = false): void {
    const node = this.#nodeFor(pattern.path, index);
    if (isConditional) {
      if (pattern.kind === 'exact') node.exactIf = withIndex(node.exactIf, index);
      else node.prefixIf = withIndex(node.prefixIf, index);
    } else if (pattern.kind === 'exact') node.exact = Math.min(node.exact, index);
    else node.prefix = Math.min(node.prefix, index);
  }

  #nodeFor(path: string, index: number): PathNode {
    let node = this.#root;
    let at = 0;
    node.least = Math.min(node.least, index);
    while (at < path.length) {
      const rest = path.slice(at);
      const child = node.children.get(rest.charCodeAt(0));
      if (child === undefined) {
        const leaf = new PathNode(rest);
        leaf.least = index;
        node.children.set(rest.charCodeAt(0), leaf);
        return leaf;
      }
      const shared = sharedLength(rest, child.label);
      if (shared < child.label.length) splitNode(child, shared);
      child.least = Math.min(child.least, index);
      node = child;
      at += shared;
    }
    return node;
  }

  /**
   * The least index below `bound` of a pattern that matches, else `bound`.
   *
   * @param path the path in normal form.
   */
  find<Facts>(path: string, bound: number, test: IndexTest<Facts>, facts: Facts): number {
    // hot path: bench/micro/route.ts
    let node = this.#root;
    let best = Math.min(bound, node.prefix);
    if (node.prefixIf !== null) best = leastMet(node.prefixIf, best, test, facts);
    const length = path.length;
    let at = 0;
    while (node.least < best) {
      if (at === length) {
        best = Math.min(best, node.exact, node.prefix);
        if (node.prefixIf !== null) best = leastMet(node.prefixIf, best, test, facts);
        return node.exactIf === null ? best : leastMet(node.exactIf, best, test, facts);
      }
      let code = path.charCodeAt(at);
      if (code === SLASH) {
        if (node.prefix < best) best = node.prefix;
        if (node.prefixIf !== null) best = leastMet(node.prefixIf, best, test, facts);
      }
      if (code === PERCENT) code = foldedCode(path, at);
      const child = node.children.get(code);
      if (child === undefined) return best;
      at = walkLabel(path, at, child.label);
      if (at < 0) return best;
      node = child;
    }
    return best;
  }
}

function withIndex(indexes: readonly number[] | null, index: number): number[] {
  return [...new Set([...(indexes ?? []), index])].sort((a, b) => a - b);
}

/** The least of the indexes below `bound` whose condition is met, else `bound`. */
function leastMet<Facts>(
  indexes: readonly number[],
  bound: number,
  test: IndexTest<Facts>,
  facts: Facts,
): number {
  for (const index of indexes) {
    if (index >= bound) return bound;
    if (test.isMet(index, facts)) return index;
  }
  return bound;
}

/** Where the path goes on after the label, or -1 when it differs. */
function walkLabel(path: string, from: number, label: string): number {
  let at = from;
  for (let i = 0; i < label.length; i++) {
    // Beyond the end charCodeAt gives NaN, which equals nothing.
    let code = path.charCodeAt(at);
    let step = 1;
    if (code === PERCENT) {
      const folded = foldedCode(path, at);
      if (folded !== PERCENT) step = 3;
      code = folded;
    }
    if (code !== label.charCodeAt(i)) return -1;
    at += step;
  }
  return at;
}

/** The character that an escape at `at` stands for where matching does not tell them apart, else `%`. */
function foldedCode(path: string, at: number): number {
  const byte = escapedByteAt(path, at);
  return byte >= 0 && isFoldable(byte) ? byte : PERCENT;
}

function sharedLength(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  let i = 0;
  while (i < limit && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  return i;
}

/** Cuts a node in two: it keeps the first `length` characters, a new child takes what it had. */
function splitNode(node: PathNode, length: number): void {
  const tail = new PathNode(node.label.slice(length));
  tail.exact = node.exact;
  tail.prefix = node.prefix;
  tail.exactIf = node.exactIf;
  tail.prefixIf = node.prefixIf;
  tail.least = node.least;
  tail.children = node.children;
  node.label = node.label.slice(0, length);
  node.exact = NO_ROUTE;
  node.prefix = NO_ROUTE;
  node.exactIf = node.prefixIf = null;
  node.children = new Map([[tail.label.charCodeAt(0), tail]]);
}
