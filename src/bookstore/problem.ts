import { STATUS_CODES } from 'node:http';

/** What is wrong with one member of a body or one parameter; `field` is a path such as `price.cents` or `authors[1]`. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

export type ProblemCode =
  | 'bad_request'
  | 'malformed_json'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'duplicate_isbn'
  | 'insufficient_stock'
  | 'stock_limit'
  | 'precondition_failed'
  | 'precondition_required'
  | 'too_large'
  | 'unsupported_media_type'
  | 'expectation_failed'
  | 'invalid'
  | 'idempotency_key_reused'
  | 'fault'
  | 'busy'
  | 'internal';

interface ProblemExtras {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Extension members of the problem document (RFC 9457 section 3.2). */
  readonly members?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}

/** An answer that is not 2xx: thrown by whoever finds out, written as `application/problem+json` (RFC 9457) in one place. */
export class Problem extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, string | number | boolean>>;

  constructor(status: number, code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.errors = extras.errors;
    this.headers = extras.headers ?? {};
    this.members = extras.members ?? {};
  }

  /** The problem document. */
  toJSON(): Record<string, unknown> {
    return {
      type: 'about:blank',
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      code: this.code,
      detail: this.message,
      ...this.members,
      ...(this.errors ? { errors: this.errors } : {}),
    };
  }
}

/** 422 with every fault at once. */
export function invalid(errors: readonly FieldError[]): Problem {
  const count = errors.length === 1 ? '1 field is' : `${errors.length} fields are`;
  return new Problem(422, 'invalid', `${count} not valid; nothing was changed`, { errors });
}

/** 400 for query parameters, with every fault at once. */
export function badParameters(errors: readonly FieldError[]): Problem {
  const detail = errors.map((error) => `${error.field} ${error.message}`).join('; ');
  return new Problem(400, 'bad_request', detail, { errors });
}
