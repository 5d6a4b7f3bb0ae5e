/**
 * What a server says of itself, in the words of HAProxy's agent-check protocol (HAProxy 3.0 Configuration Manual, `agent-check`):
 * one line of words with blanks, tabs or commas between, in any order; what is not said stays as it was.
 *
 *   75%           this part of its weight; 0% = no new clients
 *   maxconn:30    requests in flight at most
 *   up            it works
 *   down, failed, stopped [#why]   it does not: as if its health check failed
 *   ready         takes clients, after drain or maint
 *   drain         keeps its sticky clients, takes no new ones
 *   maint         takes nothing
 *
 * Pure: the line goes in, what is known of the server comes out. No line at all changes nothing, so it is not here.
 */
export interface AgentState {
  /** Of its weight; 100 = all. */
  readonly percent: number;
  /** 0 = the agent sets no cap. */
  readonly maxConnections: number;
  readonly mode: 'ready' | 'drain' | 'maint';
  readonly isUp: boolean;
  /** The last line, as people read it. */
  readonly why: string;
}

export const AGENT_SILENT: AgentState = {
  percent: 100,
  maxConnections: 0,
  mode: 'ready',
  isUp: true,
  why: '',
};

/** A weight many times its own is a mistake of the agent's. */
const MAX_PERCENT = 1000;
const MAX_CONNECTIONS = 10_000_000;
const MAX_WHY = 120;

export interface AgentDecision {
  readonly state: AgentState;
  /** Words that mean nothing; the others count all the same. */
  readonly unknown: readonly string[];
}

/** @param line without its end */
export function decideAgent(before: AgentState, line: string): AgentDecision {
  const printable = line.replace(/[^\x20-\x7e]+/g, ' ').trim();
  const state = { ...before, why: `agent: ${printable.slice(0, MAX_WHY)}` };
  const unknown: string[] = [];
  // What follows a # explains "down"; it may have blanks.
  const [words = ''] = printable.split('#', 1);
  for (const word of words.split(/[ ,]+/).filter((it) => it !== ''))
    if (!applyWord(state, word)) unknown.push(word);
  const isNothing =
    unknown.length > 0 && words.split(/[ ,]+/).every((it) => it === '' || unknown.includes(it));
  return { state: isNothing ? before : state, unknown };
}

/** Whether it came or went: whether it works, and takes new clients, is news. How many it takes changes with its load. */
export function isTurn(before: AgentState, after: AgentState): boolean {
  return (
    before.isUp !== after.isUp ||
    before.mode !== after.mode ||
    (before.percent === 0) !== (after.percent === 0)
  );
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function applyWord(state: Writable<AgentState>, word: string): boolean {
  const number = /^(?:maxconn:(\d{1,9})|(\d{1,9})%)$/.exec(word);
  if (number?.[1] !== undefined) state.maxConnections = Math.min(MAX_CONNECTIONS, Number(number[1]));
  else if (number?.[2] !== undefined) state.percent = Math.min(MAX_PERCENT, Number(number[2]));
  else
    switch (word.toLowerCase()) {
      case 'up':
        state.isUp = true;
        break;
      case 'down':
      case 'failed':
      case 'stopped':
        state.isUp = false;
        break;
      case 'ready':
      case 'drain':
      case 'maint':
        state.mode = word.toLowerCase() as AgentState['mode'];
        break;
      default:
        return false;
    }
  return true;
}
