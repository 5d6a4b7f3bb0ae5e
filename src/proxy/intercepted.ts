import type { AnswerFilter } from '../encode/index.ts';
import type { AnswerHead } from '../http/index.ts';
import { prefersHtml } from './answers.ts';
import { type ErrorPages, fillPage, interceptedHead } from './error-pages.ts';
import type { Exchange } from './exchange.ts';

/**
 * Puts a page of the route in the place of a server's error. The body of the server is read to its end and dropped, so that its
 * connection can be used again.
 */
export function intercepted(exchange: Exchange, answer: AnswerHead, pages: ErrorPages): AnswerHead {
  const { stream, requestId } = exchange;
  if (answer.status < 400) return answer;
  const page = pages.pageFor(answer.status, prefersHtml(stream.head.fields.forward));
  if (page === null || !page.intercepts) return answer;
  const facts = { requestId, status: answer.status, title: answer.phrase };
  const body = Buffer.from(fillPage(page, facts));
  const isHead = stream.head.method === 'HEAD';
  exchange.filter = new Replaced(exchange, isHead ? Buffer.alloc(0) : body);
  return interceptedHead(isHead ? answer : { ...answer, framing: 'length' }, page, body.length);
}

class Replaced implements AnswerFilter {
  readonly heldBytes = 0;
  readonly #exchange: Exchange;
  readonly #body: Buffer;

  constructor(exchange: Exchange, body: Buffer) {
    this.#exchange = exchange;
    this.#body = body;
  }

  sendBody(): boolean {
    return true;
  }

  flush(): void {}

  endAnswer(): void {
    const { stream } = this.#exchange;
    if (this.#body.length > 0) stream.sendBody(this.#body, 0, this.#body.length);
    stream.endAnswer('');
    this.#exchange.finish('ok');
  }

  onClientDrain(): void {}

  destroy(): void {}
}
