import type { Reason } from '../kernel/reason.ts';

/**
 * A message that broke the rules: the reason decides the status, the detail says what was wrong in words for
 * the access log and the answer. Returned, not thrown: a hostile peer must not buy a stack trace per message.
 */
export class HttpFault {
  readonly reason: Reason;
  readonly detail: string;
  constructor(reason: Reason, detail: string) {
    this.reason = reason;
    this.detail = detail;
  }
}
