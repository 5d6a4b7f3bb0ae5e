/**
 * One look-up of a name: A and AAAA side by side, or SRV and then its targets. Asks DNS itself (c-ares), not the system's
 * `getaddrinfo`, which knows no TTL, no SRV and no other resolver, and takes a thread of Node's four for each question.
 * So `/etc/hosts` and search domains do not count. Answers over UDP, and over TCP when they were cut short.
 *
 * Each look-up has a resolver of its own: that reads /etc/resolv.conf again, and one that is ended ends nothing else.
 */
import { Resolver } from 'node:dns/promises';
import { errorText } from '../../kernel/errors.ts';
import type { AddressAnswer, DnsSource, Family, LookupAnswer, Target } from './decide.ts';

export interface Lookup {
  readonly answer: Promise<LookupAnswer>;
  /** Ends it; then it has failed. */
  cancel(): void;
}

export type LookUp = (source: DnsSource) => Lookup;

/** Of one try with one resolver; the next one has longer. */
const TIMEOUT_MS = 1000;
const TRIES = 2;
/** Targets of an SRV record that are looked up. */
const MAX_TARGETS = 64;

/** RFC 2308: the name is not there, or has no such record. */
const NOT_THERE = new Set(['ENOTFOUND', 'ENODATA']);

export function lookUp(source: DnsSource): Lookup {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  const answer = askWith(resolver, source).catch((thrown: unknown): LookupAnswer => {
    if (isNotThere(thrown)) return { kind: 'targets', targets: [] };
    return { kind: 'failed', why: whyOf(thrown, source.name) };
  });
  return { answer, cancel: () => resolver.cancel() };
}

async function askWith(resolver: Resolver, source: DnsSource): Promise<LookupAnswer> {
  if (source.resolvers.length > 0) resolver.setServers(source.resolvers);
  const { name, port } = source;
  if (source.kind === 'address') {
    const target = await targetOf(resolver, source, { name, port, priority: -1, weight: -1 });
    return { kind: 'targets', targets: [target] };
  }
  const records = await resolver.resolveSrv(name);
  const targets = records
    // A target of "." says that there is no such service (RFC 2782).
    .filter((it) => it.name !== '' && it.name !== '.' && it.port > 0)
    .sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_TARGETS);
  return { kind: 'targets', targets: await Promise.all(targets.map((it) => targetOf(resolver, source, it))) };
}

async function targetOf(
  resolver: Resolver,
  { family }: DnsSource,
  { name, port, priority, weight }: Omit<Target, 'families'>,
): Promise<Target> {
  const families: Family[] = family === 'ipv4' ? [4] : family === 'ipv6' ? [6] : [4, 6];
  const answers = families.map(async (each) => ({
    family: each,
    answer: await addresses(resolver, name, each),
  }));
  return { name, port, priority, weight, families: await Promise.all(answers) };
}

async function addresses(resolver: Resolver, name: string, family: Family): Promise<AddressAnswer> {
  try {
    const records =
      family === 4
        ? await resolver.resolve4(name, { ttl: true })
        : await resolver.resolve6(name, { ttl: true });
    if (records.length === 0) return { kind: 'none' };
    const ttlMs = Math.min(...records.map((it) => it.ttl)) * 1000;
    return { kind: 'found', addresses: records.map((it) => it.address), ttlMs };
  } catch (thrown) {
    return isNotThere(thrown) ? { kind: 'none' } : { kind: 'failed', why: whyOf(thrown, name) };
  }
}

const codeOf = (thrown: unknown): string => String((thrown as NodeJS.ErrnoException | undefined)?.code);

function isNotThere(thrown: unknown): boolean {
  return NOT_THERE.has(codeOf(thrown));
}

const WORDS: Readonly<Record<string, string>> = {
  ETIMEOUT: 'the resolver does not answer',
  ECONNREFUSED: 'nobody listens where the resolver should be',
  ESERVFAIL: 'the resolver has failed (SERVFAIL)',
  EREFUSED: 'the resolver refuses to answer (REFUSED)',
  EBADRESP: 'the resolver answers nonsense',
  EFORMERR: 'the resolver does not understand the question (FORMERR)',
  ENOTIMP: 'the resolver does not know this kind of question (NOTIMP)',
  ECANCELLED: 'the look-up was ended',
};

function whyOf(thrown: unknown, name: string): string {
  return `${name}: ${WORDS[codeOf(thrown)] ?? errorText(thrown)}`;
}
