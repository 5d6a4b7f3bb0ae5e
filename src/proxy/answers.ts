/**
 * Sluice's own answers: one place that turns a reason into a status, fields and a body. Programs get
 * problem+json (RFC 9457), browsers a small page, by the Accept field.
 */
import type { AnswerHead } from '../http/index.ts';
import { REASONS, type Reason } from '../kernel/reason.ts';

const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  410: 'Gone',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  418: "I'm a teapot",
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

export function phraseOf(status: number): string {
  return PHRASES[status] ?? 'Status';
}

export interface OwnAnswer<Body extends string | Buffer = string> {
  readonly head: AnswerHead;
  readonly body: Body | '';
}

/** A whole answer with a body of ours. `fields` are further lines. */
export function plainAnswer<Body extends string | Buffer = string>(
  status: number,
  contentType: string,
  body: Body,
  fields = '',
): OwnAnswer<Body> {
  const hasBody = status !== 204 && status !== 304;
  const length = hasBody ? Buffer.byteLength(body) : 0;
  return {
    head: {
      status,
      phrase: phraseOf(status),
      fields: `${hasBody && length > 0 ? `Content-Type: ${contentType}\r\n` : ''}${fields}`,
      framing: hasBody && length > 0 ? 'length' : 'none',
      contentLength: hasBody ? length : -1,
      hasDate: false,
      memo: '',
    },
    body: hasBody ? body : '',
  };
}

/** Field lines with the cookie that binds a client to its server; null = none is needed. */
export function withCookie(fields: string, cookie: string | null): string {
  return cookie === null ? fields : `${fields}Set-Cookie: ${cookie}\r\n`;
}

/** Whether the client would rather see a page: `text/html` stands in Accept, as browsers send it. */
export function prefersHtml(forwardedFields: string): boolean {
  return /(?:^|\n)accept:[^\r\n]*text\/html/i.test(forwardedFields);
}

/**
 * The answer for a reason.
 * @param detail what exactly was wrong; may hold text of the peer, so it is escaped
 * @param fields further lines (Retry-After …)
 */
export function errorAnswer(
  reason: Reason,
  detail: string,
  requestId: string,
  isHtml: boolean,
  fields = '',
): OwnAnswer {
  const { status, title } = REASONS[reason];
  const extra = `Cache-Control: no-store\r\n${fields}`;
  if (isHtml)
    return plainAnswer(
      status,
      'text/html; charset=utf-8',
      errorPage(status, title, reason, requestId),
      extra,
    );
  const problem = {
    type: 'about:blank',
    title,
    status,
    code: reason,
    ...(detail === '' ? {} : { detail }),
    ...(requestId === '' ? {} : { request_id: requestId }),
  };
  return plainAnswer(status, 'application/problem+json', `${JSON.stringify(problem)}\n`, extra);
}

function errorPage(status: number, title: string, reason: string, requestId: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${status} ${title}</title><style>body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:34em;padding:0 1em;color:#222}
h1{font-size:1.6em}small{color:#666}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}small{color:#999}}</style>
<h1>${title}</h1><p>Error ${status}. Please try again in a moment.</p><small>${reason}${requestId === '' ? '' : ` · ${requestId.replace(/[^\w.:+/=@~-]/g, '')}`}</small></html>
`;
}
