export type { DiscoveryState, DnsSource, FoundServer, LookupOutcome } from './decide.ts';
export { MAX_SERVERS } from './decide.ts';
export { Discovery, type DiscoveryReport, type DiscoveryView } from './loop.ts';
