/** What is tried, and what tries it. */
import type { Random } from '../../src/kernel/random.ts';

/** One input, as plain data: a finding is this, written down. */
export interface FuzzInput {
  /** Bytes as latin1 text: what a client sends, what a server answers, or the text of a configuration. */
  readonly text: string;
  /** Where `text` is cut into the pieces that are handed over one by one. */
  readonly cuts: readonly number[];
  /** The method of the request that `text` answers. */
  readonly method?: string;
  /** The one who sends `text` ends its direction behind it. */
  readonly hasFin?: boolean;
}

export const PART_NAMES = [
  'requests',
  'answers',
  'differential',
  'connection',
  'wire',
  'h2',
  'config',
] as const;
export type PartName = (typeof PART_NAMES)[number];

export interface Part extends AsyncDisposable {
  readonly name: PartName;
  /** How many inputs may be on their way at a time. */
  readonly width: number;
  make(random: Random): FuzzInput;
  /**
   * '' when everything held. Else what did not: `kind: detail`, where the kind stays the same while an input that shows
   * the same fault gets smaller.
   */
  check(input: FuzzInput): string | Promise<string>;
  /** What must hold between inputs; asked while none is on its way. '' when it does. */
  settled?(): Promise<string>;
}

/** The kind of a complaint: what stands before its first colon. */
export function kindOf(complaint: string): string {
  const colon = complaint.indexOf(':');
  return colon < 0 ? complaint : complaint.slice(0, colon);
}

/** The text in its pieces. */
export function piecesOf({ text, cuts }: FuzzInput): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const places = [...cuts].filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

/** Work that throws is a finding like any other. */
export function complaintOf(work: () => string): string {
  try {
    return work();
  } catch (thrown) {
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return `threw: ${stack.split('\n').slice(0, 3).join(' | ')}`;
  }
}
