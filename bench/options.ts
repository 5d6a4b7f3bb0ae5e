/** The command line of `npm run bench`: pure. */
import { parseArgs } from 'node:util';
import { SluiceError } from '../src/kernel/errors.ts';
import { CASES, type Case, MIXES, type Mix } from './plan.ts';

export const PARTS = ['cpu', 'users', 'latency', 'connections', 'h2', 'threads', 'startup'] as const;
export type Part = (typeof PARTS)[number];

export interface Options {
  readonly parts: readonly Part[];
  /** Names of subjects; undefined means those of every table. */
  readonly only: readonly string[] | undefined;
  readonly cases: readonly Case[];
  readonly mixes: readonly Mix[];
  /** Interleaved rounds, each of which gives one pair a ratio. */
  readonly pairs: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly quietLimit: number;
  readonly launcherNode: string;
  readonly limitMinutes: number;
  /** Where the figures go; the charts lie beside, with the same name. */
  readonly jsonPath: string | undefined;
  /** Everything, in at least nine pairs: what may stand in bench/results/. */
  readonly isFull: boolean;
  readonly wantsHelp: boolean;
}

export const HELP = `npm run bench -- [options]

What a request costs each proxy, side by side on this machine: nginx, HAProxy, Sluice and two libraries of Node.
Method and reading: bench/README.md

  --parts LIST      of ${PARTS.join(', ')} (default: all)
                      cpu      processor time a request of the proxy under test, wrk as load
                      users    requests/s and latency as autocannon shows them
                      latency  p99 at half of the peak of the slower of nginx and HAProxy
                      connections  a connection a request: plain, full and resumed TLS handshakes; daemons only
                      h2       HTTP/2 with h2load; those of nginx, haproxy and sluice that speak it
                      threads  Sluice with two data threads against one
                      startup  from the launcher's start to /readyz 200
  --only LIST       of nginx, haproxy, sluice, sluice-node, fast-proxy, http-proxy (default: all)
                      and, when named, nginx-buffered, fast-proxy-agent, relay
  --cases LIST      of ${CASES.map((one) => one.name).join(', ')} (default: all)
  --mixes LIST      of ${MIXES.join(', ')} (default: both): are the requests the same or does each differ
  --pairs N         interleaved rounds in each cell (default 9)
  --seconds N       of one measurement, whole seconds (default 2)
  --warmup N        seconds of load for each subject before a cell (default 2)
  --quiet P         per cent of the subject's core that others may use in a round before it is measured again
                      (default 15; each cell is repeated at most as often as it has rounds)
  --quick           3 rounds of 1 s, small answers only, only the part cpu: to see that it works, not for figures
  --json FILE       where the figures go; charts are written beside it (default bench/results/bench.json for a
                      run of everything in 9 pairs or more, bench/results/trial.json otherwise)
  --launcher-node P the Node that runs the launcher in the part startup (default: the one that runs this)
  --limit N         minutes after which the run ends itself (default 60)
  --help            this
`;

/** Names separated by commas, each of them one of `known`. */
function listOf<T extends string>(option: string, given: string, known: readonly T[]): T[] {
  return given.split(',').map((raw) => {
    const name = known.find((one) => one === raw.trim());
    if (name !== undefined) return name;
    throw new SluiceError('bench_option', `--${option}: there is no "${raw.trim()}"`, {
      hint: `one of ${known.join(', ')}`,
    });
  });
}

function count(option: string, given: string): number {
  if (/^[1-9]\d{0,5}$/.test(given)) return Number(given);
  throw new SluiceError('bench_option', `--${option}: "${given}" is not a whole number from 1 on`);
}

function parse(args: readonly string[]): Partial<Record<string, string | boolean>> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    ...{
      parts: text,
      only: text,
      cases: text,
      mixes: text,
      pairs: text,
      seconds: text,
      warmup: text,
      quiet: text,
    },
    ...{ json: text, limit: text, 'launcher-node': text, quick: flag, help: flag },
  };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('bench_option', message, { hint: '--help shows all options', cause: thrown });
  }
}

/**
 * @param args the arguments behind the program's name
 * @param subjects the names that --only may hold
 */
export function readOptions(args: readonly string[], subjects: readonly string[]): Options {
  const given = parse(args);
  const isQuick = given['quick'] === true;
  const textOf = (name: string, normally: string, quickly = normally): string => {
    const value = given[name];
    return typeof value === 'string' ? value : isQuick ? quickly : normally;
  };
  const caseNames = CASES.map((one) => one.name);
  const chosen = listOf('cases', textOf('cases', caseNames.join(','), 'small,tls-small'), caseNames);
  const only = given['only'];
  const parts = listOf('parts', textOf('parts', PARTS.join(','), 'cpu'), PARTS);
  const mixes = listOf('mixes', textOf('mixes', MIXES.join(',')), MIXES);
  const pairs = count('pairs', textOf('pairs', '9', '3'));
  const isAll = PARTS.every((part) => parts.includes(part)) && MIXES.every((mix) => mixes.includes(mix));
  return {
    parts,
    only: typeof only === 'string' ? listOf('only', only, subjects) : undefined,
    cases: CASES.filter((one) => chosen.includes(one.name)),
    mixes: MIXES.filter((mix) => mixes.includes(mix)),
    pairs,
    seconds: count('seconds', textOf('seconds', '2', '1')),
    warmupSeconds: count('warmup', textOf('warmup', '2', '1')),
    quietLimit: count('quiet', textOf('quiet', '15')) / 100,
    launcherNode: textOf('launcher-node', process.execPath),
    limitMinutes: count('limit', textOf('limit', '60')),
    jsonPath: typeof given['json'] === 'string' ? given['json'] : undefined,
    isFull: isAll && pairs >= 9 && chosen.length === CASES.length && typeof only !== 'string',
    wantsHelp: given['help'] === true,
  };
}
