/**
 * Processor time of a process with all its threads and children, from /proc.
 *
 * /proc/PID/stat counts in ticks of 10 ms, and what threads and waited-for children that are gone used stays in it;
 * /proc/PID/task/TID/schedstat counts in nanoseconds but forgets a thread when it ends. So the nanoseconds are
 * taken where every thread of the first reading is still there in the second, the ticks otherwise.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: fixed at 100 in the interface of Linux to programs, whatever the kernel's own tick. */
const TICK_US = 10_000;

export interface CpuReading {
  readonly ticks: number;
  /** Thread id to nanoseconds run. */
  readonly threads: ReadonlyMap<string, number>;
}

/** What a core did between two readings, in microseconds; a hypervisor's theft is in `stolenUs`. */
export interface CoreReading {
  readonly busyUs: number;
  readonly stolenUs: number;
}

interface Stat {
  /** One letter of proc(5): Z and X have ended and only wait to be asked how. */
  readonly state: string;
  readonly parent: number;
  readonly startTick: string;
  readonly ticks: number;
}

/** undefined when there is no such process (any more). */
function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything, parentheses included; fields are counted from behind it (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? 0);
  return {
    state: fields[0] ?? '',
    parent: field(4),
    startTick: fields[22 - 3] ?? '',
    ticks: field(14) + field(15) + field(16) + field(17),
  };
}

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessKey {
  readonly pid: number;
  readonly startTick: string;
}

export function isAlive(key: ProcessKey): boolean {
  const stat = readStat(key.pid);
  return stat?.startTick === key.startTick && stat.state !== 'Z' && stat.state !== 'X';
}

/** The process and everything that descends from it, parents first. */
export function processTree(root: number): ProcessKey[] {
  const children = new Map<number, ProcessKey[]>();
  const found: ProcessKey[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined;
    if (stat === undefined) continue;
    const key = { pid, startTick: stat.startTick };
    if (pid === root) found.push(key);
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [key]);
    else siblings.push(key);
  }
  for (let index = 0; index < found.length; index++) {
    const key = found[index];
    if (key !== undefined) found.push(...(children.get(key.pid) ?? []));
  }
  return found;
}

export function readCpu(root: number): CpuReading {
  const threads = new Map<string, number>();
  let ticks = 0;
  for (const { pid } of processTree(root)) {
    ticks += readStat(pid)?.ticks ?? 0;
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1');
        threads.set(`${pid}/${thread}`, Number(text.slice(0, text.indexOf(' '))));
      }
    } catch {
      // Gone while it was read, or a kernel without schedstat: the ticks decide then.
    }
  }
  return { ticks, threads };
}

/** Microseconds of processor time, user and system, between two readings of the same process. */
export function cpuBetweenUs(before: CpuReading, after: CpuReading): number {
  let nanoseconds = 0;
  for (const thread of before.threads.keys()) {
    if (!after.threads.has(thread)) return (after.ticks - before.ticks) * TICK_US;
  }
  if (after.threads.size === 0) return (after.ticks - before.ticks) * TICK_US;
  for (const [thread, ran] of after.threads) nanoseconds += ran - (before.threads.get(thread) ?? 0);
  return nanoseconds / 1_000;
}

/** The sum over the given cores ("0", "0,1", "0-3"). */
export function readCores(list: string): CoreReading {
  const wanted = new Set(coresOf(list).map((core) => `cpu${core}`));
  let busy = 0;
  let stolen = 0;
  for (const line of readFileSync('/proc/stat', 'latin1').split('\n')) {
    const [name = '', user, nice, system, , , irq, softirq, steal] = line.split(/\s+/);
    if (!wanted.has(name)) continue;
    busy += Number(user) + Number(nice) + Number(system) + Number(irq) + Number(softirq);
    stolen += Number(steal);
  }
  return { busyUs: busy * TICK_US, stolenUs: stolen * TICK_US };
}

/** "0,2-3" to [0, 2, 3]. */
export function coresOf(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) throw new RangeError(`"${list}" is not a list of cores; write 0 or 0,1 or 0-3`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  });
}
