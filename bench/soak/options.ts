/** The command line of `bench/soak.ts`: pure. */
import { fileURLToPath } from 'node:url';
import { numberOf, parseOptions } from '../arguments.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** How many clients of each kind, as a factor. */
  readonly load: number;
  readonly reloadSeconds: number;
  /** Kinds of clients; undefined means all. */
  readonly only?: readonly string[] | undefined;
  readonly jsonPath: string;
}

/** A soak is long by nature, but it must end. */
const MOST_MINUTES = 24 * 60;
const JSON_PATH = fileURLToPath(new URL('../results/soak.json', import.meta.url));

export const SOAK_HELP = `node bench/soak.ts [options]

Everything at once against one daemon, for a bounded time: kept and fresh connections, TLS, uploads, downloads, WebSocket,
clients that abort, drip or send nonsense, servers that are killed, that close and reset connections or are not there, and
a reload every few seconds. At the end everything must be back at the start, and every error must have its reason.

  --minutes N   of load (default 20, at most ${MOST_MINUTES}; fractions work); some seconds before and after come on top
  --seed N      of what clients do and of which server is killed (default 1)
  --load F      factor for the number of clients (default 1: some 60)
  --reload S    seconds between two reloads (default 10)
  --only LIST   kinds of clients, to find out which of them something comes from (default: all)
  --json FILE   figures; plots are written beside it (default bench/results/soak.json)
  --help        this
`;

/** @returns undefined when the help is asked for */
export function readSoakOptions(args: readonly string[]): SoakOptions | undefined {
  const text = { type: 'string' } as const;
  const options = {
    minutes: text,
    seed: text,
    load: text,
    reload: text,
    only: text,
    json: text,
    help: { type: 'boolean' },
  } as const;
  const values = parseOptions(args, options);
  if (values.help === true) return undefined;
  return {
    minutes: numberOf('minutes', values.minutes ?? '20', 0.05, MOST_MINUTES),
    seed: Math.trunc(numberOf('seed', values.seed ?? '1', 0, 2 ** 32 - 1)),
    load: numberOf('load', values.load ?? '1', 0.1, 20),
    reloadSeconds: numberOf('reload', values.reload ?? '10', 1, 3600),
    only: values.only?.split(',').map((name) => name.trim()),
    jsonPath: values.json ?? JSON_PATH,
  };
}
