import type { LimitKey, RequestKey } from '../resolved.ts';
import { quote } from '../units.ts';
import { text } from './basics.ts';

const WHOLE = ['client_ip', 'path'] as const;
const NAMED = ['header', 'cookie', 'query'] as const;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

/**
 * What of a request something goes by: `client_ip`, `path`, `header:NAME`, `cookie:NAME`, `query:NAME`.
 * @param words further ones without a name
 */
export function requestKey(words: readonly string[] = []) {
  const whole = [...WHOLE, ...words];
  return text((value) => requestKeyProblem(value, whole)).meta({
    pattern: `^(${whole.join('|')}|(header|cookie|query):[^:\\s]+|.*\\$\\{.*)$`,
    examples: ['client_ip', 'header:x-user'],
  });
}

function requestKeyProblem(value: string, whole: readonly string[]): string | undefined {
  const [kind = '', name, ...more] = value.split(':');
  if (whole.includes(kind))
    return name === undefined ? undefined : `${quote(value)}: ${kind} has no name. Write ${kind}.`;
  if (!NAMED.some((it) => it === kind))
    return `${quote(value)} is not ${[...whole, ...NAMED.map((it) => `${it}:NAME`)].join(', ')}.`;
  if (name === undefined || name === '')
    return `${quote(value)}: which ${kind}? Write it as ${kind}:NAME, without a blank.`;
  return more.length === 0 && NAME.test(name) ? undefined : `${quote(name)} is not the name of a ${kind}.`;
}

/** Of a text that was checked. */
export function parseRequestKey(value: string): RequestKey {
  const [kind, name = ''] = value.split(':');
  if (kind === 'header') return { kind, name: name.toLowerCase() };
  if (kind === 'cookie' || kind === 'query') return { kind, name };
  return { kind: kind === 'path' ? 'path' : 'client_ip' };
}

/** The same with the words of limits. */
export function parseLimitKey(value: string): LimitKey {
  return value === 'route' || value === 'listener' || value === 'tenant'
    ? { kind: value }
    : parseRequestKey(value);
}
