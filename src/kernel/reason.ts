/**
 * Why an exchange ended as it did: one word that stands in the access log, in a metric label and, for
 * Sluice's own answers, in the body. One table gives status, a title for people, and the operator's hint.
 */
export const REASONS = {
  ok: { status: 0, title: 'Answered by a server', hint: '' },
  redirect: { status: 0, title: 'Redirected', hint: '' },
  respond: { status: 0, title: 'Answered by a route', hint: '' },
  fault_injected: {
    status: 0,
    title: 'Fault injected on purpose',
    hint: 'The faults of the route; remove them to end it.',
  },
  bad_request: { status: 400, title: 'Bad request', hint: 'The bytes are not a valid HTTP/1.1 request.' },
  unauthorized: {
    status: 401,
    title: 'Who are you?',
    hint: 'The route asks for credentials (auth), and these are missing, wrong or expired.',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    hint: 'The client address is denied by ip_deny or not in ip_allow, or auth found somebody who may not.',
  },
  no_route: {
    status: 404,
    title: 'No such route',
    hint: 'No route matches this host and path; try `sluice route test`.',
  },
  method_refused: {
    status: 405,
    title: 'Method not allowed',
    hint: 'CONNECT, TRACE and PRI are never forwarded.',
  },
  header_timeout: {
    status: 408,
    title: 'Request took too long',
    hint: 'The head did not arrive within header_timeout.',
  },
  body_timeout: {
    status: 408,
    title: 'Request body took too long',
    hint: 'No progress within body_timeout, or slower than min_rate.',
  },
  answer_timeout: {
    status: 408,
    title: 'Answer not taken',
    hint: 'The client took nothing of the answer within body_timeout, or less than min_rate.',
  },
  too_large: {
    status: 413,
    title: 'Request body too large',
    hint: 'max_body_size of the route, or of the limits of the listener.',
  },
  target_too_long: {
    status: 414,
    title: 'Request target too long',
    hint: 'limits.max_target of the listener.',
  },
  expectation: { status: 417, title: 'Expectation failed', hint: 'Only `Expect: 100-continue` is known.' },
  limited: { status: 429, title: 'Too many requests', hint: 'The rate_limit of the route or listener.' },
  limited_concurrency: {
    status: 429,
    title: 'Too many requests at once',
    hint: 'The concurrency of the route or listener: other requests of this client have not ended yet.',
  },
  limited_tenant: {
    status: 429,
    title: 'Too many requests',
    hint: 'The rate_limit of the tenant, over all its routes.',
  },
  limited_tenant_concurrency: {
    status: 429,
    title: 'Too many requests at once',
    hint: 'The concurrency of the tenant, over all its routes: other requests of it have not ended yet.',
  },
  head_too_large: {
    status: 431,
    title: 'Request head too large',
    hint: 'limits.max_header_size and max_fields of the listener.',
  },
  client_abort: { status: 499, title: 'Client closed the connection', hint: '' },
  not_implemented: {
    status: 501,
    title: 'Not implemented',
    hint: 'A transfer coding other than `chunked`, or a WebSocket for servers over HTTP/2.',
  },
  bad_upstream: {
    status: 502,
    title: 'Bad answer from the server',
    hint: 'The server broke HTTP; the log line says how.',
  },
  connect_error: {
    status: 502,
    title: 'Server not reachable',
    hint: 'Refused, unreachable, or its TLS certificate is not trusted.',
  },
  upstream_reset: {
    status: 502,
    title: 'Server closed the connection',
    hint: 'It ended before a complete answer.',
  },
  auth_unavailable: {
    status: 503,
    title: 'Cannot check who you are',
    hint: 'What auth of the route asks (a service, a key set) gave no usable answer; the log line says why.',
  },
  shutting_down: {
    status: 503,
    title: 'Shutting down',
    hint: 'shutdown.drain_timeout passed before a server had answered.',
  },
  maintenance: {
    status: 503,
    title: 'Down for maintenance',
    hint: 'The maintenance of the route; its allow list passes.',
  },
  no_server: {
    status: 503,
    title: 'No server available',
    hint: 'No server of the pool is healthy and enabled.',
  },
  breaker_open: {
    status: 503,
    title: 'Service not available',
    hint: 'Too many requests to the pool failed: its circuit_breaker is open.',
  },
  pool_full: {
    status: 503,
    title: 'All servers are busy',
    hint: 'The pool has circuit_breaker.max_requests requests already.',
  },
  queue_full: {
    status: 503,
    title: 'All servers are busy',
    hint: 'Every server is at max_connections and the wait queue is full, or servers over HTTP/2 let no stream be opened.',
  },
  queue_displaced: {
    status: 503,
    title: 'All servers are busy',
    hint: 'It waited in a full queue, and a request of a higher priority took its place.',
  },
  queue_timeout: {
    status: 503,
    title: 'All servers are busy',
    hint: 'No server became free within the queue timeout.',
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    hint: 'max_memory is used up, or the system gave no file or port for a connection to a server.',
  },
  upstream_timeout: {
    status: 504,
    title: 'Server took too long',
    hint: 'No answer within first_byte_timeout, or within retry.per_attempt_timeout.',
  },
  route_timeout: {
    status: 504,
    title: 'Request took too long',
    hint: 'The timeout of the route has passed, repeats included.',
  },
  version: {
    status: 505,
    title: 'HTTP version not supported',
    hint: 'HTTP/1.0 and HTTP/1.1 are spoken here.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    hint: 'A fault in Sluice itself; the log has the stack.',
  },
} as const satisfies Record<string, { status: number; title: string; hint: string }>;

export type Reason = keyof typeof REASONS;

export const REASON_NAMES = Object.keys(REASONS) as readonly Reason[];
