/** `sluice route test METHOD URL`: what the file makes of a request, without a daemon. */
import { isIP } from 'node:net';
import { relative } from 'node:path';
import {
  type AppliedLimit,
  type AskedRequest,
  type Explanation,
  explainRequest,
  FOUND_LATER,
  type Outcome,
} from '../assembly/explain.ts';
import {
  formatByteRate,
  formatDuration,
  formatPercent,
  formatRate,
  formatSize,
  type HedgeConfig,
  type MeterConfig,
  type RateLimitConfig,
  type RequestKey,
  type ResolvedConfig,
  type Source,
} from '../config/index.ts';
import { chooseSource, diagnosticsText, load } from './configuration.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';
import { UsageError } from './failure.ts';
import { type Painter, painter } from './paint.ts';

export interface RouteTestOptions {
  readonly config?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly listener?: string | undefined;
  /** Address of the client. */
  readonly client: string;
  readonly json?: boolean | undefined;
}

export function routeTest(
  method: string,
  url: string,
  options: RouteTestOptions,
  context: Context,
): ExitCode {
  // The certificates need not be there to tell where a request would go.
  const loaded = load(chooseSource(options, context), context, false);
  if (!loaded.ok) {
    context.stderr.write(diagnosticsText(loaded.diagnostics, loaded.frameText, context.stderr));
    return EXIT.usage;
  }
  const request = readRequest(method, url, options, loaded.config);
  const explanation = explainRequest(loaded.config, request);
  if (options.json === true)
    context.stdout.write(`${JSON.stringify(asJson(request, explanation, context.cwd), null, 2)}\n`);
  else context.stdout.write(asText(request, explanation, context.cwd, painter(context.stdout)));
  return explanation.outcome.type === 'unreachable' ? EXIT.failure : EXIT.ok;
}

// ---- the question

/** Not by `URL`: it would resolve the very dots and escapes that routes are careful about. */
const WHOLE_URL = /^(https?):\/\/([^/?#\s]+)([^?#\s]*)(\?[^#\s]*)?(?:#\S*)?$/i;

/** @throws UsageError */
export function readRequest(
  method: string,
  url: string,
  options: Pick<RouteTestOptions, 'header' | 'listener' | 'client'>,
  config: ResolvedConfig,
): AskedRequest {
  if (!/^[A-Za-z]+$/.test(method)) throw new UsageError(`"${method}" is not a method`, EXAMPLE);
  if (isIP(options.client) === 0) throw new UsageError(`"${options.client}" is not an IP address`);
  const headers = readHeaders(options.header ?? []);
  const host = headers.findLast(([name]) => name === 'host')?.[1];
  const rest = {
    method: method.toUpperCase(),
    clientIp: options.client,
    listener: options.listener,
    headers,
  };
  if (/^\/\S*$/.test(url)) {
    const listener =
      config.listeners.find((it) => it.name === options.listener) ??
      config.listeners.find((it) => it.redirectTo === undefined);
    const scheme = listener?.tls === undefined ? 'http' : 'https';
    const port = listener?.port ?? 80;
    return { ...rest, scheme, port, authority: host ?? `localhost:${port}`, target: url };
  }
  const match = WHOLE_URL.exec(url);
  if (!match) throw new UsageError(`"${url}" is not a URL`, EXAMPLE);
  const scheme = match[1]?.toLowerCase() === 'https' ? 'https' : 'http';
  const authority = match[2] ?? '';
  const named = /:(\d{1,5})$/.exec(authority)?.[1];
  const port = named === undefined ? (scheme === 'https' ? 443 : 80) : Number(named);
  const target = `${match[3] || '/'}${match[4] ?? ''}`;
  return { ...rest, scheme, port, authority: host ?? authority, target };
}

const EXAMPLE = 'For example: sluice route test GET https://shop.example.com/books';

function readHeaders(headers: readonly string[]): [name: string, value: string][] {
  return headers.map((header) => {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(header);
    if (!match)
      throw new UsageError(`"${header}" is not a header`, `For example: -H 'Host: shop.example.com'`);
    return [(match[1] ?? '').toLowerCase(), match[2] ?? ''];
  });
}

// ---- the answer

/** `config/sluice.yaml:12`, as short as it can be said from here. */
function place({ file, line }: Source, cwd: string): string {
  const near = relative(cwd, file);
  const shown = file.startsWith('<') || near.startsWith('..') ? file : near;
  return line === 0 ? shown : `${shown}:${line}`;
}

interface Row {
  readonly label: string;
  readonly text: string;
  readonly source?: Source;
  readonly mark?: boolean;
}

function asText(request: AskedRequest, explanation: Explanation, cwd: string, paint: Painter): string {
  const { outcome } = explanation;
  const rows = [...wayRows(explanation), ...outcomeRows(outcome, request.target)];
  const labelWidth = Math.max(...rows.map((row) => row.label.length));
  const textWidth = Math.max(...rows.filter((row) => row.source).map((row) => row.text.length), 0);
  const lines = rows.map(({ label, text, source, mark }) => {
    const shown = mark === true ? paint.bold(text.padEnd(textWidth)) : text.padEnd(textWidth);
    const where = source === undefined ? '' : `  ${paint.dim(place(source, cwd))}`;
    return `${paint.dim(label.padEnd(labelWidth))}  ${mark === true ? paint.green('▸') : ' '} ${shown}${where}`.trimEnd();
  });
  const { method, scheme, authority, target } = request;
  return `${paint.bold(`${method} ${scheme}://${authority}${target}`)}\n\n${lines.join('\n')}\n\n${verdict(outcome, cwd, paint)}\n`;
}

function wayRows({ listener, routes, asks, limits, rules, path }: Explanation): Row[] {
  const rows: Row[] = [];
  if (listener)
    rows.push({
      label: 'listener',
      text: `${listener.what.name}: ${listener.why}`,
      source: listener.what.source,
      mark: true,
    });
  const limitRows = (of: AppliedLimit['of']): Row[] =>
    limits
      .filter((it) => it.of === of)
      .map(({ name, limit, source }) => ({
        label: 'limit',
        text: limitText(limit, of === 'tenant' ? `the tenant ${name}, on all its routes` : undefined),
        source,
      }));
  rows.push(...limitRows('listener'));
  if (routes.length > 0) rows.push({ label: 'path', text: `${path}` });
  for (const { name, outcome, detail, source } of routes)
    rows.push({ label: 'route', text: `${name}: ${detail}`, source, mark: outcome === 'matched' });
  return [
    ...rows,
    ...asks.map(({ key, text, source }) => ({ label: key, text, source })),
    ...limitRows('route'),
    ...limitRows('tenant'),
    ...rules.map(({ key, text, source }) => ({ label: key, text, source })),
  ];
}

/** @param whom it counts together; undefined = as its key says */
function limitText(limit: AppliedLimit['limit'], whom?: string): string {
  if ('maxBodyBytes' in limit) return meterText(limit);
  const counted = whom ?? countedText(limit.key);
  const dryRun = limit.dryRun ? ', dry run: refuses nobody' : '';
  if ('max' in limit) return `${limit.max} at one time for ${counted}${dryRun}`;
  const burst = limit.burst === undefined ? '' : `, bursts of ${limit.burst}`;
  const shared = limit.shared ? ', shared by daemons' : '';
  return `${formatRate(limit)} for ${counted}${burst}${shared}${dryRun}`;
}

function meterText({ maxBodyBytes, downloadRate, uploadRate }: MeterConfig): string {
  return [
    ...(maxBodyBytes > 0 ? [`bodies up to ${formatSize(maxBodyBytes)}`] : []),
    ...(downloadRate > 0 ? [`answers at ${formatByteRate(downloadRate)}`] : []),
    ...(uploadRate > 0 ? [`uploads at ${formatByteRate(uploadRate)}`] : []),
  ].join(', ');
}

function countedText(key: RateLimitConfig['key']): string {
  if ('name' in key) return `each value of the ${key.kind} ${key.name}`;
  switch (key.kind) {
    case 'client_ip':
      return 'each client address';
    case 'path':
      return 'each path';
    case 'tenant':
      return 'each tenant';
    default:
      return `the whole ${key.kind}`;
  }
}

type PoolOutcome = Extract<Outcome, { type: 'pool' }>;

function outcomeRows(outcome: Outcome, asked: string): Row[] {
  if (outcome.type !== 'pool') return [];
  const { pool, servers, split, priority } = outcome;
  const rows: Row[] = [
    { label: 'pool', text: `${pool.name}: ${pool.algorithm}`, source: pool.source, mark: true },
  ];
  if (outcome.target !== asked)
    rows.unshift({ label: 'rewrite', text: `${asked} is asked for as ${outcome.target}` });
  if (split) rows.unshift({ label: 'split', text: splitText(split, pool.name) });
  if (pool.hash) rows.push({ label: 'hash', text: `${keyText(pool.hash.key)} keeps its server` });
  if (pool.sticky) {
    const { cookie, ttlMs } = pool.sticky;
    const until = ttlMs === undefined ? 'until the browser closes' : `for ${formatDuration(ttlMs)}`;
    rows.push({ label: 'sticky', text: `cookie ${cookie} keeps a client on its server ${until}` });
  }
  if (priority !== 'normal' || pool.queue.priorityField !== undefined)
    rows.push({ label: 'priority', text: `${priority}, where it has to wait` });
  if (pool.hedge) rows.push({ label: 'hedge', text: hedgeText(pool.hedge) });
  for (const server of servers) {
    if (server.why === FOUND_LATER) {
      rows.push({ label: 'servers', text: `${server.id}, ${FOUND_LATER}`, source: server.source });
      continue;
    }
    const name = server.id === server.address ? server.id : `${server.id} (${server.address})`;
    const share = server.why === '' ? shareText(pool.algorithm, server.shareFraction) : `none: ${server.why}`;
    rows.push({ label: 'server', text: `${name}, weight ${server.weight}, ${share}`, source: server.source });
  }
  return rows;
}

function hedgeText(hedge: HedgeConfig): string {
  const when =
    'delayMs' in hedge
      ? `after ${formatDuration(hedge.delayMs)}`
      : `when it takes longer than ${percentText(hedge.quantile)} of the answers`;
  return `a second server is asked ${when}, if the request may be sent twice`;
}

/** `books 95%, books-v2 5%; by the client’s address: books`. */
function splitText({ shares, key }: NonNullable<PoolOutcome['split']>, side: string): string {
  const total = shares.reduce((sum, it) => sum + it.weight, 0);
  const parts = shares.map(({ pool, weight }) => `${pool} ${percentText(weight / total)}`);
  return `${parts.join(', ')}; by ${keyText(key)}: ${side}`;
}

function keyText(key: RequestKey): string {
  if ('name' in key) return `the ${key.kind} ${key.name}`;
  return key.kind === 'path' ? 'the path' : 'the client’s address';
}

function percentText(fraction: number): string {
  return formatPercent(Math.round(fraction * 10_000) / 10_000);
}

function shareText(algorithm: string, fraction: number): string {
  const percent = formatPercent(Math.round(fraction * 100) / 100);
  return algorithm === 'ip_hash' || algorithm === 'consistent_hash'
    ? `${percent} of the ${algorithm === 'ip_hash' ? 'clients' : 'keys'}`
    : `${percent} of the requests`;
}

/** Files are not looked into here. */
function bodyText({ body, file }: Extract<Outcome, { type: 'respond' }>, cwd: string): string {
  return file === undefined ? `${Buffer.byteLength(body)} B of` : `${place({ file, line: 0 }, cwd)} as`;
}

function verdict(outcome: Outcome, cwd: string, paint: Painter): string {
  switch (outcome.type) {
    case 'pool': {
      const open = outcome.servers.filter((it) => it.why === '');
      if (outcome.servers.some((it) => it.why === FOUND_LATER))
        return `${paint.green('→')} a server of pool ${outcome.pool.name} answers`;
      if (open.length === 0)
        return `${paint.red('→')} 503: pool ${outcome.pool.name} has no server that takes requests`;
      const who =
        open.length === 1 ? open[0]?.id : `one of ${open.length} servers of pool ${outcome.pool.name}`;
      return `${paint.green('→')} ${who} answers`;
    }
    case 'redirect':
      return `${paint.cyan('→')} ${outcome.status} to ${outcome.location}`;
    case 'respond':
      return `${paint.cyan('→')} ${outcome.status}, ${bodyText(outcome, cwd)} ${outcome.contentType}`;
    case 'refused':
      return `${paint.red('→')} ${outcome.status} ${outcome.reason}: ${outcome.detail || outcome.hint}`;
    case 'unreachable':
      return `${paint.red('→')} ${outcome.detail}`;
    default:
      return outcome satisfies never;
  }
}

function asJson(request: AskedRequest, explanation: Explanation, cwd: string): unknown {
  const { listener, routes, asks, limits, rules, outcome, host, path } = explanation;
  const at = (source: Source): string => place(source, cwd);
  return {
    request: { ...request, host, path },
    listener: listener && { name: listener.what.name, why: listener.why, at: at(listener.what.source) },
    routes: routes.map(({ source, ...step }) => ({ ...step, at: at(source) })),
    asks: asks.map(({ source, ...ask }) => ({ ...ask, at: at(source) })),
    rules: rules.map(({ source, ...rule }) => ({ ...rule, at: at(source) })),
    limits: limits.map(({ source, ...rest }) => ({ ...rest, at: at(source) })),
    outcome:
      outcome.type === 'pool'
        ? {
            type: 'pool',
            pool: outcome.pool.name,
            algorithm: outcome.pool.algorithm,
            at: at(outcome.pool.source),
            split: outcome.split && { shares: outcome.split.shares, key: outcome.split.key },
            priority: outcome.priority,
            servers: outcome.servers.map(({ source, ...server }) => ({ ...server, at: at(source) })),
          }
        : outcome.type === 'respond' && outcome.file !== undefined
          ? { ...outcome, body: undefined, file: place({ file: outcome.file, line: 0 }, cwd) }
          : outcome,
  };
}
