/**
 * Why a handshake failed, as a short word for the log and a metric label. The set is closed, so that a
 * client cannot make new labels.
 */
import { errorCode } from '../kernel/errors.ts';

export type TlsErrorKind =
  | 'http_request'
  | 'not_tls'
  | 'protocol_version'
  | 'no_shared_cipher'
  | 'no_certificate'
  | 'no_application_protocol'
  | 'unknown_ca'
  | 'self_signed'
  | 'certificate_rejected'
  | 'certificate_expired'
  | 'wrong_name'
  | 'client_certificate'
  | 'peer_refused'
  | 'renegotiation'
  | 'timeout'
  | 'closed'
  | 'protocol_error'
  | 'other';

/** Node's and OpenSSL's codes; what is not here but starts with ERR_SSL_ is decided by `byPattern`. */
const KINDS: ReadonlyMap<string, TlsErrorKind> = new Map<string, TlsErrorKind>([
  ['ERR_SSL_HTTP_REQUEST', 'http_request'],
  ['ERR_SSL_HTTPS_PROXY_REQUEST', 'http_request'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'not_tls'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'not_tls'],
  ['ERR_SSL_RECORD_LAYER_FAILURE', 'not_tls'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'protocol_version'],
  ['ERR_SSL_VERSION_TOO_LOW', 'protocol_version'],
  ['ERR_SSL_UNKNOWN_PROTOCOL', 'protocol_version'],
  ['ERR_SSL_INAPPROPRIATE_FALLBACK', 'protocol_version'],
  ['ERR_SSL_NO_PROTOCOLS_AVAILABLE', 'protocol_version'],
  ['ERR_SSL_NO_SHARED_CIPHER', 'no_shared_cipher'],
  ['ERR_SSL_NO_SHARED_GROUP', 'no_shared_cipher'],
  ['ERR_SSL_NO_SUITABLE_KEY_SHARE', 'no_shared_cipher'],
  ['ERR_SSL_NO_SUITABLE_GROUPS', 'no_shared_cipher'],
  ['ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM', 'no_certificate'],
  ['ERR_SSL_NO_CERTIFICATE_SET', 'no_certificate'],
  ['ERR_SSL_NO_APPLICATION_PROTOCOL', 'no_application_protocol'],
  ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'client_certificate'],
  ['ERR_SSL_CERTIFICATE_VERIFY_FAILED', 'client_certificate'],
  ['ERR_SSL_NO_RENEGOTIATION', 'renegotiation'],
  ['ERR_TLS_SESSION_ATTACK', 'renegotiation'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self_signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'self_signed'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'unknown_ca'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unknown_ca'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unknown_ca'],
  ['CERT_UNTRUSTED', 'unknown_ca'],
  ['INVALID_CA', 'unknown_ca'],
  ['CERT_HAS_EXPIRED', 'certificate_expired'],
  ['CERT_NOT_YET_VALID', 'certificate_expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'wrong_name'],
  ['ERR_TLS_CERT_ALTNAME_FORMAT', 'wrong_name'],
  ['HOSTNAME_MISMATCH', 'wrong_name'],
  ['CERT_SIGNATURE_FAILURE', 'certificate_rejected'],
  ['CERT_REVOKED', 'certificate_rejected'],
  ['CERT_REJECTED', 'certificate_rejected'],
  ['CERT_CHAIN_TOO_LONG', 'certificate_rejected'],
  ['PATH_LENGTH_EXCEEDED', 'certificate_rejected'],
  ['INVALID_PURPOSE', 'certificate_rejected'],
  // Node's word for verdicts of OpenSSL that it has no name for, such as a name outside the constraints.
  ['UNSPECIFIED', 'certificate_rejected'],
  ['ERR_TLS_HANDSHAKE_TIMEOUT', 'timeout'],
  ['ETIMEDOUT', 'timeout'],
  ['ECONNRESET', 'closed'],
  ['EPIPE', 'closed'],
  ['ECONNABORTED', 'closed'],
  ['ERR_STREAM_PREMATURE_CLOSE', 'closed'],
  ['ERR_SSL_UNEXPECTED_EOF_WHILE_READING', 'closed'],
]);

/** Alerts of the peer, `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA` and the like (RFC 8446 section 6), by their last words. */
const ALERTS: readonly (readonly [RegExp, TlsErrorKind])[] = [
  [/ALERT_PROTOCOL_VERSION$|ALERT_INAPPROPRIATE_FALLBACK$/, 'protocol_version'],
  [/ALERT_UNKNOWN_CA$/, 'unknown_ca'],
  [/ALERT_CERTIFICATE_EXPIRED$/, 'certificate_expired'],
  [/ALERT_CERTIFICATE_REQUIRED$/, 'client_certificate'],
  [/ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE)$/, 'certificate_rejected'],
  [/ALERT_NO_APPLICATION_PROTOCOL$/, 'no_application_protocol'],
  [/UNRECOGNIZED_NAME$/, 'wrong_name'],
  [/ALERT_NO_RENEGOTIATION$/, 'renegotiation'],
  [/_ALERT_/, 'peer_refused'],
];

/** Works for both sides: `tlsClientError`/`error` of an accepted socket and `error` of one to a server. */
export function tlsErrorKind(error: unknown): TlsErrorKind {
  const code = errorCode(error);
  const known = KINDS.get(code);
  if (known !== undefined) return known;
  if (!code.startsWith('ERR_SSL_')) return 'other';
  for (const [pattern, kind] of ALERTS) if (pattern.test(code)) return kind;
  return 'protocol_error';
}
