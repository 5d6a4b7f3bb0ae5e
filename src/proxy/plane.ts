/**
 * What the phases work with: one compiled snapshot (never edited, replaced whole) and the thread's own tools. Both are
 * put together by thread.ts; here stands only what is needed of them.
 */

import type { Cors } from '../access/index.ts';
import type { Admission } from '../admit/index.ts';
import type { CompressionRule, EncoderPlaces } from '../encode/index.ts';
import type { RetryBudget, ServerChannels } from '../forward/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import type { RequestIds } from '../kernel/ids.ts';
import type { ProxyVersion } from '../kernel/proxy-header.ts';
import type { Random } from '../kernel/random.ts';
import type { IpFilter } from '../limit/index.ts';
import type {
  AccessLog,
  AccessRecord,
  ListenerCells,
  Log,
  PoolCells,
  RouteCells,
  ServerCells,
} from '../observe/index.ts';
import type { Pool, PoolServer } from '../pool/index.ts';
import type { PathPattern, RouteOptions, RouteTable } from '../route/index.ts';
import type { ErrorPages } from './error-pages.ts';
import type { FieldRules } from './field-rules.ts';
import type { Gate } from './gate.ts';
import type { HedgeRule } from './hedge-rule.ts';
import type { Limits } from './limits.ts';
import type { Mirror } from './mirror.ts';
import type { RetryRule, RouteRetry } from './retry-rule.ts';
import type { RewriteOptions } from './rewrite.ts';
import type { PoolSplit } from './split.ts';
import type { StaticAnswer } from './static-answer.ts';

export interface RoutePlane extends RouteOptions {
  readonly filter: IpFilter | null;
  /** null = none. */
  readonly limits: Limits | null;
  /** Of the action `redirect`: what its target may take the rest of the path from. */
  readonly redirectPaths: readonly PathPattern[];
  /** Of the action `respond`. */
  readonly answer: StaticAnswer | null;
  /** Of the action `split`. */
  readonly split: PoolSplit | null;
  /** Which pages of other origins may use it; null = it says nothing of that. */
  readonly cors: Cors | null;
  /** What else a request must pass, in order. */
  readonly gates: readonly Gate[];
  /** In the place of our own errors, with those that hold for all routes; null = ours. */
  readonly errorPages: ErrorPages | null;
  /** The same, if one of them is for errors of servers, too. */
  readonly interceptPages: ErrorPages | null;
  /** null = answers of servers go as they are. */
  readonly compression: CompressionRule | null;
  /** null = servers are asked for what the client asked for. */
  readonly rewrite: RewriteOptions | null;
  /** Changes of what goes to servers, and of what comes back; null = none. */
  readonly requestFields: FieldRules | null;
  readonly responseFields: FieldRules | null;
  /** Sends copies to another pool; null = none. */
  readonly mirror: Mirror | null;
  /** Where it wants repeats otherwise than its pools; null = nowhere. */
  readonly retry: RouteRetry | null;
  /** Rank of the class that its requests wait in (kernel/priority.ts). */
  readonly priority: number;
  /** Of a request's body that is read before a server is chosen, and of an answer that is taken from it at once; 0 = none. */
  readonly bodyBufferBytes: number;
  readonly answerBufferBytes: number;
  /** For the whole exchange; 0 = none. */
  readonly timeoutMs: number;
  readonly cells: RouteCells;
}

export interface ListenerPlane {
  readonly name: string;
  /** Set: every request is redirected to https on this port. */
  readonly redirectPort: number | null;
  /** null = none. */
  readonly limits: Limits | null;
  readonly cells: ListenerCells;
  /** Counts requests that met no route. */
  readonly noRoute: RouteCells;
  readonly tunnelIdleTimeoutMs: number;
  isTrusted(ip: string): boolean;
}

/** The Host field that servers get: the client's, the server's address, or a fixed one. */
export type HostRule =
  | { readonly kind: 'preserve' }
  | { readonly kind: 'server' }
  | { readonly kind: 'literal'; readonly value: string };

export interface PoolPlane {
  readonly pool: Pool;
  /** null = every request is let in. */
  readonly admission: Admission | null;
  readonly retry: RetryRule;
  readonly retryBudget: RetryBudget;
  /** null = nothing is hedged. */
  readonly hedge: HedgeRule | null;
  readonly host: HostRule;
  /** The field, in lower case, in which requests say their class themselves; '' = they are not asked. */
  readonly priorityField: string;
  /** Its servers are spoken to over HTTP/2. */
  readonly isHttp2: boolean;
  /** null = servers want no PROXY header. */
  readonly proxyProtocol: ProxyVersion | null;
  readonly cells: PoolCells;
  connectionsOf(server: PoolServer): ServerChannels;
  cellsOf(server: PoolServer): ServerCells;
}

export interface Plane {
  readonly generation: number;
  /** For requests without a route. */
  readonly errorPages: ErrorPages | null;
  readonly routes: RouteTable<RoutePlane>;
  readonly pools: ReadonlyMap<string, PoolPlane>;
  readonly listeners: ReadonlyMap<string, ListenerPlane>;
}

export interface ProxyDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly ids: RequestIds;
  readonly random: Random;
  /** null = switched off. */
  readonly accessLog: AccessLog | null;
  readonly log: Log;
  readonly encoders: EncoderPlaces;
  /** Scratch: filled for each line, so that logging allocates nothing. */
  readonly record: AccessRecord;
  /** The listener a connection came from, in the snapshot that is current now. */
  planeFor(client: ClientInfo): Plane;
}
