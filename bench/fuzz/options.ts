/** The command line of `bench/fuzz.ts`: pure. */
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../src/kernel/errors.ts';
import { numberOf, parseOptions } from '../arguments.ts';
import { PART_NAMES, type PartName } from './input.ts';

export interface FuzzOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly parts: readonly PartName[];
  readonly findingsPath: string;
  readonly jsonPath: string;
}

/** Longer runs say nothing more with the same corpus. */
const MOST_MINUTES = 600;

export const FINDINGS_PATH = fileURLToPath(
  new URL('../../test/conformance/fuzz-findings.json', import.meta.url),
);
const JSON_PATH = fileURLToPath(new URL('../results/fuzz.json', import.meta.url));

export const HELP = `node bench/fuzz.ts [options]

Sound messages with seeded changes, without end: what must always hold is looked at after each (bench/README.md).
A finding is made as small as it gets and written where a test replays it. Only 127.0.0.1 is used.

  --minutes N     how long (default 10, at most ${MOST_MINUTES}; fractions work)
  --seed N        the same seed tries the same inputs in each part (default: a new one, printed)
  --part LIST     of ${PART_NAMES.join(', ')} (default: all)
                    requests      a client's bytes in memory: any cut gives the same, a strict reader agrees
                    answers       the same for a server's bytes
                    differential  here and in Node's own parser: no difference that is not known
                    connection    a server's bytes over a socket: one end of the attempt, the right one
                    wire          a daemon between changed clients and changed servers: nothing smuggled or mixed up
                    h2            frames, sound and unsound: nothing smuggled on the way to HTTP/1.1
                    config        changed configurations to \`sluice check\`: 0 or 2, never a stack
  --findings FILE where findings are added (default test/conformance/fuzz-findings.json)
  --json FILE     the figures of the run (default bench/results/fuzz.json)
  --help          this
`;

/**
 * @param args the arguments behind the program's name
 * @param freshSeed used when none is given
 * @returns undefined when the help is asked for
 */
export function readFuzzOptions(args: readonly string[], freshSeed: number): FuzzOptions | undefined {
  const text = { type: 'string' } as const;
  const options = {
    minutes: text,
    seed: text,
    part: text,
    findings: text,
    json: text,
    help: { type: 'boolean' },
  } as const;
  const values = parseOptions(args, options);
  if (values.help === true) return undefined;
  const parts = (values.part ?? PART_NAMES.join(',')).split(',').map((given): PartName => {
    const name = PART_NAMES.find((one) => one === given.trim());
    if (name !== undefined) return name;
    throw new SluiceError('bench_option', `--part: there is no "${given.trim()}"`, {
      hint: `one of ${PART_NAMES.join(', ')}`,
    });
  });
  return {
    minutes: numberOf('minutes', values.minutes ?? '10', 0, MOST_MINUTES),
    seed: Math.trunc(numberOf('seed', values.seed ?? String(freshSeed), 0, 2 ** 32 - 1)),
    parts,
    findingsPath: values.findings ?? FINDINGS_PATH,
    jsonPath: values.json ?? JSON_PATH,
  };
}
