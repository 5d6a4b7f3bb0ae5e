export { type TlsErrorKind, tlsErrorKind } from './error-kind.ts';
export { CIPHERS, type CompiledTls, compileTls, ListenerTls, TICKET_KEY_BYTES } from './server.ts';
export type {
  CertificateMaterial,
  CertificateSource,
  ListenerTlsOptions,
  OnTlsEvent,
  SecretBytes,
  TlsEvent,
  TlsEventType,
  TlsVersion,
  UpstreamTlsOptions,
} from './types.ts';
export { checkAuthorities, compileUpstreamTls, ServerTls, type UpstreamTls } from './upstream.ts';
