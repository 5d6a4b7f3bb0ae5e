/**
 * `node bench/faults.ts`: clients in front of servers that are in turn killed, frozen, made slow and made to talk nonsense
 * (bench/README.md). Exit code 1 when a request failed that a healthy server could have answered, a fault left no trace in the log,
 * or one slow server is felt.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/kernel/clock.ts';
import { numberOf, parseOptions } from './arguments.ts';
import { runBench, stopSignal } from './entry.ts';
import { faultCurves, faultTable, judgeSlow, type LogLine, tracesOf, verdictOf } from './faults/report.ts';
import { type FaultsOptions, type FaultsResult, runFaults } from './faults/run.ts';
import { withInterval } from './report/table.ts';
import { footerOf, writeJson } from './report/write.ts';
import { quantile } from './stats.ts';
import { describeMachine } from './system/machine.ts';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));

const HELP = `node bench/faults.ts [options]

  --seconds N       of the part with faults (default 300)
  --clients N       at the same time, on connections of their own (default 500)
  --pause N         ms, mean, between an answer and the next request (default 250)
  --pairs N         rounds with and without a slow server, after it (default 9; 0 = none)
  --side N          seconds of each side of such a round (default 8)
  --seed N          (default 1)
  --json FILE       where the figures go (default bench/results/faults.json); curves are written beside it
  --help            this
`;

interface Settings extends FaultsOptions {
  readonly jsonPath: string;
}

function readSettings(args: readonly string[]): Settings | undefined {
  const text = { type: 'string' } as const;
  const values = parseOptions(args, {
    ...{ seconds: text, clients: text, pause: text, pairs: text, side: text, seed: text, json: text },
    help: { type: 'boolean' },
  });
  if (values.help === true) return undefined;
  return {
    seconds: numberOf('seconds', values.seconds ?? '300', 0, 3600),
    clients: numberOf('clients', values.clients ?? '500', 1, 2000),
    meanPauseMs: numberOf('pause', values.pause ?? '250', 1, 60_000),
    pairs: numberOf('pairs', values.pairs ?? '9', 0, 100),
    sideSeconds: numberOf('side', values.side ?? '8', 1, 120),
    seed: numberOf('seed', values.seed ?? '1', 0, 2 ** 31),
    jsonPath: values.json ?? `${RESULTS}faults.json`,
  };
}

/** Durations as the few numbers that a second is about: the whole of them would be a file of some hundred MB. */
function secondsOf({ crowd }: FaultsResult) {
  return crowd.seconds.map(({ atS, durationsMs, failed }) => ({
    ...{ atS, failed, requests: durationsMs.length },
    p50Ms: durationsMs.length === 0 ? null : quantile(durationsMs, 0.5),
    p99Ms: durationsMs.length === 0 ? null : quantile(durationsMs, 0.99),
  }));
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const settings = readSettings(args);
  if (settings === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const say = (line: string): void => void process.stderr.write(`faults: ${line}\n`);
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-faults-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const when = new Date(systemClock.wallMs()).toISOString();
  const result = await runFaults(settings, folder, systemClock, say, stopSignal());
  const { crowd, turns, log, problems, pairs, retries } = result;
  const slow = judgeSlow(pairs);
  const verdict = verdictOf({ ...{ turns, log, problems, slow }, failures: crowd.failures });
  const machine = await describeMachine();
  const command = ['node bench/faults.ts', ...args].join(' ');
  const traces = turns.map((turn): { out: LogLine[]; back: LogLine[] } => tracesOf(turn, log));
  // Not where it went: that is a path of the machine it ran on.
  const { jsonPath, ...asked } = settings;
  writeJson(jsonPath, {
    ...{ when, command, machine, settings: asked, verdict, requests: crowd.requests, retries, slow },
    turns: turns.map((turn, i) => ({ ...turn, ...traces[i] })),
    failures: crowd.failures.slice(0, 200),
    failedPosts: crowd.failedPosts.slice(0, 200),
    seconds: secondsOf(result),
  });
  const all = Object.values(crowd.requests).reduce((sum, count) => sum + count, 0);
  const line = `${settings.clients} clients, ${all} requests, ${turns.length} faults, ${retries} retries; failed: ${crowd.failures.length} that may be repeated, ${crowd.failedPosts.length} of ${crowd.requests['POST']} POSTs`;
  const svgPath = jsonPath.replace(/(?:\.json)?$/, '.svg');
  writeFileSync(svgPath, faultCurves(crowd.seconds, turns, line, footerOf(machine, command, when)));
  process.stdout.write(`${faultTable(turns, log, crowd.seconds)}\n\n${line}\n`);
  if (slow !== null) {
    const { soundMs, slowMs, ratio } = slow;
    process.stdout.write(
      `p99 with all servers sound ${withInterval(soundMs)} ms, with one ten times slower ${withInterval(slowMs)} ms: ${withInterval(ratio)} times (${slow.verdict})\n`,
    );
  }
  const files = [jsonPath, svgPath].map((path) => relative(process.cwd(), path));
  process.stdout.write(
    `\n${verdict.length === 0 ? 'passed' : verdict.join('\n')}\nwritten: ${files.join(', ')}\n`,
  );
  if (verdict.length > 0) process.exitCode = 1;
}

await runBench('faults', main);
