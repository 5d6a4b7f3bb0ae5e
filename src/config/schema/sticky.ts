import * as z from 'zod';
import { quote } from '../units.ts';
import { didYouMean, duration, isDnsName, noun, oneOf, text, withShortForm } from './basics.ts';

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const long = noun({
  cookie: text((value) =>
    TOKEN.test(value) && value.length <= 64 ? undefined : `${quote(value)} is not a cookie name.`,
  )
    .prefault('sluice')
    .describe('Name of the cookie. It holds a keyed hash of the server’s id, never its address.'),
  ttl: duration({ min: '1s' })
    .optional()
    .describe('How long the client keeps it; without it, until the browser closes.'),
  path: text((value) =>
    /^\/[\x21-\x3a\x3c-\x7e]*$/.test(value)
      ? undefined
      : `${quote(value)} is not a path of a cookie. It begins with a slash and has no blank and no ";".`,
  )
    .prefault('/')
    .describe('Below which the client sends it.'),
  domain: text((value) =>
    isDnsName(value.replace(/^\./, '')) ? undefined : `${quote(value)} is not a domain. Write example.com.`,
  )
    .optional()
    .describe(
      'Sent to this domain and all names below it; without it, to the host that was asked for alone.',
    ),
  same_site: oneOf(['lax', 'strict', 'none'])
    .prefault('lax')
    .describe('Whether it is sent with requests that other sites cause.'),
  secure: oneOf(['auto', 'always', 'never'])
    .prefault('auto')
    .describe(
      'Whether it is for TLS only. `auto`: when the client came over TLS. `always`: where TLS ends in front of Sluice.',
    ),
}).superRefine(({ cookie, same_site, secure, path, domain }, context) => {
  const complain = (key: string, message: string): void =>
    context.addIssue({ code: 'custom', message, path: [key] });
  // Browsers drop such cookies without a word (RFC 6265bis sections 4.1.3, 5.6).
  if (same_site === 'none' && secure !== 'always')
    complain('same_site', 'Browsers take none only together with Secure. Add secure: always.');
  if (/^__(?:secure|host)-/i.test(cookie) && secure !== 'always')
    complain('cookie', `The name ${quote(cookie)} promises Secure. Add secure: always.`);
  if (/^__host-/i.test(cookie) && (path !== '/' || domain !== undefined))
    complain(
      'cookie',
      `The name ${quote(cookie)} promises the path / and no domain. Take them, or another name.`,
    );
});

const word = oneOf(['cookie', 'ip']);

/** `header:NAME`, name in lower case; undefined = it is none. */
export function fieldNamed(value: unknown): string | undefined {
  const found = typeof value === 'string' ? /^header:(.+)$/.exec(value) : null;
  return found?.[1] !== undefined && TOKEN.test(found[1]) ? found[1].toLowerCase() : undefined;
}

const header = text((value) => {
  if (fieldNamed(value) !== undefined) return undefined;
  if (value.startsWith('header'))
    return `${quote(value)}: which header? Write it as header:NAME, without a blank.`;
  const guess = didYouMean(value, ['cookie', 'ip']);
  const tail = guess === undefined ? '.' : ` – did you mean "${guess}"?`;
  return `${quote(value)} is not one of cookie, ip, header:NAME${tail}`;
}).meta({ pattern: '^(header:[^:\\s]+|.*\\$\\{.*)$', examples: ['header:x-user'] });

/** `cookie`, `ip`, `header:NAME`, `false` or the long form of the cookie. */
export const sticky = z.union([
  // the cookie's word is a short form of the mapping; the others have none, they choose the algorithm
  withShortForm(long, word.exclude(['ip']), () => ({})),
  word.extract(['ip']),
  header,
  z.literal(false),
]);
