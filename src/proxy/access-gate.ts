/**
 * The gate of a route with `auth`: asks who asks, and tells servers. Fields that say so are cleared of what the client sent, in every
 * spelling that a server might take for them.
 */
import { type AccessRequest, type Authenticator, CORS_FIELDS, type Verdict } from '../access/index.ts';
import { plainAnswer } from './answers.ts';
import type { Exchange } from './exchange.ts';
import { foldedName, keptLines } from './field-rules.ts';
import type { Gate } from './gate.ts';

/** What servers get to know of who asks. */
export const USER_FIELD = 'X-Auth-User';
export const TENANT_FIELD = 'X-Auth-Tenant';

const OF_CORS: ReadonlySet<string> = new Set(CORS_FIELDS);

export class AccessGate implements Gate {
  readonly #authenticator: Authenticator;
  /** Folded. */
  readonly #cleared: ReadonlySet<string>;

  /** @param cleared further fields of the client that do not go to servers, such as the credentials */
  constructor(authenticator: Authenticator, cleared: readonly string[]) {
    this.#authenticator = authenticator;
    this.#cleared = new Set([USER_FIELD, TENANT_FIELD, ...cleared].map(foldedName));
  }

  check(exchange: Exchange): boolean | Promise<boolean> {
    const verdict = this.#authenticator.check(requestOf(exchange));
    return verdict instanceof Promise
      ? verdict.then((it) => this.#obey(exchange, it))
      : this.#obey(exchange, verdict);
  }

  #obey(exchange: Exchange, verdict: Verdict): boolean {
    switch (verdict.kind) {
      case 'known': {
        const { user, tenant, lines } = verdict;
        if (user !== '') exchange.user = user;
        if (tenant !== '') exchange.tenant = tenant;
        const userLine = user === '' ? '' : `${USER_FIELD}: ${user}\r\n`;
        const tenantLine = tenant === '' ? '' : `${TENANT_FIELD}: ${tenant}\r\n`;
        exchange.changeRequest({ cleared: this.#cleared, lines: `${userLine}${tenantLine}${lines}` });
        return true;
      }
      case 'refused':
        exchange.refuse(verdict.reason, verdict.detail, verdict.fields);
        return false;
      case 'answered': {
        const { status, contentType, body, fields, reason } = verdict;
        // What the route says of other origins is added to every answer; said twice it is void.
        const lines = exchange.route?.cors ? keptLines(fields, OF_CORS) : fields;
        exchange.answer(plainAnswer(status, contentType, body, lines), reason);
        return false;
      }
      default:
        return verdict satisfies never;
    }
  }
}

function requestOf({ stream, asker, requestId }: Exchange): AccessRequest {
  const { head, client } = stream;
  return {
    method: head.method,
    target: head.target,
    fields: head.fields.text,
    scheme: client.tlsVersion === '' ? 'http' : 'https',
    authority: asker.authority,
    clientIp: asker.identity.clientIp,
    requestId,
  };
}
