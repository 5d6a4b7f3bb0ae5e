/** What else a route does with a request, in words: for `route test`. */
import {
  type FaultsConfig,
  formatDuration,
  formatPercent,
  type MirrorConfig,
  type NonIdempotent,
  type RouteConfig,
  type RouteRetryConfig,
  type Source,
} from '../config/index.ts';
import { isMirrored } from '../proxy/index.ts';

export interface RouteRule {
  /** The key of the route. */
  readonly key: 'faults' | 'mirror' | 'retry';
  readonly text: string;
  readonly source: Source;
}

/** @param fieldLines of the request, each with CRLF */
export function rulesOf({ faults, mirror, retry, source }: RouteConfig, fieldLines: string): RouteRule[] {
  const rules: RouteRule[] = [];
  const add = (key: RouteRule['key'], text: string): void => void rules.push({ key, text, source });
  const faultsAre = faults === undefined ? '' : faultsText(faults);
  if (faultsAre !== '') add('faults', faultsAre);
  if (mirror) add('mirror', mirrorText(mirror, fieldLines));
  const retryIs = retry === undefined ? '' : retryText(retry);
  if (retryIs !== '') add('retry', retryIs);
  return rules;
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
