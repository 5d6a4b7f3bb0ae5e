/** What those who judge requests get to see, and what they say. */
import type { Reason } from '../kernel/reason.ts';

/** A request as far as it matters to who may ask. */
export interface AccessRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  /** All field lines as they came. */
  readonly fields: string;
  readonly scheme: 'http' | 'https';
  /** The host that was asked for. */
  readonly authority: string;
  readonly clientIp: string;
  readonly requestId: string;
}

/** Who asks is known. Texts are latin1: each character a byte of UTF-8, as on the wire. */
export interface Known {
  readonly kind: 'known';
  /** '' = nobody in particular. */
  readonly user: string;
  readonly tenant: string;
  /** Further lines for servers, each with its CRLF. */
  readonly lines: string;
}

export interface Refused {
  readonly kind: 'refused';
  readonly reason: Reason;
  /** For the client; nothing that helps to guess. */
  readonly detail: string;
  /** Further lines of the answer. */
  readonly fields: string;
}

/** Somebody else's answer, to be given to the client. */
export interface Answered {
  readonly kind: 'answered';
  readonly reason: Reason;
  readonly status: number;
  readonly fields: string;
  readonly contentType: string;
  readonly body: Buffer;
}

export type Verdict = Known | Refused | Answered;

export interface Authenticator {
  /** @returns a promise when it has to ask somebody, or to compute for long */
  check(request: AccessRequest): Verdict | Promise<Verdict>;
}

export function refused(reason: Reason, detail: string, fields = ''): Refused {
  return { kind: 'refused', reason, detail, fields };
}

/** Text of our own or of a token as it may stand in a field: its UTF-8 bytes, without what could end the line. */
export function fieldText(text: string): string {
  return Buffer.from(text.replace(/[\u0000-\u001f\u007f]/g, ''), 'utf8')
    .toString('latin1')
    .trim();
}
