import { errorCode, errorText, isShortage } from '../../kernel/errors.ts';

/**
 * Words for why a check failed: short, for people, stable (they stand in log, metrics page and admin API).
 */
export function connectFailure(thrown: unknown): string {
  const error = firstInside(thrown);
  const code = errorCode(error);
  switch (code) {
    case 'ECONNREFUSED':
      return 'connect refused';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'connection closed before a complete answer';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return 'host unreachable';
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'connect timed out';
    case 'ENOTFOUND':
      return 'host name not found';
    case 'EAI_AGAIN':
      return 'name server does not answer';
    case 'EMFILE':
    case 'ENFILE':
      return 'too many open files in Sluice itself; raise `ulimit -n`';
    case 'EADDRNOTAVAIL':
      return 'no local port is free for a connection to it';
    default:
      if (isCertificateFault(code)) return `certificate not trusted: ${certificateReason(error)}`;
      if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return `TLS failed: ${tlsReason(error)}`;
      // undici's parser: a code only where llhttp gives one.
      if (error instanceof Error && error.name === 'HTTPParserError')
        return `not an HTTP answer: ${error.message}`;
      return errorText(error);
  }
}

/** Whether a check failed for want of sockets on this machine, which says nothing about the server. */
export function isOurFault(thrown: unknown): boolean {
  return isShortage(firstInside(thrown));
}

/** `timed out after 2s`, `timed out after 250ms`. */
export function timeoutFailure(timeoutMs: number, detail = ''): string {
  const text = timeoutMs % 1000 === 0 ? `${timeoutMs / 1000}s` : `${timeoutMs}ms`;
  return `timed out after ${text}${detail === '' ? '' : `, ${detail}`}`;
}

/** `200-299, 304`. */
export function rangesText(ranges: readonly (readonly [from: number, to: number])[]): string {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

/** A name with several addresses fails with one error for each (AggregateError); the first speaks for them. */
function firstInside(thrown: unknown): unknown {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return firstInside(thrown.errors[0]);
  if (thrown instanceof Error && errorCode(thrown) === '' && thrown.cause instanceof Error)
    return firstInside(thrown.cause);
  return thrown;
}

/** OpenSSL's verification errors as Node spells them (nodejs.org/api/tls.html, X509 certificate error codes). */
function isCertificateFault(code: string): boolean {
  return (
    code === 'ERR_TLS_CERT_ALTNAME_INVALID' ||
    code.includes('_CERT') ||
    code.startsWith('CERT_') ||
    code.startsWith('UNABLE_TO_') ||
    code === 'HOSTNAME_MISMATCH' ||
    code === 'INVALID_CA' ||
    code === 'INVALID_PURPOSE' ||
    code === 'PATH_LENGTH_EXCEEDED'
  );
}

/** Node adds advice for those who run node by hand, after a semicolon. */
function certificateReason(error: unknown): string {
  return errorText(error).split(';')[0] ?? '';
}

/** OpenSSL's messages are `80:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:file:line:`. */
function tlsReason(error: unknown): string {
  const reason = error instanceof Error && 'reason' in error ? error.reason : undefined;
  return typeof reason === 'string' ? reason : errorText(error);
}
