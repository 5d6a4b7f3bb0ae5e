/** How connections to the servers of a pool are made, as the rest of Sluice gets to see it (resolved.ts). */

export const SERVER_PROTOCOLS = ['http1', 'h2', 'h2c'] as const;
/** `h2` with `tls`, `h2c` without. */
export type ServerProtocol = (typeof SERVER_PROTOCOLS)[number];

export interface UpstreamConfig {
  readonly protocol: ServerProtocol;
  /** The Host field that servers get. */
  readonly host:
    | { readonly type: 'preserve' }
    | { readonly type: 'server' }
    | { readonly type: 'literal'; readonly value: string };
  /** Set by `upstream.tls` or by `https://` addresses; undefined = plain. */
  readonly tls: UpstreamTls | undefined;
  /** What each connection to a server begins with: who it is for. */
  readonly proxyProtocol: 'none' | 'v1' | 'v2';
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  /** Idle connections kept per server and data thread. */
  readonly keepalive: number;
}

export interface UpstreamTls {
  /** Absolute path of a PEM file that replaces the system's authorities. */
  readonly caPath: string | undefined;
  /** SNI and the name that is verified; undefined = the server's host. */
  readonly serverName: string | undefined;
  readonly verify: boolean;
}
