/**
 * Somebody else decides: a service is asked with the request's method, address and some of its fields (Traefik's ForwardAuth, nginx's
 * auth_request). 2xx passes, and chosen fields of that answer go to servers; 3xx and 4xx are the client's answer: a login page,
 * a challenge. No answer, nonsense and 5xx are the service's own trouble, for which the route says what to do.
 */
import { fieldValues } from '../http/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { type AccessLog, Availability } from './availability.ts';
import { Outgoing, type OutgoingAnswer } from './outgoing.ts';
import { type AccessRequest, type Answered, type Authenticator, refused, type Verdict } from './verdict.ts';

export interface ForwardOptions {
  readonly kind: 'forward';
  readonly url: string;
  /** Fields of the request that it gets, in lower case. */
  readonly fields: readonly string[];
  /** Fields of its answer that servers get, as they are to be written. */
  readonly copy: readonly string[];
  /** Fields of its answer that say who it is, in lower case. */
  readonly userField: string;
  readonly tenantField: string;
  readonly timeoutMs: number;
  /** What does not come to an answer passes. */
  readonly failOpen: boolean;
}

const CONNECTIONS = 64;
const MOST_ASKED = 1000;
const MAX_ANSWER_BYTES = 64 * 1024;
/** Of a connection, of the framing, or ours to say (RFC 9110 section 7.6.1). */
const NOT_PASSED: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'te', 'trailer', 'upgrade'],
  ...['transfer-encoding', 'content-length', 'content-type', 'date', 'x-request-id'],
]);

export class ForwardAuth implements Authenticator {
  readonly #options: ForwardOptions;
  readonly #outgoing: Outgoing;
  readonly #service: Availability;
  #asked = 0;

  constructor(options: ForwardOptions, clock: Clock, log: AccessLog) {
    const { url, timeoutMs } = options;
    this.#options = options;
    const bounds = { maxBytes: MAX_ANSWER_BYTES, connections: CONNECTIONS };
    this.#outgoing = new Outgoing({ url, timeoutMs, ...bounds }, clock);
    this.#service = new Availability('the auth service', url, log);
  }

  async check(request: AccessRequest): Promise<Verdict> {
    if (this.#asked >= MOST_ASKED) return this.#withoutAnswer(new Error(`${MOST_ASKED} questions wait`));
    this.#asked++;
    try {
      const answer = await this.#outgoing.ask(questionOf(request, this.#options.fields));
      if (answer.status >= 500) throw new Error(`status ${answer.status}`);
      this.#service.up();
      return verdictOf(answer, this.#options);
    } catch (error) {
      return this.#withoutAnswer(error);
    } finally {
      this.#asked--;
    }
  }

  #withoutAnswer(error: unknown): Verdict {
    const { failOpen } = this.#options;
    this.#service.down(error, failOpen ? 'requests pass unasked' : 'requests are refused');
    return failOpen
      ? { kind: 'known', user: '', tenant: '', lines: '' }
      : refused('auth_unavailable', 'whoever decides on this request does not answer', 'Retry-After: 5\r\n');
  }

  close(): void {
    this.#outgoing.close();
  }
}

/** The question's fields, names and values in turn. */
export function questionOf(request: AccessRequest, fields: readonly string[]): string[] {
  const question = [
    ...['x-forwarded-method', request.method],
    ...['x-forwarded-proto', request.scheme],
    ...['x-forwarded-host', request.authority],
    ...['x-forwarded-uri', request.target],
    ...['x-request-id', request.requestId],
  ];
  // A Unix socket's peer has no address.
  if (!request.clientIp.startsWith('unix')) question.push('x-forwarded-for', request.clientIp);
  for (const name of fields)
    for (const value of fieldValues(request.fields, name)) question.push(name, value);
  return question;
}

export function verdictOf(answer: OutgoingAnswer, options: ForwardOptions): Verdict {
  const { status, fields } = answer;
  if (status < 200 || status > 299) return passedOn(answer);
  const answered = (name: string): string | undefined => {
    const values: string[] = [];
    for (let at = 0; at < fields.length; at += 2)
      if (fields[at]?.toLowerCase() === name) values.push(harmless(fields[at + 1] as string));
    return values.length === 0 ? undefined : values.join(', ');
  };
  let lines = '';
  for (const name of options.copy) {
    const value = answered(name.toLowerCase());
    if (value !== undefined) lines += `${name}: ${value}\r\n`;
  }
  return {
    kind: 'known',
    user: answered(options.userField) ?? '',
    tenant: answered(options.tenantField) ?? '',
    lines,
  };
}

/** The service's answer as the client's. */
function passedOn({ status, fields, body }: OutgoingAnswer): Answered {
  let contentType = 'application/octet-stream';
  let lines = '';
  const dropped = new Set(NOT_PASSED);
  for (let at = 0; at < fields.length; at += 2)
    if (fields[at]?.toLowerCase() === 'connection')
      for (const name of (fields[at + 1] as string).split(',')) dropped.add(name.trim().toLowerCase());
  for (let at = 0; at < fields.length; at += 2) {
    const [name = '', value = ''] = fields.slice(at, at + 2);
    if (name.toLowerCase() === 'content-type') contentType = harmless(value);
    else if (!dropped.has(name.toLowerCase())) lines += `${name}: ${harmless(value)}\r\n`;
  }
  const reason = status === 403 ? 'forbidden' : 'unauthorized';
  return { kind: 'answered', reason, status, fields: lines, contentType, body };
}

/** Nothing that would end a line. */
function harmless(value: string): string {
  return value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '').trim();
}
