/** What was found, as a file that a test replays (test/conformance/fuzz-findings.test.ts). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { FuzzInput, PartName } from './input.ts';

export interface Finding {
  readonly part: PartName;
  /** What did not hold when it was found. */
  readonly complaint: string;
  readonly input: FuzzInput;
}

export function readFindings(path: string): Finding[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Finding[]) : [];
}

/** Adds findings to the file; one whose input stands there already is left out. @returns how many were new */
export function addFindings(path: string, found: readonly Finding[]): number {
  const all = readFindings(path);
  const keyOf = ({ part, input }: Finding): string => JSON.stringify([part, input]);
  const known = new Set(all.map(keyOf));
  const fresh = found.filter((it) => !known.has(keyOf(it)));
  if (fresh.length > 0) writeFileSync(path, `${JSON.stringify([...all, ...fresh], null, 2)}\n`);
  return fresh.length;
}
