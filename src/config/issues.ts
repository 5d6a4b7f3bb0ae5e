/**
 * From what zod reports to what a person can use. zod answers for a union with the complaints of all its branches;
 * here the one branch is picked that was meant, by the kind of the value and by `type`.
 */
import type * as z from 'zod';
import type { Path, Problem } from './diagnostic.ts';
import { didYouMean } from './schema/basics.ts';
import { MASK } from './secret.ts';
import { secrecyAt } from './secret-names.ts';
import { quote } from './units.ts';

type Issue = z.core.$ZodIssue;

const KIND_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (key: value)',
  record: 'a mapping (key: value)',
  array: 'a list',
};

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return `the text ${quote(value)}`;
  return quote(value);
}

/** The message of an issue whose schema has none of its own. */
export const describeIssue: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type': {
      const last = issue.path?.at(-1);
      if (issue.input === undefined) return `${quote(String(last ?? 'a value'))} is missing.`;
      const wanted = KIND_WORDS[issue.expected] ?? issue.expected;
      if (issue.input === null)
        return `Nothing stands here, ${wanted} is needed. Fill it in or remove the key.`;
      return `${wanted} is needed here, not ${kindOf(issue.input)}.`;
    }
    case 'invalid_value':
      return issue.input === undefined
        ? `${quote(String(issue.path?.at(-1) ?? 'a value'))} is missing.`
        : `${kindOf(issue.input)} is not one of ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return issue.origin === 'array'
        ? 'The list is empty.'
        : `It is too small: the least is ${String(issue.minimum)}.`;
    case 'too_big':
      return `It is too large: the most is ${String(issue.maximum)}.`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'This is not a valid key.';
    default:
      return undefined;
  }
};

/** All issues of a parse as problems. `value` is what was parsed. */
export function problemsOf(error: z.core.$ZodError, value: unknown): Problem[] {
  return error.issues.flatMap((issue) => flatten(issue, [])).flatMap((issue) => toProblems(issue, value));
}

function flatten(issue: Issue, prefix: Path): Issue[] {
  const path = [...prefix, ...(issue.path as (string | number)[])];
  if (issue.code !== 'invalid_union' || issue.errors.length === 0 || issue.message !== 'Invalid input')
    return [{ ...issue, path }];
  const branches = issue.errors.map((errors) => errors.flatMap((each) => flatten(each, [])));
  const ranks = branches.map((branch) => Math.max(...branch.map(rank)));
  const best = Math.min(...ranks);
  if (best === WRONG_TYPE_WORD) return [wrongType(branches, path)];
  const chosen = branches[ranks.indexOf(best)] ?? [];
  return chosen.map((each) => ({
    ...each,
    message: each === chosen[0] ? withMapping(each, branches) : each.message,
    path: [...path, ...(each.path as (string | number)[])],
  }));
}

/** Where neither a short nor a long form stands both are named: the short one alone would say that there is no other. */
function withMapping(issue: Issue, branches: readonly Issue[][]): string {
  if (issue.code !== 'invalid_type' || issue.path.length > 0 || issue.expected === 'object')
    return issue.message;
  const isMapping = (it: Issue): boolean =>
    it.code === 'invalid_type' && it.expected === 'object' && it.path.length === 0;
  if (!branches.some((branch) => branch.some(isMapping))) return issue.message;
  return issue.message.replace(/ is needed/, ' or a mapping (key: value) is needed');
}

const WRONG_TYPE_WORD = 2;

/** How sure it is that the branch with this issue was not the one that was meant. */
function rank(issue: Issue): number {
  if (issue.path.length === 1 && issue.path[0] === 'type')
    return issue.code === 'invalid_value' ? WRONG_TYPE_WORD : 0;
  if (issue.path.length > 0) return 0;
  if (issue.code === 'invalid_type') return issue.expected === 'object' || issue.expected === 'array' ? 5 : 3;
  if (issue.code === 'invalid_value') return 4;
  return 0;
}

/** No branch knows this `type`: one issue that names the types of all. */
function wrongType(branches: readonly Issue[][], path: Path): Issue {
  const all = branches.flat().filter((issue) => issue.path[0] === 'type');
  const known = [
    ...new Set(all.flatMap((issue) => (issue.code === 'invalid_value' ? issue.values.map(String) : []))),
  ];
  return { code: 'custom', path: [...path, 'type'], message: known.join('\n'), params: { known } };
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[step] : undefined,
    value,
  );
}

/** As it is printed: a message may quote what it is about. @param value of the whole file */
export function withoutSecret(problem: Problem, value: unknown): Problem {
  const found = valueAt(value, problem.path);
  if (typeof found !== 'string' && typeof found !== 'number' && typeof found !== 'bigint') return problem;
  if (found === '' || secrecyAt(problem.path) !== 'all') return problem;
  return { ...problem, message: problem.message.replaceAll(quote(found), MASK) };
}

function toProblems(issue: Issue, value: unknown): Problem[] {
  const path = issue.path as (string | number)[];
  const severity = 'error';
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => {
      return {
        severity,
        path: [...path, key],
        at: 'key',
        shown: path,
        message: messages[index] ?? `unknown key ${quote(key)}.`,
      };
    });
  }
  const found = valueAt(value, path);
  if (issue.code === 'custom' && Array.isArray(issue.params?.['known'])) {
    const known = issue.params['known'] as string[];
    if (found === undefined) {
      const message = `"type" is missing. Write one of ${known.join(', ')}.`;
      return [{ severity, path, at: 'key', shown: path.slice(0, -1), message }];
    }
    const guess = typeof found === 'string' ? didYouMean(found, known) : undefined;
    const tail = guess === undefined ? '.' : ` – did you mean "${guess}"?`;
    return [
      { severity, path, at: 'value', message: `${quote(found)} is not one of ${known.join(', ')}${tail}` },
    ];
  }
  if (issue.code === 'invalid_key')
    return [{ severity, path, at: 'key', shown: path.slice(0, -1), message: issue.message }];
  const missing = issue.code !== 'custom' && found === undefined && path.length > 0;
  if (missing) return [{ severity, path, at: 'key', shown: path.slice(0, -1), message: issue.message }];
  return [{ severity, path, at: 'value', message: issue.message }];
}
