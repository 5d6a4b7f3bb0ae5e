/** What is known of a client's connection; the same for all its requests. */
export interface ClientInfo {
  /** Name of the listener that accepted it. */
  readonly listener: string;
  /** The client's IP: the peer's, or what a trusted peer says in a PROXY header. IPv4-mapped addresses unmapped. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** The address and port the client connected to, here or at the proxy that says so. '' = already gone. */
  readonly localAddress: string;
  readonly localPort: number;
  /** `TLSv1.3` …, '' on a plain connection. */
  readonly tlsVersion: string;
  /** Whether the client is one of `trusted_proxies`. */
  readonly isTrusted: boolean;
  /** For the phases: what they worked out once for this connection. */
  memo: unknown;
}
