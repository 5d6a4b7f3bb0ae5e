/** Writes answers and problems to the wire, and nothing else does except the streaming handlers. */
import type { ServerResponse } from 'node:http';
import { errorCode, errorText } from '../kernel/errors.ts';
import type { Answer } from './call.ts';
import { Problem } from './problem.ts';

/** What every answer bears, streamed ones too. */
export interface Marks {
  /** For `X-Server`: which instance this is. */
  readonly server: string;
  /** The process is on its way out: tell the client not to use the connection again. */
  readonly isClosing: boolean;
}

export function markHeaders(response: ServerResponse, marks: Marks): void {
  response.setHeader('x-server', marks.server);
  if (marks.isClosing) response.setHeader('connection', 'close');
}

/** The length is set for HEAD as for GET; node:http leaves the body away by itself. */
export function sendAnswer(response: ServerResponse, answer: Answer): void {
  const headers: Record<string, string | number> = { ...answer.headers };
  if (answer.body !== undefined) {
    headers['content-type'] = answer.type ?? 'application/json';
    headers['content-length'] = Buffer.byteLength(answer.body);
  }
  response.writeHead(answer.status, headers);
  response.end(answer.body);
}

export function problemAnswer(problem: Problem): Answer {
  return {
    status: problem.status,
    headers: { ...problem.headers, 'cache-control': 'no-store' },
    type: 'application/problem+json',
    body: JSON.stringify(problem),
  };
}

/** Anything thrown as a problem: the database's refusals are 503, what nobody foresaw is 500. */
export function toProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const code = errorCode(thrown);
  if (/^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN)/.test(code)) {
    return new Problem(503, 'busy', `The database does not take this now (${code}); try again`, {
      headers: { 'retry-after': '1' },
      cause: thrown,
    });
  }
  return new Problem(500, 'internal', `A fault in the bookstore: ${errorText(thrown)}`, { cause: thrown });
}
