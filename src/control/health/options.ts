/**
 * What to check and how. The composition root maps the configuration to these; units are in the names.
 */
interface HealthTiming {
  /** From the start of one check to the start of the next. 100 ms to many hours. */
  readonly intervalMs: number;
  /** For the whole check: name look-up, connection, answer, body. */
  readonly timeoutMs: number;
  /** Successes in a row that make an unhealthy server healthy. */
  readonly rise: number;
  /** Failures in a row that make a healthy server unhealthy. */
  readonly fall: number;
  /** Each pause is drawn from interval × (1 ± this); 0–1. */
  readonly jitterFraction: number;
}

export interface HttpCheck extends HealthTiming {
  readonly type: 'http' | 'https';
  readonly path: string;
  /** undefined = the server's own port. */
  readonly port: number | undefined;
  readonly method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
  /** The Host field; undefined = the server's address. */
  readonly host: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly expect: {
    /** Inclusive ranges, never empty. */
    readonly statuses: readonly (readonly [from: number, to: number])[];
    /** Text that stands in the first 64 KiB of the body. */
    readonly body: string | undefined;
  };
}

export interface TcpCheck extends HealthTiming {
  readonly type: 'tcp';
  readonly port: number | undefined;
}

export interface IcmpCheck extends HealthTiming {
  readonly type: 'icmp';
}

/** A call of grpc.health.v1.Health/Check, over TLS where the target has it. */
export interface GrpcCheck extends HealthTiming {
  readonly type: 'grpc';
  readonly port: number | undefined;
  /** '' = the server as a whole. */
  readonly service: string;
}

export type HealthCheck = HttpCheck | TcpCheck | IcmpCheck | GrpcCheck;

/** A server as the checks see it. */
export interface HealthTarget {
  /** The server's id, unique in its pool. */
  readonly id: string;
  /** A name, an IP address without brackets, or `unix:` and a path. */
  readonly host: string;
  readonly port: number;
  /** What its connections begin with, latin1; not where the check has a port of its own. Absent = nothing. */
  readonly proxyHeader?: string;
  /** For `https` and `grpc` checks; undefined = the system's authorities and the host's name. */
  readonly tls?: HealthTls;
}

export interface HealthTls {
  /** PEM; undefined = the system's authorities. */
  readonly ca: string | undefined;
  /** SNI and the name that is verified; undefined = the host. */
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

export interface HealthPool {
  readonly name: string;
  /** undefined = no checks: its servers are never reported. */
  readonly check: HealthCheck | undefined;
  readonly servers: readonly HealthTarget[];
}

/** What one check found. */
export type ProbeResult =
  | { readonly ok: true; readonly responseMs: number }
  | {
      readonly ok: false;
      readonly responseMs: number;
      readonly why: string;
      /** It could not be made for want of something on this machine, and says nothing about the server. */
      readonly isOurs?: boolean;
    };
