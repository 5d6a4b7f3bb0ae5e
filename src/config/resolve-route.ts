/** Routes in the program's words; see resolve.ts. */

import type { NamedValue } from '../kernel/named-value.ts';
import { resolveAuth, resolveCors } from './resolve-access.ts';
import { type ResolveContext, sourceOf } from './resolve-context.ts';
import { resolveRouteRetry } from './resolve-failing.ts';
import { resolveLimits, resolveMeter } from './resolve-limits.ts';
import { resolveErrorPages, resolveMaintenance, resolveRespond } from './resolve-pages.ts';
import type { CompressConfig, FaultsConfig, FieldsConfig, RouteAction, RouteConfig } from './resolved.ts';
import type { LongForm } from './schema/file.ts';
import { parseRequestKey } from './schema/request-key.ts';

type LongRoute = NonNullable<LongForm['routes']>[number];

export function resolveRoutes(
  specs: readonly LongRoute[],
  routed: readonly string[],
  context: ResolveContext,
): RouteConfig[] {
  const taken = new Set(specs.flatMap((spec) => spec.name ?? []));
  return specs.map((spec, index) => {
    const name = spec.name ?? freeName(spec.pool ?? `route-${index + 1}`, index, taken);
    taken.add(name);
    return {
      name,
      listeners: spec.listeners ?? routed,
      match: {
        hosts: anyIsEmpty(spec.match.host ?? []).map((host) => host.toLowerCase()),
        paths: anyIsEmpty(spec.match.path ?? []),
        patterns: spec.match.path_pattern ?? [],
        clients: spec.match.client,
        methods: spec.match.method ?? [],
        headers: valuesOf(spec.match.header, (it) => it.toLowerCase()),
        queries: valuesOf(spec.match.query, (it) => it),
      },
      action: resolveAction(spec, context),
      rewrite: spec.rewrite && {
        stripPrefix: spec.rewrite.strip_prefix ?? '',
        addPrefix: spec.rewrite.add_prefix ?? '',
      },
      errorPages: resolveErrorPages(spec.error_pages, context),
      maintenance: resolveMaintenance(spec.maintenance, context),
      compress: spec.compress ? resolveCompress(spec.compress) : undefined,
      fields: {
        request: spec.headers?.request && resolveFields(spec.headers.request),
        response: spec.headers?.response && resolveFields(spec.headers.response),
      },
      ...resolveLimits(spec),
      auth: spec.auth && resolveAuth(spec.auth, context),
      cors: spec.cors && resolveCors(spec.cors),
      meter: resolveMeter(spec),
      ipAllow: spec.ip_allow,
      ipDeny: spec.ip_deny,
      faults: spec.faults && resolveFaults(spec.faults),
      mirror: spec.mirror,
      retry: spec.retry && resolveRouteRetry(spec.retry),
      priority: spec.priority ?? 'normal',
      buffering: {
        requestBytes: bufferBytes(spec.buffering?.request),
        responseBytes: bufferBytes(spec.buffering?.response),
      },
      timeoutMs: spec.timeout,
      source: sourceOf(context, ['routes', index]),
    };
  });
}

type LongCompress = Exclude<NonNullable<LongRoute['compress']>, false>;

function resolveCompress({ types, min_size, algorithms, skip_set_cookie }: LongCompress): CompressConfig {
  return { types, minSizeBytes: min_size, algorithms, skipsSetCookie: skip_set_cookie };
}

/** Of `true`. */
const BUFFER_BYTES = 1024 * 1024;

function bufferBytes(spec: number | boolean = false): number {
  return typeof spec === 'number' ? spec : spec ? BUFFER_BYTES : 0;
}

/** The pool's name reads best in a log; a second route to the same pool gets its place in the file. */
function freeName(wanted: string, index: number, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let step = index + 1; taken.has(name); step++) name = `route-${step}`;
  return name;
}

type LongFields = NonNullable<NonNullable<LongRoute['headers']>['request']>;

function resolveFields({ remove, set, add }: LongFields): FieldsConfig {
  const asWritten = (name: string): string => name;
  return {
    remove: remove.map((name) => name.toLowerCase()),
    set: valuesOf(set, asWritten),
    add: valuesOf(add, asWritten),
  };
}

function valuesOf(
  values: Readonly<Record<string, string>> = {},
  nameOf: (name: string) => string,
): NamedValue[] {
  return Object.entries(values).map(([name, value]) => ({ name: nameOf(name), value }));
}

function anyIsEmpty(patterns: readonly string[]): readonly string[] {
  return patterns.some((each) => each === '*' || each === '/*') ? [] : patterns;
}

function resolveAction(spec: LongRoute, context: ResolveContext): RouteAction {
  if (spec.split)
    return {
      type: 'split',
      shares: Object.entries(spec.split).map(([pool, weight]) => ({ pool, weight })),
      key: parseRequestKey(spec.split_by ?? 'client_ip'),
    };
  if (spec.redirect) {
    const { to, status, keep_query } = spec.redirect;
    return { type: 'redirect', to, status, keepsQuery: keep_query };
  }
  if (spec.respond) return resolveRespond(spec.respond, context);
  return { type: 'pool', pool: spec.pool ?? '' };
}

function resolveFaults({ delay, abort }: NonNullable<LongRoute['faults']>): FaultsConfig {
  return {
    delay: delay ? { timeMs: delay.time, share: delay.share } : null,
    abort: abort ?? null,
  };
}
