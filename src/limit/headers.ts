/**
 * What a client is told of its limits: Retry-After (RFC 9110 §10.2.3) and the structured fields RateLimit and
 * RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-11 (23 May 2026).
 * `t` is the draft's effective window, the time within which no more than `r` can be used (§4.1.2), so it
 * is never after Retry-After (§6).
 */
import type { RateRule } from './rule.ts';
import type { Verdict } from './verdict.ts';

export type FieldLine = readonly [name: string, value: string];

/** Field lines in the order in which they should stand; Retry-After only when the request was refused. */
export function rateLimitHeaders(verdict: Verdict, rule: RateRule): FieldLine[] {
  const state = `${rule.policyName};r=${verdict.remaining};t=${wholeSeconds(verdict.resetMs)}`;
  const lines: FieldLine[] = [
    ['RateLimit-Policy', rule.policyText],
    ['RateLimit', state],
  ];
  if (!verdict.allowed) lines.unshift(['Retry-After', String(wholeSeconds(verdict.retryAfterMs))]);
  return lines;
}

/** Rounded up: a client that comes back then is not too early. */
function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
