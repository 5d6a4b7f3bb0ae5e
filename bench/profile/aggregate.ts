/**
 * What a V8 CPU profile (.cpuprofile, the format of the DevTools) says about where time goes: pure.
 *
 * A profile is a tree of calls and a list of samples, each of which names the node that ran and the time since the
 * sample before; so a sample stands for the time up to the next one.
 */

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before, the first since `startTime`. */
  readonly timeDeltas: readonly number[];
  /** Microseconds of the system's monotonic clock. */
  readonly startTime: number;
  readonly endTime: number;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

export interface FunctionTime {
  readonly name: string;
  /** "src/http/parse.ts:12", "node:net:880", "" for what is not JavaScript. */
  readonly where: string;
  /** Time in the function itself. */
  readonly selfUs: number;
  /** Time in the function and all that it called, counted once where it calls itself. */
  readonly totalUs: number;
}

export interface Aggregate {
  /** All the time in the window. */
  readonly sampledUs: number;
  /** The same without waiting for something to do. */
  readonly busyUs: number;
  /** By self time, the most first; without "(idle)" and "(root)". */
  readonly functions: readonly FunctionTime[];
  /** Self time by folder of src/, Node's own module, or kind. */
  readonly groups: readonly { readonly name: string; readonly selfUs: number }[];
}

const NOT_BUSY: ReadonlySet<string> = new Set(['(idle)', '(root)']);

/** A path within the project, whatever folder that lies in; others as they are. */
function placeOf(url: string): string {
  const path = url.replace(/^file:\/\//, '');
  const modules = path.lastIndexOf('/node_modules/');
  if (modules >= 0) return path.slice(modules + 1);
  return /\/((?:src|bench|test|dist)\/.*)$/.exec(path)?.[1] ?? path;
}

/** "src/http", "node:net", "node_modules/undici", "native: writev", "(garbage collector)". */
export function groupOf(name: string, url: string): string {
  if (url === '') return name.startsWith('(') && name !== '(anonymous)' ? name : `native: ${name}`;
  if (url.startsWith('node:')) return url;
  const parts = placeOf(url).split('/');
  if (parts[0] === 'node_modules') return parts.slice(0, parts[1]?.startsWith('@') ? 3 : 2).join('/');
  return parts.length > 2 ? parts.slice(0, 2).join('/') : parts.join('/');
}

function selfTimes(profile: CpuProfile, fromUs: number, toUs: number): Map<number, number> {
  const self = new Map<number, number>();
  let atUs = profile.startTime;
  for (const [index, node] of profile.samples.entries()) {
    atUs += profile.timeDeltas[index] ?? 0;
    const untilUs = atUs + (profile.timeDeltas[index + 1] ?? 0);
    const spentUs = Math.min(untilUs, toUs) - Math.max(atUs, fromUs);
    if (spentUs > 0) self.set(node, (self.get(node) ?? 0) + spentUs);
  }
  return self;
}

interface Tally {
  readonly name: string;
  readonly where: string;
  readonly group: string;
  selfUs: number;
  totalUs: number;
}

function tallyOf(tallies: Map<string, Tally>, { callFrame }: ProfileNode): Tally {
  const { url, lineNumber } = callFrame;
  const name = callFrame.functionName === '' ? '(anonymous)' : callFrame.functionName;
  const where = url === '' ? '' : `${placeOf(url)}:${lineNumber + 1}`;
  const key = `${name} ${where}`;
  const known = tallies.get(key);
  if (known !== undefined) return known;
  const fresh = { name, where, group: groupOf(name, url), selfUs: 0, totalUs: 0 };
  tallies.set(key, fresh);
  return fresh;
}

/**
 * Sums a profile by function.
 * @param window the part of it that counts, in microseconds of the monotonic clock; all of it by default
 */
export function aggregate(
  profile: CpuProfile,
  window: { readonly fromUs: number; readonly toUs: number } = { fromUs: 0, toUs: Number.POSITIVE_INFINITY },
): Aggregate {
  const self = selfTimes(profile, window.fromUs, window.toUs);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const tallies = new Map<string, Tally>();
  const above = new Set<Tally>();
  const walk = (id: number): number => {
    const node = nodes.get(id);
    if (node === undefined) return 0;
    const tally = tallyOf(tallies, node);
    const isOutermost = !above.has(tally);
    above.add(tally);
    const ownUs = self.get(id) ?? 0;
    let totalUs = ownUs;
    for (const child of node.children ?? []) totalUs += walk(child);
    tally.selfUs += ownUs;
    if (isOutermost) {
      tally.totalUs += totalUs;
      above.delete(tally);
    }
    return totalUs;
  };
  const root = profile.nodes[0];
  const sampledUs = root === undefined ? 0 : walk(root.id);
  const busy = [...tallies.values()].filter(({ name }) => !NOT_BUSY.has(name));
  const groups = new Map<string, number>();
  for (const { group, selfUs } of busy) groups.set(group, (groups.get(group) ?? 0) + selfUs);
  return {
    sampledUs,
    busyUs: busy.reduce((sum, { selfUs }) => sum + selfUs, 0),
    functions: busy
      .map(({ name, where, selfUs, totalUs }) => ({ name, where, selfUs, totalUs }))
      .sort((a, b) => b.selfUs - a.selfUs),
    groups: [...groups].map(([name, selfUs]) => ({ name, selfUs })).sort((a, b) => b.selfUs - a.selfUs),
  };
}
