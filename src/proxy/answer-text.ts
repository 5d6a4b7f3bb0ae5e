/** A server's answer as the client gets it: what the route and its gates change of it, and the sticky cookie. */
import type { AnswerHead, ClientStream } from '../http/index.ts';
import type { Lease, PoolServer } from '../pool/index.ts';
import { AnswerBuffer, mayBeBuffered } from './answer-buffer.ts';
import { withCookie } from './answers.ts';
import { compressed } from './compressed.ts';
import type { Exchange } from './exchange.ts';
import { intercepted } from './intercepted.ts';
import type { HostRule } from './plane.ts';
import { changedAnswerFields } from './request-text.ts';

export function answerForClient(
  exchange: Exchange,
  answer: AnswerHead,
  { server, setCookie }: Lease,
  rule: HostRule,
): AnswerHead {
  const changed = fieldsForClient(exchange, answer.fields, server, rule);
  const wanted =
    changed === answer.fields && setCookie === null
      ? answer
      : { ...answer, fields: withCookie(changed, setCookie), memo: '' };
  const pages = exchange.route?.interceptPages ?? null;
  if (pages !== null) {
    const head = intercepted(exchange, wanted, pages);
    if (head !== wanted) return head;
  }
  const bufferBytes = exchange.route?.answerBufferBytes ?? 0;
  if (bufferBytes > 0 && exchange.silenceMs === 0 && mayBeBuffered(wanted))
    exchange.buffer = new AnswerBuffer(bufferBytes, exchange.stream, exchange);
  const compression = exchange.route?.compression ?? null;
  return compression === null ? wanted : compressed(exchange, wanted, compression);
}

export function fieldsForClient(
  exchange: Exchange,
  fields: string,
  server: PoolServer,
  rule: HostRule,
): string {
  const { route, answerLines } = exchange;
  if (route === null || (route.rewrite === null && route.responseFields === null))
    return answerLines === '' ? fields : fields + answerLines;
  return changedAnswerFields(exchange, fields, rule, server) + answerLines;
}

/** A 100 answers an expectation; a 103 may help anybody; others mean nothing to a client of ours. */
export function wantsInterim(status: number, head: ClientStream['head'], isBodyComplete: boolean): boolean {
  return status === 103 || (status === 100 && head.fields.expect !== '' && !isBodyComplete);
}
