/**
 * The vocabulary of this folder. Everything here is plain data: it crosses to the data threads by
 * structured clone, inside the snapshot.
 */

/** A certificate with its key, checked on the main thread and ready for `tls.createSecureContext`. */
export interface CertificateMaterial {
  /** Its name in the configuration. */
  readonly name: string;
  /** DNS names and IP addresses it is good for: subjectAltName and common name; lower case, no final dot. */
  readonly names: readonly string[];
  /** The chain as PEM, the leaf first. */
  readonly certPem: string;
  /** The private key as PEM, not encrypted. Never log it. */
  readonly keyPem: string;
  /** Unix time in milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the leaf, `AB:CD:…`. */
  readonly fingerprint: string;
}

/** Where a certificate comes from. */
export type CertificateSource =
  | {
      readonly kind: 'files';
      /** Path of a PEM file: the leaf first, then the intermediates. */
      readonly cert: string;
      /** Path of a PEM file with the key; may be the same file. */
      readonly key: string;
    }
  | {
      readonly kind: 'self_signed';
      /** DNS names, `*.` wildcards and IP addresses. */
      readonly names: readonly string[];
    };

export type TlsEventType =
  | 'certificate_loaded'
  | 'certificate_changed'
  | 'certificate_kept'
  | 'certificate_expiring'
  | 'certificate_expired'
  | 'certificate_made'
  | 'authority_made'
  | 'watch_failed'
  | 'secret_made'
  | 'secret_rotated';

/** Something worth a log line. `message` is complete and holds no secret. */
export interface TlsEvent {
  readonly type: TlsEventType;
  readonly level: 'info' | 'warn' | 'error';
  /** Name of the certificate or of the secret it is about. */
  readonly name: string;
  readonly message: string;
}

export type OnTlsEvent = (event: TlsEvent) => void;

/** TLS versions as they stand in the configuration. Older ones are not offered. */
export type TlsVersion = '1.2' | '1.3';

/** What `compileTls` needs of a listener. */
export interface ListenerTlsOptions {
  /**
   * The listener's name, or anything else that sets its trust apart: a session that was made under one
   * scope is never resumed under another one.
   */
  readonly scope: string;
  readonly materials: readonly CertificateMaterial[];
  /** Names of the listener's certificates. The first is the one for clients whose name nobody claims. */
  readonly certificates: readonly string[];
  readonly minVersion: TlsVersion;
  /** Refuse handshakes without a server name or with one that no certificate covers. */
  readonly strictSni: boolean;
  /** 48 secret bytes, the same in all threads; `Secrets.current().ticketKey`. */
  readonly ticketKey: Uint8Array;
  /** Protocols offered by ALPN, the preferred one first, e.g. `['http/1.1']`. */
  readonly alpn: readonly string[];
}

/** What `compileUpstreamTls` needs of a pool. */
export interface UpstreamTlsOptions {
  /** PEM text of the authorities to trust instead of the public ones; from `readAuthorities(path)`. */
  readonly ca?: string | undefined;
  /** The name to ask for and to find in the certificate, instead of the server's own host name. */
  readonly name?: string | undefined;
  /** False accepts any certificate: the traffic is encrypted, but the server may be anyone. */
  readonly verify: boolean;
  /** What is offered in the handshake (ALPN); without it, HTTP/1.1. */
  readonly alpn?: 'http/1.1' | 'h2';
}

/** The secrets that all data threads need, as plain bytes. */
export interface SecretBytes {
  /** HMAC keys of the sticky cookie: the first signs, all verify. */
  readonly stickyKeys: readonly Uint8Array[];
  /** 48 bytes for TLS session tickets. */
  readonly ticketKey: Uint8Array;
}
