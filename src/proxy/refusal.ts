import { REASONS, type Reason } from '../kernel/reason.ts';
import { errorAnswer, type OwnAnswer, prefersHtml } from './answers.ts';
import { pageAnswer } from './error-pages.ts';
import type { Exchange } from './exchange.ts';
import { grpcAnswer, grpcCodeOf, isGrpc } from './grpc.ts';

/** What a client is answered for a reason: in its own protocol, by a page of the user's, or by ours. */
export function refusalAnswer(exchange: Exchange, reason: Reason, detail: string, fields: string): OwnAnswer {
  const { stream, requestId, route, plane } = exchange;
  const { forward } = stream.head.fields;
  const { status, title } = REASONS[reason];
  if (isGrpc(forward)) {
    exchange.grpcStatus = grpcCodeOf(status);
    return grpcAnswer(reason, detail, fields);
  }
  const isHtml = prefersHtml(forward);
  const pages = route === null ? plane.errorPages : route.errorPages;
  const page = pages === null ? null : pages.pageFor(status, isHtml);
  return page === null
    ? errorAnswer(reason, detail, requestId, isHtml, fields)
    : pageAnswer(page, { requestId, status, title }, fields);
}
