/**
 * `node bench/conformance.ts`: the wire cases against Sluice, nginx, HAProxy and Caddy, through one harness
 * (test/support/wire-runner.ts). Prints passed cases a group, writes which failed and why to bench/results/.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { SluiceError } from '../src/kernel/errors.ts';
import type { WireCase } from '../test/support/wire-case.ts';
import { runCases, WireRunner, type WireVerdict } from '../test/support/wire-runner.ts';
import { WireServer } from '../test/support/wire-server.ts';
import { WIRE_PROXIES, type WireProxy } from './conformance/proxies.ts';
import { runBench } from './entry.ts';
import { textTable } from './report/table.ts';
import { writeJson } from './report/write.ts';
import { describeMachine } from './system/machine.ts';
import { freePorts } from './system/ports.ts';
import { waitForAnswer } from './system/probe.ts';
import { runToEnd, startProcess } from './system/process.ts';

const CASES_PATH = fileURLToPath(new URL('../test/conformance/wire-cases.json', import.meta.url));
const JSON_PATH = fileURLToPath(new URL('results/conformance.json', import.meta.url));
/** Cases have times of their own, which too many at once on a small machine would miss. */
const LANES = 8;
const OURS = 'sluice';
const NAMES = [OURS, ...WIRE_PROXIES.map(({ name }) => name)];

const HELP = `node bench/conformance.ts [options]

Raw bytes to each proxy, what its server may see, what the client must get. The cases take the strict side of every MAY,
so a failed case is at times another choice and not a fault; the JSON file has each with its reason.

  --only LIST   of ${NAMES.join(', ')} (default: all that are installed)
  --group G     only cases of this group
  --json FILE   default bench/results/conformance.json
  --help        this
`;

interface Outcome {
  readonly name: string;
  readonly version: string;
  readonly passed: number;
  readonly failed: readonly { readonly id: string; readonly complaints: readonly string[] }[];
  readonly groups: Readonly<Record<string, readonly [passed: number, all: number]>>;
}

function say(text: string): void {
  process.stderr.write(`conformance: ${text}\n`);
}

function outcomeOf(name: string, version: string, verdicts: readonly WireVerdict[]): Outcome {
  const groups: Record<string, [number, number]> = {};
  for (const { wire, complaints } of verdicts) {
    const [passed, count] = groups[wire.group] ?? [0, 0];
    groups[wire.group] = [passed + (complaints.length === 0 ? 1 : 0), count + 1];
  }
  const failed = verdicts.filter((it) => it.complaints.length > 0);
  return {
    name,
    version,
    passed: verdicts.length - failed.length,
    failed: failed.map(({ wire, complaints }) => ({ id: wire.id, complaints })),
    groups,
  };
}

/** Plays all, then those that failed once more, one after the other: a busy machine is no fault of the proxy. */
async function playAll(
  cases: readonly WireCase[],
  play: (cases: readonly WireCase[], lanes: number) => ReadonlyMap<string, Promise<WireVerdict>>,
): Promise<WireVerdict[]> {
  const first = await Promise.all(play(cases, LANES).values());
  const failed = first.filter((it) => it.complaints.length > 0).map(({ wire }) => wire);
  const again = new Map((await Promise.all(play(failed, 1).values())).map((it) => [it.wire.id, it]));
  return first.map((verdict) => again.get(verdict.wire.id) ?? verdict);
}

async function playSluice(cases: readonly WireCase[]): Promise<Outcome> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  await using runner = await WireRunner.open(LANES);
  return outcomeOf(OURS, version, await playAll(cases, (some, lanes) => runner.run(some, lanes)));
}

async function playProxy(proxy: WireProxy, cases: readonly WireCase[]): Promise<Outcome> {
  const { stdout, stderr } = await runToEnd(proxy.command, proxy.versionArgs);
  const version = proxy.versionPattern.exec(stdout + stderr)?.[1] ?? 'unknown';
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-conformance-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const servers: WireServer[] = [];
  for (let i = 0; i < LANES; i++) servers.push(stack.use(await WireServer.open()));
  const ports = await freePorts(LANES);
  const lanes = servers.map((server, i) => ({ server, port: ports[i] ?? 0 }));
  const home = join(folder, 'home');
  mkdirSync(home);
  const args = proxy.prepare(
    home,
    lanes.map(({ server, port }) => ({ port, serverPort: server.port })),
  );
  const cores = `0-${availableParallelism() - 1}`;
  const logPath = join(folder, 'output.log');
  const process = stack.use(
    await startProcess(
      {
        name: proxy.name,
        // Some write where the user's own settings are.
        command: 'env',
        args: [`HOME=${home}`, `XDG_CONFIG_HOME=${home}`, `XDG_DATA_HOME=${home}`, proxy.command, ...args],
        cores,
        cwd: home,
        outPath: logPath,
        errPath: logPath,
      },
      systemClock,
    ),
  );
  const [lane] = lanes;
  const baseline = cases.find(({ id }) => id === 'baseline/get') ?? cases[0];
  if (lane === undefined || baseline === undefined) throw new RangeError('nothing to play');
  // The server of a lane answers only while a case is played on it.
  lane.server.play(baseline, () => {});
  await waitForAnswer(process, `http://127.0.0.1:${lane.port}/`, systemClock);
  await lane.server.hangUp();
  return outcomeOf(
    proxy.name,
    version,
    await playAll(cases, (some, count) => runCases(some, lanes.slice(0, count))),
  );
}

function tableOf(outcomes: readonly Outcome[]): string {
  const groups = [...new Set(outcomes.flatMap((it) => Object.keys(it.groups)))].sort();
  const rows = groups.map((group) => [
    group,
    ...outcomes.map((it) => (it.groups[group] ?? [0, 0]).join(' / ')),
  ]);
  const sum = ['all', ...outcomes.map((it) => `${it.passed} / ${it.passed + it.failed.length}`)];
  return textTable(['group', ...outcomes.map((it) => `${it.name} ${it.version}`)], [...rows, sum]);
}

function readCommandLine():
  | { only: readonly string[]; group: string | undefined; jsonPath: string }
  | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { only: text, group: text, json: text, help: { type: 'boolean' } },
  });
  if (values.help === true) return undefined;
  const only = (values.only ?? NAMES.join(',')).split(',').map((name) => name.trim());
  const unknown = only.find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new SluiceError('bench_option', `--only: there is no "${unknown}"`, {
      hint: `one of ${NAMES.join(', ')}`,
    });
  return { only, group: values.group, jsonPath: values.json ?? JSON_PATH };
}

async function main(): Promise<void> {
  const options = readCommandLine();
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const { only, group, jsonPath } = options;
  const all = JSON.parse(readFileSync(CASES_PATH, 'utf8')) as WireCase[];
  const cases = all.filter((it) => group === undefined || it.group === group);
  if (cases.length === 0) throw new SluiceError('bench_option', `--group: there is no "${group}"`);
  const outcomes: Outcome[] = [];
  const absent: string[] = [];
  for (const name of only) {
    const proxy = WIRE_PROXIES.find((one) => one.name === name);
    say(`${cases.length} cases against ${name}`);
    try {
      outcomes.push(proxy === undefined ? await playSluice(cases) : await playProxy(proxy, cases));
    } catch (thrown) {
      if (!(thrown instanceof SluiceError) || thrown.code !== 'bench_program_missing') throw thrown;
      absent.push(`${name}: not installed (on Debian: apt-get install ${proxy?.debianPackage})`);
    }
  }
  process.stdout.write(`${tableOf(outcomes)}\n`);
  for (const line of absent) process.stdout.write(`\nWITHOUT ${line}\n`);
  const when = new Date(systemClock.wallMs()).toISOString();
  const command = ['node bench/conformance.ts', ...process.argv.slice(2)].join(' ');
  writeJson(jsonPath, {
    when,
    command,
    machine: await describeMachine(),
    cases: cases.length,
    absent,
    outcomes,
  });
  process.stdout.write(`\nwritten: ${relative(process.cwd(), jsonPath)}\n`);
  if (outcomes.some((it) => it.name === OURS && it.failed.length > 0)) process.exitCode = 1;
}

await runBench('conformance', main);
