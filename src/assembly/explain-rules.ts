/** What else a route does with a request, in words: for `route test`. */
import {
  type CompressConfig,
  type ErrorPageConfig,
  type FaultsConfig,
  type FieldsConfig,
  formatDuration,
  formatPercent,
  formatSize,
  type MirrorConfig,
  type NonIdempotent,
  type RouteConfig,
  type RouteRetryConfig,
  type Source,
} from '../config/index.ts';
import { negotiate } from '../encode/index.ts';
import { fieldValue, fieldValues } from '../http/index.ts';
import { isGrpc, isMirrored } from '../proxy/index.ts';

export interface RouteRule {
  /** The key of the route. */
  readonly key:
    | 'faults'
    | 'mirror'
    | 'buffering'
    | 'headers'
    | 'retry'
    | 'timeout'
    | 'compress'
    | 'error_pages';
  readonly text: string;
  readonly source: Source;
}

/** @param fieldLines of the request, each with CRLF */
export function rulesOf(route: RouteConfig, fieldLines: string): RouteRule[] {
  const { faults, mirror, buffering, fields, retry, timeoutMs, compress, errorPages, source } = route;
  const rules: RouteRule[] = [];
  const add = (key: RouteRule['key'], text: string): void => void rules.push({ key, text, source });
  const faultsAre = faults === undefined ? '' : faultsText(faults);
  if (faultsAre !== '') add('faults', faultsAre);
  if (mirror) add('mirror', mirrorText(mirror, fieldLines));
  const isTalk = isGrpc(fieldLines) || fieldValue(fieldLines, 'upgrade') !== undefined;
  for (const text of bufferingTexts(buffering, isTalk)) add('buffering', text);
  if (fields.request) add('headers', `of requests: ${fieldsText(fields.request)}`);
  if (fields.response) add('headers', `of answers: ${fieldsText(fields.response)}`);
  const retryIs = retry === undefined ? '' : retryText(retry);
  if (retryIs !== '') add('retry', retryIs);
  if (timeoutMs !== undefined) add('timeout', `${formatDuration(timeoutMs)} for all of it, retries included`);
  if (compress) add('compress', compressText(compress, fieldLines));
  if (errorPages.length > 0) add('error_pages', errorPages.map(pageText).join(', '));
  return rules;
}

/** @param isTalk the request begins a conversation, of which nothing is held back */
function bufferingTexts(
  { requestBytes, responseBytes }: RouteConfig['buffering'],
  isTalk: boolean,
): string[] {
  if (requestBytes + responseBytes === 0) return [];
  if (isTalk) return ['none: of gRPC and WebSocket everything passes as it comes'];
  return [
    ...(requestBytes > 0
      ? [`bodies are read before a server is chosen, up to ${formatSize(requestBytes)}; larger ones get 413`]
      : []),
    ...(responseBytes > 0
      ? [`answers are taken from servers up to ${formatSize(responseBytes)} ahead of the client`]
      : []),
  ];
}

function fieldsText({ remove, set, add }: FieldsConfig): string {
  const lines = (all: FieldsConfig['set']): string =>
    all.map(({ name, value }) => `${name}: ${value}`).join(', ');
  return [
    ...(remove.length === 0 ? [] : [`without ${remove.join(', ')}`]),
    ...(set.length === 0 ? [] : [`with ${lines(set)}`]),
    ...(add.length === 0 ? [] : [`beside others ${lines(add)}`]),
  ].join('; ');
}

function compressText(
  { types, minSizeBytes, algorithms, skipsSetCookie }: CompressConfig,
  fieldLines: string,
): string {
  const coding = negotiate(fieldValues(fieldLines, 'accept-encoding').join(), algorithms);
  const who =
    coding === null ? 'not for this request, which takes none of them' : `${coding} for this request`;
  const cookies = skipsSetCookie ? ', without cookies' : '';
  return `${algorithms.join(', ')}: ${who}; ${types.join(', ')} from ${formatSize(minSizeBytes)} on${cookies}`;
}

function pageText({ status, intercepts }: ErrorPageConfig): string {
  return `${status}${intercepts ? ' (also in the place of what servers answer)' : ''}`;
}

function faultsText({ delay, abort }: FaultsConfig): string {
  return [
    delay && `${formatPercent(delay.share)} wait ${formatDuration(delay.timeMs)}`,
    abort && `${formatPercent(abort.share)} are answered ${abort.status}`,
  ]
    .filter((it) => it !== null)
    .join(', ');
}

function mirrorText({ pool, share }: MirrorConfig, fieldLines: string): string {
  if (isMirrored(fieldLines)) return `none for ${pool}: the request is a copy already (X-Sluice-Mirror)`;
  const part = share === 1 ? 'a copy' : `a copy of ${formatPercent(share)} of the requests`;
  return `${part} goes to a server of pool ${pool}`;
}

const NON_IDEMPOTENT: Readonly<Record<NonIdempotent, string>> = {
  never: 'of methods that allow it only',
  with_key: 'also with an Idempotency-Key',
  always: 'of any method',
};

function retryText({
  attempts,
  failures,
  statuses,
  nonIdempotent,
  attemptTimeoutMs,
}: RouteRetryConfig): string {
  const when = [...(failures ?? []), ...(statuses ?? [])];
  return [
    ...(attempts === undefined ? [] : [attempts === 1 ? 'never' : `up to ${attempts} attempts`]),
    ...(failures === undefined ? [] : [`after ${when.join(', ') || 'nothing'}`]),
    ...(nonIdempotent === undefined ? [] : [NON_IDEMPOTENT[nonIdempotent]]),
    ...(attemptTimeoutMs === undefined ? [] : [`${formatDuration(attemptTimeoutMs)} for each`]),
  ].join(', ');
}
