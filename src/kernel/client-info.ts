/** What is known of a client's connection; the same for all its requests. */
export interface ClientInfo {
  /** Name of the listener that accepted it. */
  readonly listener: string;
  /** The peer's IP, IPv4-mapped addresses unmapped. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** The port the client connected to. */
  readonly localPort: number;
  /** `TLSv1.3` …, '' on a plain connection. */
  readonly tlsVersion: string;
  /** Whether the peer is one of `trusted_proxies`. */
  readonly isTrusted: boolean;
  /** For the phases: what they worked out once for this connection. */
  memo: unknown;
}
