/** Which processes really run: one that has ended but whose parent has not asked for its exit code (a zombie) does not. */
import { readdirSync, readFileSync } from 'node:fs';

interface Stat {
  readonly state: string;
  readonly group: number;
}

/** What Linux tells of a process; undefined elsewhere and for a process that is gone. */
function statOf(pid: number): Stat | undefined {
  try {
    // The name stands in brackets and may hold anything, brackets included: what follows the last one is regular.
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', group: Number(fields[2]) };
  } catch {
    return undefined;
  }
}

const runs = (stat: Stat | undefined): boolean =>
  stat !== undefined && stat.state !== 'Z' && stat.state !== 'X';

function exists(pidOrGroup: number): boolean {
  try {
    process.kill(pidOrGroup, 0);
    return true;
  } catch {
    return false;
  }
}

/** Does the process run? */
export function isRunning(pid: number): boolean {
  return process.platform === 'linux' ? runs(statOf(pid)) : exists(pid);
}

/** The processes of a process group that still run, each with its command where the system tells it. */
export function runningInGroup(group: number): string[] {
  if (process.platform === 'win32' || !exists(-group)) return [];
  if (process.platform !== 'linux') return [`process group ${group}`];
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids
    .filter((pid) => {
      const stat = statOf(pid);
      return runs(stat) && stat?.group === group;
    })
    .map((pid) => `${pid} ${commandLine(pid)}`);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
