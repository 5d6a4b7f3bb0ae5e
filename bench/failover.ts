/**
 * What a killed, drained, added and removed server and a reload cost clients: 200 of them on kept connections, plain and
 * TLS, in front of a daemon and bookstores that are processes of their own. The same run as test/fault/failover.test.ts,
 * longer and repeated; prints a table and writes JSON.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { SluiceError } from '../src/kernel/errors.ts';
import { type FailoverResult, runFailover } from '../test/support/load/failover.ts';
import { runBench } from './entry.ts';
import { textTable } from './report/table.ts';
import { describeMachine } from './system/machine.ts';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const MIB = 1024 * 1024;
/** Beyond these the machine is tested and not Sluice. */
const MOST = { clients: 2000, seconds: 120, runs: 50 };

const HELP = `node bench/failover.ts [options]

  --clients N   connections, half of them TLS (default 200, at most ${MOST.clients})
  --seconds N   of one run (default 20, at most ${MOST.seconds})
  --runs N      each with its own moments for the events (default 3, at most ${MOST.runs})
  --pause N     mean pause of a client between two requests, ms (default 100)
  --seed N      of the first run; the next have the next numbers (default 1)
  --json FILE   where the figures go (default bench/results/failover.json)
  --help        this
`;

interface Settings {
  readonly clients: number;
  readonly seconds: number;
  readonly runs: number;
  readonly pauseMs: number;
  readonly seed: number;
  readonly jsonPath: string;
}

function readSettings(): Settings | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ clients: text, seconds: text, runs: text, pause: text, seed: text, json: text },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return undefined;
  const number = (name: string, given: string | undefined, normally: number, most: number): number => {
    const value = given === undefined ? normally : Number(given);
    if (Number.isInteger(value) && value > 0 && value <= most) return value;
    throw new SluiceError('bench_option', `--${name}: "${given}" is not a whole number from 1 to ${most}`);
  };
  return {
    clients: number('clients', values.clients, 200, MOST.clients),
    seconds: number('seconds', values.seconds, 20, MOST.seconds),
    runs: number('runs', values.runs, 3, MOST.runs),
    pauseMs: number('pause', values.pause, 100, 60_000),
    seed: number('seed', values.seed, 1, 1_000_000),
    jsonPath: values.json ?? `${RESULTS}failover.json`,
  };
}

function tableOf(results: readonly FailoverResult[]): string {
  const head = ['seed', 'requests', 'failed', 'broken off', 'wrong', 'repeats 404/412', 'POSTs failed'];
  const more = ['retried', 'p50 ms', 'p99 ms', 'max ms', 'RSS MiB', 'in flight'];
  const rows = results.map(({ seed, load, retried, maxRssBytes, inFlightAtEnd }) => [
    String(seed),
    String(load.requests),
    String(load.failed.length),
    String(load.broken.length),
    String(load.wrong.length),
    String(load.repeated.length),
    `${load.failedPosts.length} of ${load.byOperation.create}`,
    String(retried),
    String(load.p50Ms),
    String(load.p99Ms),
    String(load.maxMs),
    (maxRssBytes / MIB).toFixed(0),
    String(inFlightAtEnd),
  ]);
  return textTable([...head, ...more], rows);
}

/** What went wrong and what was repeated, one line each. */
function detailsOf({ seed, events, load, unexplained }: FailoverResult): string {
  const lines = [`run ${seed}`, ...events.map(({ atMs, what }) => `  ${atMs} ms  ${what}`)];
  const list = (name: string, troubles: FailoverResult['load']['failed']): void => {
    for (const { atMs, durationMs, request, what } of troubles)
      lines.push(`  ${atMs} ms  ${name}: ${request} (${durationMs} ms): ${what}`);
  };
  list('FAILED', load.failed);
  list('BROKEN OFF', load.broken);
  list('WRONG', load.wrong);
  list('repeat', load.repeated);
  list('POST failed', load.failedPosts);
  for (const line of unexplained) lines.push(`  in the access log: ${JSON.stringify(line)}`);
  return lines.join('\n');
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const { clients, seconds, runs, pauseMs, seed, jsonPath } = settings;
  const results: FailoverResult[] = [];
  for (let run = 0; run < runs; run++) {
    process.stderr.write(`failover: run ${run + 1} of ${runs}, ${seconds} s\n`);
    results.push(
      await runFailover({ seed: seed + run, clients, durationMs: seconds * 1000, meanPauseMs: pauseMs }),
    );
  }
  process.stdout.write(`${results.map(detailsOf).join('\n')}\n\n${tableOf(results)}\n`);
  const command = ['node bench/failover.ts', ...process.argv.slice(2)].join(' ');
  const at = new Date(systemClock.wallMs()).toISOString();
  mkdirSync(dirname(jsonPath), { recursive: true });
  writeFileSync(
    jsonPath,
    `${JSON.stringify({ at, command, machine: await describeMachine(), results }, null, 2)}\n`,
  );
  process.stdout.write(`\nwritten: ${relative(process.cwd(), jsonPath)}\n`);
  if (results.some(({ load }) => load.failed.length > 0)) process.exitCode = 1;
}

await runBench('failover', main);
