/** Reading of values that may be anything. Part of loose.ts. */
import type { Path } from './diagnostic.ts';

/** A text and where it stands. */
export interface At {
  readonly text: string;
  readonly path: Path;
}

/** Where a secret is: in place, in a file, in a variable. */
export interface LooseSecret {
  readonly literal: At | undefined;
  readonly file: At | undefined;
  readonly env: At | undefined;
}

export type Mapping = Readonly<Record<string, unknown>>;

export function mapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function at(value: unknown, path: Path): At | undefined {
  return typeof value === 'string' ? { text: value, path } : undefined;
}

export function isListOrText(value: unknown): boolean {
  return Array.isArray(value) || typeof value === 'string';
}

/** A list of texts, or one alone. */
export function texts(value: unknown, path: Path): At[] {
  if (typeof value === 'string') return [{ text: value, path }];
  return list(value).flatMap((each, index) => at(each, [...path, index]) ?? []);
}
