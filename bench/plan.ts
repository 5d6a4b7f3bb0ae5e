/**
 * What is measured, in which order: pure.
 *
 * A cell is a case (what is asked for, and over what) times a mix (how much the requests differ). In a cell each
 * round measures every subject once; the order turns by one a round, so that no subject always follows the same one
 * or always comes first after a pause.
 */

/** Ways to be fast on paper only: with all requests alike a proxy's caches always hit. */
export const MIXES = ['alike', 'varied'] as const;
export type Mix = (typeof MIXES)[number];

export const BODIES = ['small', '16k', '1m'] as const;
export type BodyName = (typeof BODIES)[number];

export interface Case {
  readonly name: string;
  readonly scheme: 'http' | 'https';
  /** Which answer: also the first segment of the path. */
  readonly body: BodyName;
  readonly connections: number;
}

export const CASES: readonly Case[] = [
  { name: 'small', scheme: 'http', body: 'small', connections: 64 },
  { name: 'tls-small', scheme: 'https', body: 'small', connections: 64 },
  { name: '16k', scheme: 'http', body: '16k', connections: 64 },
  { name: 'tls-16k', scheme: 'https', body: '16k', connections: 64 },
  { name: '1m', scheme: 'http', body: '1m', connections: 16 },
  { name: 'tls-1m', scheme: 'https', body: '1m', connections: 16 },
];

/** A connection for each request: what it costs to take one, and to make a TLS one. */
export const CONNECTION_CASES: readonly (Case & { readonly handshake: 'none' | 'full' | 'resumed' })[] = [
  { name: 'churn', scheme: 'http', body: 'small', connections: 64, handshake: 'none' },
  { name: 'tls-full', scheme: 'https', body: 'small', connections: 8, handshake: 'full' },
  { name: 'tls-resumed', scheme: 'https', body: 'small', connections: 8, handshake: 'resumed' },
];

/** HTTP/2 over TLS, ten streams at a time on each connection. */
export const H2_CASES: readonly Case[] = [
  { name: 'h2-small', scheme: 'https', body: 'small', connections: 16 },
  { name: 'h2-16k', scheme: 'https', body: '16k', connections: 16 },
];

/** One cell of the table. */
export interface Cell {
  readonly case: Case;
  readonly mix: Mix;
}

/** The key by which a cell is found in results: "tls-small varied". */
export function cellName(cell: Cell): string {
  return `${cell.case.name} ${cell.mix}`;
}

/** All cells; for 1 MiB answers a request's fields do not matter, so those are asked for alike only. */
export function cellsOf(cases: readonly Case[], mixes: readonly Mix[]): Cell[] {
  return cases.flatMap((one) =>
    mixes
      .filter((mix) => mix === 'alike' || one.body !== '1m' || !mixes.includes('alike'))
      .map((mix) => ({ case: one, mix })),
  );
}

/** The subjects of one round, turned so that each comes first, second … equally often. */
export function orderOfRound<T>(subjects: readonly T[], round: number): T[] {
  if (subjects.length === 0) return [];
  const turn = round % subjects.length;
  return [...subjects.slice(turn), ...subjects.slice(0, turn)];
}
