/**
 * Everything that goes wrong here becomes one kind of answer (RFC 9457 problem+json): a stable `code`, what happened
 * this time (`detail`), what to do about it (`hint`). One table holds the status of every code; a code that is not in it
 * is a fault of ours, of which only the log tells more.
 */
import type { FastifyError } from 'fastify';
import { SluiceError } from '../kernel/errors.ts';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** For the errors that bring none. */
  readonly hint?: string;
}

export const PROBLEMS = {
  bad_request: { status: 400, title: 'Bad request' },
  bad_json: { status: 400, title: 'The body is not JSON' },
  unauthorized: {
    status: 401,
    title: 'A valid token is needed',
    hint: 'Send `Authorization: Bearer TOKEN`. The token is configured under admin.tokens, or stands in admin.token in the folder of `store`.',
  },
  forbidden_role: { status: 403, title: 'The role of this token is not enough' },
  host_refused: {
    status: 403,
    title: 'Not called by its own name',
    hint: 'Use localhost or the address that admin.listen names, or add the name to admin.hosts.',
  },
  origin_refused: {
    status: 403,
    title: 'Not for pages of other origins',
    hint: 'Call the API from a program, or from a page that it serves itself.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    hint: 'GET /api/v1/openapi.json lists what there is.',
  },
  no_pool: { status: 404, title: 'No such pool' },
  no_server: { status: 404, title: 'No such server' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  server_exists: { status: 409, title: 'The server is there already' },
  no_check: { status: 409, title: 'The server is not checked' },
  check_ended: { status: 409, title: 'The check was ended', hint: 'The server was removed meanwhile.' },
  no_reload: { status: 409, title: 'There is no file to read again' },
  slots_exhausted: { status: 409, title: 'Too many servers' },
  port_taken: { status: 409, title: 'A port is taken' },
  port_forbidden: { status: 409, title: 'A port is not allowed' },
  listen_failed: { status: 409, title: 'A port cannot be used' },
  precondition_failed: {
    status: 412,
    title: 'Changed meanwhile',
    hint: 'Read it again, and decide again.',
  },
  too_large: { status: 413, title: 'The body is too large', hint: 'At most 64 KiB.' },
  media_type: {
    status: 415,
    title: 'Not a media type that is taken here',
    hint: 'Send the body as application/json.',
  },
  invalid: { status: 422, title: 'Some fields are wrong', hint: 'See `errors`.' },
  config_invalid: {
    status: 422,
    title: 'The configuration is refused',
    hint: 'Nothing has changed. See `diagnostics`, or run `sluice check`.',
  },
  config_refused: {
    status: 422,
    title: 'The configuration cannot be put in force',
    hint: 'Nothing has changed.',
  },
  snapshot_refused: {
    status: 422,
    title: 'The change cannot be put in force',
    hint: 'Nothing has changed.',
  },
  too_many_attempts: { status: 429, title: 'Too many wrong tokens' },
  starting: { status: 503, title: 'Still starting', hint: 'Wait until /readyz answers 200.' },
  stopping: { status: 503, title: 'Shutting down' },
  fields_too_large: { status: 431, title: 'The fields are too large' },
  internal: { status: 500, title: 'Internal error', hint: 'The log has the details.' },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface FieldError {
  /** `weight`; '' = the body as a whole. */
  readonly field: string;
  readonly message: string;
}

export interface ProblemBody {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  readonly errors?: readonly FieldError[];
  readonly diagnostics?: readonly unknown[];
}

/** A refusal of this API, ready to be answered. */
export class ApiProblem extends SluiceError {
  readonly fields: Readonly<Record<string, string>>;
  readonly extra: Pick<ProblemBody, 'errors' | 'diagnostics'>;

  constructor(
    code: ProblemCode,
    detail: string,
    more: {
      hint?: string;
      fields?: Readonly<Record<string, string>>;
      extra?: Pick<ProblemBody, 'errors' | 'diagnostics'>;
    } = {},
  ) {
    super(code, detail, more.hint === undefined ? undefined : { hint: more.hint });
    this.fields = more.fields ?? {};
    this.extra = more.extra ?? {};
  }
}

/** Anything thrown, as an answer. `isOurFault`: the log should have the stack. */
export interface ProblemAnswer {
  readonly body: ProblemBody;
  readonly fields: Readonly<Record<string, string>>;
  readonly isOurFault: boolean;
}

export function problemAnswer(thrown: unknown): ProblemAnswer {
  if (thrown instanceof SluiceError) {
    const isKnown = Object.hasOwn(PROBLEMS, thrown.code);
    if (!isKnown) return internal();
    const problem = thrown instanceof ApiProblem ? thrown : undefined;
    return {
      body: problemBody(thrown.code as ProblemCode, thrown.message, thrown.hint, problem?.extra),
      fields: problem?.fields ?? {},
      isOurFault: thrown.code === 'internal',
    };
  }
  const known = fromFramework(thrown);
  return known === undefined ? internal() : { body: known, fields: {}, isOurFault: false };
}

function internal(): ProblemAnswer {
  return {
    body: problemBody('internal', 'Sluice failed to do this.'),
    fields: {},
    isOurFault: true,
  };
}

function problemBody(
  code: ProblemCode,
  detail: string,
  hint?: string,
  extra: ApiProblem['extra'] = {},
): ProblemBody {
  const kind: ProblemKind = PROBLEMS[code];
  const advice = hint ?? kind.hint;
  return {
    type: 'about:blank',
    title: kind.title,
    status: kind.status,
    code,
    detail,
    ...(advice === undefined ? {} : { hint: advice }),
    ...extra,
  };
}

/** What fastify throws before a handler runs. */
function fromFramework(thrown: unknown): ProblemBody | undefined {
  const error = thrown as Partial<FastifyError> | null;
  switch (error?.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return problemBody('media_type', 'The Content-Type is not application/json.');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return problemBody('too_large', 'The body is larger than 64 KiB.');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return problemBody('bad_json', `${error.message}`);
    default:
      break;
  }
  const isRefusal = error?.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500;
  if (error instanceof SyntaxError && isRefusal) return problemBody('bad_json', error.message);
  return isRefusal ? problemBody('bad_request', `${error.message}`) : undefined;
}

/** The fields that zod complained about, one entry each. */
export function invalidFields(
  where: string,
  issues: readonly { instancePath: string; message?: string | undefined; params?: object }[],
): ApiProblem {
  const errors = issues.flatMap((issue): FieldError[] => {
    const path = issue.instancePath
      .split('/')
      .filter((part) => part !== '')
      .join('.');
    const keys = issue.params && 'keys' in issue.params ? issue.params.keys : undefined;
    if (Array.isArray(keys))
      return keys.map((key) => ({
        field: path === '' ? String(key) : `${path}.${key}`,
        message: 'There is no such field.',
      }));
    return [{ field: path, message: issue.message ?? 'is wrong' }];
  });
  const first = errors[0];
  return new ApiProblem(
    'invalid',
    first === undefined ? `The ${where} is wrong.` : `${first.field || `the ${where}`}: ${first.message}`,
    { extra: { errors } },
  );
}
