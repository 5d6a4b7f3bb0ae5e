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
