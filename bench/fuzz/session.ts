/** The loop: parts take turns, each input has a seed of its own, what fails is made small. */
import type { Clock } from '../../src/kernel/clock.ts';
import { errorText } from '../../src/kernel/errors.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { readCorpus } from './corpus.ts';
import type { Finding } from './findings.ts';
import { type FuzzInput, kindOf, type Part, type PartName } from './input.ts';
import { minimise } from './minimise.ts';
import { answersPart } from './parts/answers.ts';
import { configPart } from './parts/config.ts';
import { connectionPart } from './parts/connection.ts';
import { differentialPart } from './parts/differential.ts';
import { h2Part } from './parts/h2.ts';
import { requestsPart } from './parts/requests.ts';
import { wirePart } from './parts/wire.ts';

/** How long a part runs before the next has its turn. */
const TURN_MS = 2000;
/** More of one kind are counted, but not kept. */
const KEPT_OF_A_KIND = 3;

export async function openPart(name: PartName): Promise<Part> {
  const corpus = readCorpus();
  switch (name) {
    case 'requests':
      return requestsPart(corpus.requests);
    case 'answers':
      return answersPart(corpus.answers);
    case 'differential':
      return differentialPart(corpus.requests);
    case 'connection':
      return await connectionPart(corpus.answers);
    case 'wire':
      return await wirePart(corpus);
    case 'h2':
      return await h2Part();
    case 'config':
      return configPart();
    default:
      return name satisfies never;
  }
}

export interface SessionOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly parts: readonly PartName[];
  /** At most this many inputs of each part; unlimited when left out. */
  readonly mostInputs?: number;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface PartResult {
  readonly part: PartName;
  readonly inputs: number;
  readonly findings: number;
}

interface Turn {
  readonly part: Part;
  inputs: number;
  /** Complaint kinds and how often. */
  readonly kinds: Map<string, number>;
}

/** Of input number `index`: the same in every run with this seed, however the turns fall. */
export function seedOf(seed: number, name: PartName, index: number): number {
  let hash = seed ^ 0x811c9dc5;
  for (const char of `${name}/${index}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

/** What a part says of an input; what it throws is said too. */
async function check(part: Part, input: FuzzInput): Promise<string> {
  try {
    return await part.check(input);
  } catch (thrown) {
    return `threw: ${errorText(thrown)}`;
  }
}

export async function runSession(
  options: SessionOptions,
): Promise<{ results: PartResult[]; findings: Finding[] }> {
  const { clock, say, durationMs, signal } = options;
  await using stack = new AsyncDisposableStack();
  const turns: Turn[] = [];
  for (const name of options.parts)
    turns.push({ part: stack.use(await openPart(name)), inputs: 0, kinds: new Map() });
  const findings: Finding[] = [];
  const startMs = clock.nowMs();
  const mostInputs = options.mostInputs ?? Number.POSITIVE_INFINITY;
  const isOver = (): boolean => signal?.aborted === true || clock.nowMs() - startMs >= durationMs;
  while (!isOver() && turns.some((it) => it.inputs < mostInputs)) {
    for (const turn of turns) {
      if (isOver()) break;
      const endMs = Math.min(clock.nowMs() + TURN_MS, startMs + durationMs);
      await takeTurn(
        turn,
        options.seed,
        findings,
        say,
        () => clock.nowMs() < endMs && turn.inputs < mostInputs,
      );
      if (turn.kinds.has('ended')) signal?.throwIfAborted();
    }
    const minutes = ((clock.nowMs() - startMs) / 60_000).toFixed(1);
    const counts = turns.map(({ part, inputs }) => `${part.name} ${inputs}`).join(', ');
    const found = turns.reduce((sum, it) => sum + sumOf(it.kinds), 0);
    say(`${minutes} of ${(durationMs / 60_000).toFixed(1)} min: ${counts}; ${found} findings`);
  }
  const results = turns.map(({ part, inputs, kinds }) => ({
    part: part.name,
    inputs,
    findings: sumOf(kinds),
  }));
  return { results, findings };
}

const sumOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, it) => sum + it, 0);

async function takeTurn(
  turn: Turn,
  seed: number,
  findings: Finding[],
  say: (line: string) => void,
  goesOn: () => boolean,
): Promise<void> {
  const { part, kinds } = turn;
  const failed: { input: FuzzInput; complaint: string }[] = [];
  const worker = async (): Promise<void> => {
    while (goesOn()) {
      const input = part.make(new SeededRandom(seedOf(seed, part.name, turn.inputs++)));
      const complaint = await check(part, input);
      if (complaint !== '') failed.push({ input, complaint });
    }
  };
  await Promise.all(Array.from({ length: part.width }, worker));
  const unsettled = (await part.settled?.()) ?? '';
  // What is wrong afterwards has no input of its own; the number tells where to look.
  if (unsettled !== '')
    failed.push({ input: { text: '', cuts: [] }, complaint: `${unsettled} (before input ${turn.inputs})` });
  for (const { input, complaint } of failed) {
    const kind = kindOf(complaint);
    const count = (kinds.get(kind) ?? 0) + 1;
    kinds.set(kind, count);
    if (count > KEPT_OF_A_KIND) continue;
    say(`FOUND ${part.name}: ${complaint.slice(0, 300)}`);
    const smallest =
      input.text === ''
        ? input
        : await minimise(input, async (one) => kindOf(await check(part, one)) === kind);
    const said = input.text === '' ? complaint : await check(part, smallest);
    say(`  smallest: ${JSON.stringify(smallest).slice(0, 1000)}`);
    findings.push({
      part: part.name,
      complaint: (said === '' ? complaint : said).slice(0, 1000),
      input: smallest,
    });
  }
}
