/** What the demo tells, and to whom: a person (terminal-narrator.ts) or a program (json-narrator.ts). */
import type { ConfigDiff } from '../../config/index.ts';
import type { FleetEvent } from './fleet.ts';
import type { Moved } from './placement.ts';
import type { TrafficTotals } from './traffic.ts';

export interface DemoServer {
  readonly id: string;
  readonly address: string;
  /** 0: not a process of the demo, or it does not run at the moment. */
  readonly pid: number;
}

/** What is true once everything runs. */
export interface DemoFacts {
  /** The balancer: its first listener with TLS, else its first. */
  readonly proxy: string;
  /** Its first listener without TLS; '' when there is none. */
  readonly http: string;
  readonly admin: string;
  readonly token: string;
  readonly tokenFile: string;
  /** Certificate of the local authority; '' without TLS. */
  readonly caFile: string;
  readonly configFile: string;
  readonly folder: string;
  /** Of this process: where signals go. */
  readonly pid: number;
  readonly pool: string;
  readonly servers: readonly DemoServer[];
  readonly moved: readonly Moved[];
}

/** One second of traffic, everybody's. */
export interface LiveState {
  readonly perSecond: number;
  readonly servers: readonly {
    readonly id: string;
    readonly state: string;
    readonly perSecond: number;
  }[];
  /** Of the demo's own traffic; undefined when there is none. */
  readonly traffic: TrafficTotals | undefined;
  readonly elapsedMs: number;
}

export type ReloadNews =
  | { readonly ok: true; readonly diff: ConfigDiff; readonly servers: readonly DemoServer[] }
  | { readonly ok: false; readonly why: string };

export interface DemoSummary {
  readonly traffic: TrafficTotals | undefined;
  readonly durationMs: number;
  /** Stopping had to cut connections. */
  readonly wasCut: boolean;
}

export interface Narrator {
  starting(configFile: string): void;
  ready(facts: DemoFacts): void;
  fleet(event: FleetEvent): void;
  serverState(event: {
    readonly pool: string;
    readonly server: string;
    readonly from: string;
    readonly to: string;
    readonly why: string;
  }): void;
  reloaded(news: ReloadNews): void;
  tick(state: LiveState): void;
  stopping(signal: string): void;
  summary(summary: DemoSummary): void;
}
