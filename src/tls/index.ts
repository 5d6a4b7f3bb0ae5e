/**
 * Certificates and TLS. On the main thread: `CertificateStore`, `Secrets`, `makeCertificate`,
 * `readAuthorities`. In the data threads: `compileTls` with `ListenerTls`, `compileUpstreamTls`,
 * `tlsErrorKind`. Nothing here loads node-forge; only the worker that makes certificates does.
 */
export {
  CertificateStore,
  type CertificateStoreDeps,
  type CertificateStoreOptions,
} from './certificate-store.ts';
export { type TlsErrorKind, tlsErrorKind } from './error-kind.ts';
export { type ExpiryNotice, expiryNotice } from './expiry.ts';
export { certifiableNames } from './local-names.ts';
export { readAuthorities, readCertificateFiles } from './pem-file.ts';
export { Secrets, type SecretsDeps } from './secrets.ts';
export { authorityFileOf, type MadeCertificate, makeCertificate } from './self-signed.ts';
export { CIPHERS, type CompiledTls, compileTls, ListenerTls, TICKET_KEY_BYTES } from './server.ts';
export { trustInstructions } from './trust.ts';
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
