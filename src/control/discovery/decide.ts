/**
 * What a look-up in DNS makes of the servers that a name stands for, and when the next one is due. Pure.
 *
 *   addresses     they are the servers; ask again when their TTL, or `refreshMs`, is over
 *   none          the name is gone, or has no addresses: the servers stay for `keepEmptyMs`, then they go
 *   failed        no answer, or an error of the resolver's: the servers stay, however long it lasts; ask again soon
 *
 * Of a name with addresses of two families, or an SRV record with several targets, a part may fail: of that part the
 * servers stay as they were.
 *
 * SRV (RFC 2782): the lowest priority number is served first, so all others are backups. Weights go to 65 535 there and to
 * 1000 here; beside others a weight of 0 is "a very small chance", which is a hundredth of the largest here.
 */
import { isIP } from 'node:net';

/** A name in the file that stands for servers. */
export interface DnsSource {
  readonly pool: string;
  readonly kind: 'address' | 'srv';
  readonly name: string;
  /** Of the servers; of `srv` the records say it, and this is 0. */
  readonly port: number;
  readonly family: 'any' | 'ipv4' | 'ipv6';
  /** `ip` or `ip:port`; empty = those of the system. */
  readonly resolvers: readonly string[];
  /** null = as often as the TTL says. */
  readonly refreshMs: number | null;
  /** How long servers stay when the name has none any more. */
  readonly keepEmptyMs: number;
}

/** A server that a name stands for. */
export interface FoundServer {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  /** The name of this address: what was asked for, or an SRV record's target. */
  readonly name: string;
  /** 1–1000; 0 = DNS does not say. */
  readonly weight: number;
  readonly isBackup: boolean;
}

export type Family = 4 | 6;

/** What one question for addresses came to. */
export type AddressAnswer =
  | { readonly kind: 'found'; readonly addresses: readonly string[]; readonly ttlMs: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly why: string };

/** A name with its addresses. Of a question without SRV there is one. */
export interface Target {
  readonly name: string;
  readonly port: number;
  /** As in the record; -1 = there is none. */
  readonly priority: number;
  readonly weight: number;
  readonly families: readonly { readonly family: Family; readonly answer: AddressAnswer }[];
}

/** A whole look-up. No targets: the name does not exist. */
export type LookupAnswer =
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  | { readonly kind: 'failed'; readonly why: string };

export type LookupOutcome = 'found' | 'empty' | 'failed';

/** What is known of a name. */
export interface DiscoveryState {
  readonly servers: readonly FoundServer[];
  /** Of the last look-up; undefined = none has ended. */
  readonly outcome: LookupOutcome | undefined;
  /** Why it failed or was empty, or ''. */
  readonly why: string;
  /** Failures in a row. */
  readonly failures: number;
  /** Since when the name has no addresses; undefined = it has, as far as is known. */
  readonly emptySinceMs: number | undefined;
}

export interface DiscoveryDecision {
  readonly state: DiscoveryState;
  readonly hasChanged: boolean;
  /** To the next look-up. */
  readonly nextMs: number;
}

export const NOTHING_KNOWN: DiscoveryState = {
  servers: [],
  outcome: undefined,
  why: '',
  failures: 0,
  emptySinceMs: undefined,
};

export const MIN_TTL_MS = 1000;
export const MAX_TTL_MS = 300_000;
/** Node tells no TTL of SRV records; in this time their change is seen, whatever their targets' TTL. */
export const MAX_SRV_MS = 30_000;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** Of one name; a name with more is asked for by mistake, and slots are not without end. */
export const MAX_SERVERS = 256;
const MAX_WEIGHT = 1000;
const SMALL_CHANCE = 100;

export function decideDiscovery(
  before: DiscoveryState,
  answer: LookupAnswer,
  source: DnsSource,
  nowMs: number,
): DiscoveryDecision {
  const why = answer.kind === 'failed' ? answer.why : failureOf(answer.targets);
  if (answer.kind === 'targets' && hasFound(answer.targets)) {
    const servers = serversOf(answer.targets, before.servers);
    const nextMs = source.refreshMs ?? ttlOf(answer.targets, source.kind);
    return decision(before, { servers, outcome: 'found', why }, nextMs);
  }
  if (why !== '') {
    const failures = before.failures + 1;
    const retryMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(10, before.failures));
    const state = { ...before, outcome: 'failed', why, failures } as const;
    return { state, hasChanged: false, nextMs: Math.min(source.refreshMs ?? retryMs, retryMs) };
  }
  const emptySinceMs = before.emptySinceMs ?? nowMs;
  const keepsMs = before.servers.length === 0 ? 0 : emptySinceMs + source.keepEmptyMs - nowMs;
  const servers = keepsMs > 0 ? before.servers : [];
  const soonMs = source.refreshMs ?? FIRST_RETRY_MS * 5;
  const nextMs = keepsMs > 0 ? Math.min(soonMs, keepsMs) : soonMs;
  return decision(
    before,
    { servers, outcome: 'empty', why: `${source.name} has no addresses`, emptySinceMs },
    nextMs,
  );
}

function decision(
  before: DiscoveryState,
  after: Pick<DiscoveryState, 'servers' | 'outcome' | 'why'> & { readonly emptySinceMs?: number },
  nextMs: number,
): DiscoveryDecision {
  const state = { failures: 0, ...after, emptySinceMs: after.emptySinceMs };
  return { state, hasChanged: !isSame(before.servers, after.servers), nextMs };
}

/** In an order that does not change when the answers' does. */
function serversOf(targets: readonly Target[], before: readonly FoundServer[]): FoundServer[] {
  const first = Math.min(...targets.map((it) => it.priority));
  const weightOf = weights(targets);
  const found = new Map<string, FoundServer>();
  for (const target of targets) {
    const { name, port, priority } = target;
    for (const { family, answer } of target.families) {
      for (const host of addressesOf(answer, family, target, before)) {
        const key = `${host} ${port}`;
        const server = { host, port, name, weight: weightOf(target), isBackup: priority > first };
        const rival = found.get(key);
        if (rival === undefined || (rival.isBackup && !server.isBackup)) found.set(key, server);
      }
    }
  }
  return [...found.values()].sort(byPlace).slice(0, MAX_SERVERS);
}

function addressesOf(
  answer: AddressAnswer,
  family: Family,
  { name, port }: Target,
  before: readonly FoundServer[],
): readonly string[] {
  if (answer.kind === 'found') return answer.addresses;
  if (answer.kind === 'none') return [];
  return before
    .filter((it) => it.name === name && it.port === port && isIP(it.host) === family)
    .map((it) => it.host);
}

/** From the weights of SRV records to ours. */
function weights(targets: readonly Target[]): (target: Target) => number {
  const most = Math.max(0, ...targets.map((it) => it.weight));
  const hasZero = targets.some((it) => it.weight === 0);
  let factor = most > MAX_WEIGHT ? MAX_WEIGHT / most : 1;
  if (hasZero && most > 0 && most < SMALL_CHANCE) factor = SMALL_CHANCE / most;
  return ({ priority, weight }) => (priority < 0 ? 0 : Math.max(1, Math.round(weight * factor)));
}

function failureOf(targets: readonly Target[]): string {
  for (const { families } of targets)
    for (const { answer } of families) if (answer.kind === 'failed') return answer.why;
  return '';
}

function hasFound(targets: readonly Target[]): boolean {
  return targets.some(({ families }) => families.some(({ answer }) => answer.kind === 'found'));
}

function ttlOf(targets: readonly Target[], kind: DnsSource['kind']): number {
  let ttlMs = kind === 'srv' ? MAX_SRV_MS : MAX_TTL_MS;
  for (const { families } of targets)
    for (const { answer } of families) if (answer.kind === 'found') ttlMs = Math.min(ttlMs, answer.ttlMs);
  return Math.max(MIN_TTL_MS, ttlMs);
}

function byPlace(a: FoundServer, b: FoundServer): number {
  if (a.host !== b.host) return a.host < b.host ? -1 : 1;
  return a.port - b.port;
}

function isSame(a: readonly FoundServer[], b: readonly FoundServer[]): boolean {
  return (
    a.length === b.length &&
    a.every((it, i) => {
      const other = b[i] as FoundServer;
      return (
        byPlace(it, other) === 0 &&
        it.name === other.name &&
        it.weight === other.weight &&
        it.isBackup === other.isBackup
      );
    })
  );
}
