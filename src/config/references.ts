/**
 * What the schema cannot see because it takes two places of the file to know: names that nothing has, things given
 * twice, keys that contradict each other. Works on the loose reading, so it runs also when fields are wrong.
 */
import { isIP } from 'node:net';
import { canonicalAddress, parseHostPort } from '../kernel/address.ts';
import { checkAccess } from './check-access.ts';
import { checkProtocol } from './check-protocol.ts';
import { checkShared } from './check-shared.ts';
import { checkTenants } from './check-tenants.ts';
import type { Path, Problem } from './diagnostic.ts';
import { pathText } from './diagnostic.ts';
import type { At, Loose, LooseListener, LoosePool } from './loose.ts';
import { didYouMean } from './schema/basics.ts';
import { parseServerAddress } from './schema/server.ts';
import { quote } from './units.ts';

type LineOf = (path: Path) => number;

function error(path: Path, message: string, at: Problem['at'] = 'value'): Problem {
  return { severity: 'error', path, at, message };
}

function warning(path: Path, message: string, at: Problem['at'] = 'value'): Problem {
  return { severity: 'warning', path, at, message };
}

function unknown(what: string, reference: At, names: readonly string[]): Problem {
  const guess = didYouMean(reference.text, names);
  const known = names.length === 0 ? ` There is no ${what} at all.` : ` There is ${names.join(', ')}.`;
  return error(
    reference.path,
    `no ${what} is called ${quote(reference.text)}${guess === undefined ? `.${known}` : ` – did you mean "${guess}"?`}`,
  );
}

/** All checks over the file as a whole. */
export function checkReferences(loose: Loose, lineOf: LineOf): Problem[] {
  return [
    ...checkShape(loose),
    ...checkRoutes(loose, lineOf),
    ...checkListeners(loose, lineOf),
    ...loose.pools.flatMap((pool) => checkPool(pool, lineOf)),
    ...checkZones(loose),
    ...checkAdmin(loose, lineOf),
    ...checkAccess(loose, lineOf),
    ...checkShared(loose),
    ...checkTenants(loose),
  ];
}

/** Something to listen on and something to do. One-pool form is `one-pool.ts`'s business. */
function checkShape(loose: Loose): Problem[] {
  if (loose.keys.has('listen') || loose.keys.has('servers')) return [];
  if (!loose.keys.has('listeners'))
    return [error([], 'There is no listener: nothing could connect. Add listeners, or listen and servers.')];
  if (loose.listeners.length === 0)
    return [error(['listeners'], 'There is no listener: nothing could connect.')];
  if (loose.routes.length === 0 && loose.listeners.some((each) => !each.redirects))
    return [warning(['listeners'], 'There are no routes: every request is answered 404.')];
  return unusedPools(loose);
}

function unusedPools(loose: Loose): Problem[] {
  const used = new Set(
    loose.routes.flatMap(({ pools, mirror }) =>
      [...pools, ...(mirror ? [mirror] : [])].map(({ text }) => text),
    ),
  );
  return loose.pools
    .filter((pool) => !used.has(pool.name))
    .map((pool) => warning(pool.path, `no route leads to the pool ${quote(pool.name)}.`, 'key'));
}

function checkRoutes(loose: Loose, lineOf: LineOf): Problem[] {
  const pools = loose.pools.map((pool) => pool.name);
  const listeners = loose.listeners.map((listener) => listener.name);
  const redirecting = new Set(loose.listeners.filter((each) => each.redirects).map((each) => each.name));
  const hasTls = loose.listeners.some((each) => each.hasTls && !each.redirects);
  const problems: Problem[] = [];
  const seen = new Map<string, Path>();
  for (const route of loose.routes) {
    if (route.hasFaults)
      problems.push(
        warning(
          [...route.path, 'faults'],
          'faults are injected into this route on purpose. Remove them before anybody relies on it.',
          'key',
        ),
      );
    for (const each of route.pools)
      if (!pools.includes(each.text)) problems.push(unknown('pool', each, pools));
    if (route.mirror && !pools.includes(route.mirror.text))
      problems.push(unknown('pool', route.mirror, pools));
    if (route.pools.some(({ text }) => text === route.mirror?.text))
      problems.push(
        error(
          route.mirror?.path ?? route.path,
          'the copies would go to the pool that answers. Name another one.',
        ),
      );
    for (const each of route.listeners ?? []) {
      if (!listeners.includes(each.text)) problems.push(unknown('listener', each, listeners));
      else if (redirecting.has(each.text))
        problems.push(
          error(each.path, `the listener ${quote(each.text)} redirects every request, so it has no routes.`),
        );
    }
    if (route.redirectTo?.text === 'https' && !hasTls)
      problems.push(error(route.redirectTo.path, 'There is no listener with tls to redirect to.'));
    if (route.name === undefined) continue;
    const before = seen.get(route.name);
    if (before)
      problems.push(
        error(
          [...route.path, 'name'],
          `another route is called ${quote(route.name)} already, in line ${lineOf(before)}.`,
        ),
      );
    else seen.set(route.name, [...route.path, 'name']);
  }
  return problems;
}

function checkListeners(loose: Loose, lineOf: LineOf): Problem[] {
  const certificates = loose.certificates.map((each) => each.name);
  const hasTls = loose.listeners.some((each) => each.hasTls && !each.redirects);
  const problems: Problem[] = [];
  loose.listeners.forEach((listener, index) => {
    for (const each of listener.certificates)
      if (!certificates.includes(each.text)) problems.push(unknown('certificate', each, certificates));
    const redirect = [...listener.path, 'redirect'];
    if (listener.redirects && listener.hasTls)
      problems.push(
        error(
          redirect,
          'a listener either redirects to https or has tls itself. Remove one of the two.',
          'key',
        ),
      );
    else if (listener.redirects && !hasTls)
      problems.push(
        error(
          redirect,
          'there is no listener with tls to redirect to. Add one, such as https: { port: 443, tls: { certificates: […] } }.',
        ),
      );
    if (['optional', 'required'].includes(listener.proxyProtocol ?? '') && !listener.trustsSomebody)
      problems.push(
        error(
          [...listener.path, 'proxy_protocol'],
          'nobody’s PROXY header would be believed. Name the proxies in front: trusted_proxies: [10.0.0.0/8].',
        ),
      );
    if (listener.hasH2c && listener.hasTls)
      problems.push(
        error([...listener.path, 'h2c'], 'a listener with tls takes HTTP/2 by http2. Remove h2c.', 'key'),
      );
    if (listener.hasHttp2 && !listener.hasTls)
      problems.push(
        warning(
          [...listener.path, 'http2'],
          'http2 is offered in TLS handshakes, and this listener has no tls. For HTTP/2 without TLS write h2c: true.',
          'key',
        ),
      );
    const rival = loose.listeners.slice(0, index).find((before) => samePlace(before, listener));
    if (rival?.port === undefined && rival)
      problems.push(
        error(
          [...listener.path, 'address'],
          `${listener.address} is taken by ${pathText(rival.path)} (line ${lineOf(rival.path)}). Give one of them another path.`,
        ),
      );
    else if (rival)
      problems.push(
        error(
          [...listener.path, 'port'],
          `port ${listener.port} is taken by ${pathText(rival.path)} (line ${lineOf(rival.path)}). Give one of them another port or address.`,
        ),
      );
  });
  return [...problems, ...withoutRoutes(loose)];
}

function samePlace(a: LooseListener, b: LooseListener): boolean {
  if (a.address?.startsWith('unix:')) return a.address === b.address;
  if (a.port === undefined || a.port === 0 || a.port !== b.port) return false;
  const anyAddress = (each: LooseListener): boolean =>
    each.address === undefined || each.address === '::' || each.address === '0.0.0.0';
  return (
    anyAddress(a) || anyAddress(b) || canonicalAddress(a.address ?? '') === canonicalAddress(b.address ?? '')
  );
}

function withoutRoutes(loose: Loose): Problem[] {
  if (loose.routes.length === 0 || loose.routes.some((route) => route.listeners === undefined)) return [];
  const used = new Set(loose.routes.flatMap((route) => route.listeners?.map((each) => each.text) ?? []));
  return loose.listeners
    .filter((each) => !each.redirects && !used.has(each.name))
    .map((each) =>
      warning(
        each.path,
        `no route has the listener ${quote(each.name)}: every request is answered 404.`,
        'key',
      ),
    );
}

function checkPool(pool: LoosePool, lineOf: LineOf): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, Path>();
  const schemes = new Map<string, Path>();
  for (const server of pool.servers) {
    const parsed = server.address === undefined ? undefined : parseServerAddress(server.address);
    if (parsed === undefined ? server.name === undefined : 'error' in parsed) continue;
    const key =
      parsed && !('error' in parsed) ? `${parsed.host}:${parsed.port}` : `dns ${server.name?.toLowerCase()}`;
    const before = seen.get(key);
    if (before)
      problems.push(
        error(
          server.path,
          `${quote(server.address ?? server.name)} is in this pool already, in line ${lineOf(before)}. To give it more requests set its weight.`,
        ),
      );
    else seen.set(key, server.path);
    if (!parsed || 'error' in parsed) continue;
    const scheme = parsed.scheme === 'https' ? 'https' : 'http';
    if (!schemes.has(scheme)) schemes.set(scheme, server.path);
  }
  const secure = schemes.get('https');
  const plain = schemes.get('http');
  if (secure && plain)
    problems.push(
      error(plain, 'the servers of a pool either all speak https or none. Make two pools of them.'),
    );
  if (secure && pool.upstreamTls === false)
    problems.push(
      error(secure, 'the address says https, but upstream.tls says false. Remove one of the two.'),
    );
  const explicit = pool.servers.find((each) => each.address?.toLowerCase().startsWith('http://'));
  if (explicit && pool.upstreamTls !== undefined && pool.upstreamTls !== false)
    problems.push(
      error(
        explicit.path,
        'the address says http, but upstream.tls turns TLS on. Write the address without http://.',
      ),
    );
  if (pool.servers.length === 0)
    problems.push(
      warning(
        pool.path,
        'the pool has no servers: until the API adds one, every request is answered 503.',
        'key',
      ),
    );
  return [
    ...problems,
    ...checkChoice(pool),
    ...networkChecks(pool),
    ...checkProtocol(pool),
    ...duplicateIds(pool, lineOf),
  ];
}

/** Zones of servers mean nothing to who does not know where it is. */
function checkZones(loose: Loose): Problem[] {
  const zones = loose.pools.flatMap((pool) => pool.servers.flatMap((server) => server.zone ?? []));
  const [first] = zones;
  if (first === undefined || loose.keys.has('zone')) return [];
  const text = `without a zone of Sluice’s own, all servers are alike near. Add at the top: zone: ${first.text}.`;
  return [warning(first.path, text)];
}

/** Keys that each choose the algorithm, and one another. */
function checkChoice({ path, algorithm, stickyBy, hasHash }: LoosePool): Problem[] {
  const problems: Problem[] = [];
  const complain = (key: string, text: string): void =>
    void problems.push(error([...path, key], `${text} Remove one of the two.`));
  const meant = stickyBy === 'ip' ? 'ip_hash' : 'consistent_hash';
  if (stickyBy !== undefined && algorithm !== undefined && algorithm !== meant)
    complain('sticky', `sticky: ${stickyBy} is the algorithm ${meant}, but algorithm says ${algorithm}.`);
  if (hasHash && algorithm !== undefined && algorithm !== 'consistent_hash')
    complain('hash', `hash belongs to the algorithm consistent_hash, but algorithm says ${algorithm}.`);
  if (hasHash && stickyBy === 'ip')
    complain('hash', 'sticky: ip keeps clients by their address, hash by something else.');
  if (hasHash && stickyBy !== undefined && stickyBy !== 'ip')
    complain('hash', `sticky: ${stickyBy} says already what keeps its server.`);
  return problems;
}

function networkChecks({ networkCheck, agent, servers }: LoosePool): Problem[] {
  const check = networkCheck ?? agent;
  const local = servers.find((each) => each.address?.startsWith('unix:'));
  if (local === undefined || check === undefined) return [];
  const what =
    check.text === 'agent'
      ? 'has no port for an agent. Remove the key'
      : check.text === 'icmp'
        ? 'cannot be pinged. Use tcp or http'
        : 'has no other port. Remove the key';
  return [error(check.path, `the server ${quote(local.address)} is a Unix socket, which ${what}.`)];
}

/** Ids name servers in API, logs and sticky cookies; a server without one is called by its address. */
function duplicateIds(pool: LoosePool, lineOf: LineOf): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, Path>();
  for (const server of pool.servers) {
    if (server.id === undefined) continue;
    const path = [...server.noun, 'id'];
    const before = seen.get(server.id);
    if (before)
      problems.push(
        error(
          path,
          `another server of the pool has the id ${quote(server.id)} already, in line ${lineOf(before)}.`,
        ),
      );
    else seen.set(server.id, path);
  }
  return problems;
}

function checkAdmin(loose: Loose, lineOf: LineOf): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, Path>();
  for (const token of loose.tokens) {
    if (!token.name) continue;
    const before = seen.get(token.name.text);
    if (before)
      problems.push(
        error(
          token.name.path,
          `another token is called ${quote(token.name.text)} already, in line ${lineOf(before)}.`,
        ),
      );
    else seen.set(token.name.text, token.name.path);
  }
  const at = loose.adminListen;
  const place = at && parseHostPort(at.text);
  if (!at || !place) return problems;
  if (!isLoopback(place.host)) {
    if (loose.tokens.length === 0)
      problems.push(
        error(
          at.path,
          `${quote(at.text)} can be reached from other machines. Add admin.tokens, or listen on 127.0.0.1.`,
        ),
      );
    else
      problems.push(
        warning(
          at.path,
          `${quote(at.text)} can be reached from other machines, and tokens cross the network unencrypted.`,
        ),
      );
  }
  const rival = loose.listeners.find(
    (each) =>
      each.port === place.port &&
      place.port !== 0 &&
      (each.address === undefined ||
        each.address === place.host ||
        each.address === '0.0.0.0' ||
        each.address === '::'),
  );
  if (rival)
    problems.push(
      error(at.path, `port ${place.port} is taken by ${pathText(rival.path)} (line ${lineOf(rival.path)}).`),
    );
  return problems;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
