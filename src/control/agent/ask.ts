/** One question to an agent: connect, read its line, hang up. It is sent nothing. */
import { connect } from 'node:net';

export type AgentAnswer =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'silent'; readonly why: string };

export interface AgentTarget {
  readonly host: string;
  readonly port: number;
}

export type AskAgent = (target: AgentTarget, signal: AbortSignal) => Promise<AgentAnswer>;

/** Longer lines are no lines of this protocol. */
const MAX_BYTES = 1024;

/** Ends when the socket is gone. `signal` = the time is up, or nobody wants to know any more. */
export function askAgent(target: AgentTarget, signal: AbortSignal): Promise<AgentAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    let text = '';
    let answer: AgentAnswer = { kind: 'silent', why: 'closed without a line' };
    const settle = (settled: AgentAnswer): void => {
      answer = settled;
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
    };
    const onAbort = (): void => settle({ kind: 'silent', why: 'no line in time' });
    const look = (isEnd: boolean): void => {
      const end = text.search(/[\r\n]/);
      if (end >= 0) settle({ kind: 'line', line: text.slice(0, end) });
      else if (text.length > MAX_BYTES) settle({ kind: 'silent', why: 'the line does not end' });
      // A line that the connection cut off may be half of a word.
      else if (isEnd) settle({ kind: 'silent', why: 'closed without a whole line' });
    };
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      look(false);
    });
    socket.on('end', () => look(true));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      settle({ kind: 'silent', why: error.code ?? error.message }),
    );
    socket.on('close', () => resolve(answer));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
