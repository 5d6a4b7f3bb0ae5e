import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type YAMLMap } from 'yaml';

/** What there is in a document that has to be looked at more closely. */
export interface Survey {
  hasAliases: boolean;
  /** A mapping has two equal keys. */
  hasDuplicates: boolean;
  /** A value has something like `${VAR}`. */
  hasVariables: boolean;
  isTooDeep: boolean;
}

/** Keys are compared with each other up to so many; more than that are put into a set. */
const FEW_KEYS = 8;

/**
 * One walk over all nodes instead of one with `visit` for each question, which hands out the ancestors of every node: of a
 * thousand routes and servers that took as long as checking them.
 * @param maxDepth of lists and mappings within each other; nothing below is looked at
 */
export function surveyOf(document: Document, maxDepth: number): Survey {
  const survey: Survey = { hasAliases: false, hasDuplicates: false, hasVariables: false, isTooDeep: false };
  walk(document.contents, 1, maxDepth, survey);
  return survey;
}

function walk(node: unknown, depth: number, maxDepth: number, survey: Survey): void {
  if (isScalar(node)) {
    survey.hasVariables ||= typeof node.value === 'string' && node.value.includes('${');
    return;
  }
  if (isAlias(node)) survey.hasAliases = true;
  if (!isMap(node) && !isSeq(node)) return;
  survey.isTooDeep ||= depth > maxDepth;
  if (survey.isTooDeep) return;
  if (isMap(node)) survey.hasDuplicates ||= hasEqualKeys(node);
  for (const item of node.items) {
    if (!isPair(item)) {
      walk(item, depth + 1, maxDepth, survey);
      continue;
    }
    if (!isScalar(item.key)) walk(item.key, depth + 1, maxDepth, survey);
    walk(item.value, depth + 1, maxDepth, survey);
  }
}

function hasEqualKeys({ items }: YAMLMap): boolean {
  const names: string[] = [];
  for (const { key } of items) if (isScalar(key)) names.push(String(key.value));
  if (names.length > FEW_KEYS) return new Set(names).size < names.length;
  return names.some((name, i) => names.indexOf(name) < i);
}
