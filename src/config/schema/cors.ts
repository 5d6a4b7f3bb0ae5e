import * as z from 'zod';
import { quote } from '../units.ts';
import { duration, isDnsName, noun, oneOrMany, text, withShortForm } from './basics.ts';

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

/** Ends of names that nobody can register. */
const PRIVATE_TOP = /^(?:localhost|local|internal|test|lan|home|corp|intranet)$/i;

/** A complaint about an origin, or undefined. */
export function originProblem(value: string): string | undefined {
  if (value === '*') return undefined;
  const found = /^(https?:\/\/)(\*\.)?([^/:?#@\s]+)(?::(\d{1,5}))?$/i.exec(value);
  const host = found?.[3] ?? '';
  if (found?.[2] && !host.includes('.') && !PRIVATE_TOP.test(host))
    return `${quote(value)} is everybody under .${host}. Name a domain of yours: "https://*.example.${host}".`;
  const isIp = /^[\d.]+$/.test(host) && !found?.[2];
  if (found && (isDnsName(host) || isIp)) {
    const usual = found[1]?.toLowerCase() === 'https://' ? '443' : '80';
    return found[4] === usual ? `${quote(value)}: browsers leave out port ${usual}. Do so too.` : undefined;
  }
  if (/^https?:\/\/[^/]+\/.*$/i.test(value) && URL.canParse(value.replaceAll('*', 'x')))
    return `${quote(value)} has a path. An origin ends with its host or port: ${quote(value.replace(/^(https?:\/\/[^/]+).*$/i, '$1'))}.`;
  return `${quote(value)} is not an origin. Write https://shop.example.com, "https://*.example.com" or "*".`;
}

function methodProblem(value: string): string | undefined {
  return /^(?:[A-Z]{1,32}|\*)$/.test(value)
    ? undefined
    : `${quote(value)} is not a method. Write it in capitals, or "*" for any.`;
}

function nameProblem(value: string): string | undefined {
  return TOKEN.test(value) ? undefined : `${quote(value)} is not the name of a field.`;
}

/** An origin, several of them, or the long form. */
export const cors = withShortForm(
  noun({
    origins: oneOrMany(text(originProblem)).describe(
      'Whose pages may use it: `https://shop.example.com`, `https://*.example.com` for every name below it, `"*"` for all.',
    ),
    methods: z
      .array(text(methodProblem))
      .min(1)
      .prefault(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
      .describe('What they may ask with; `["*"]` = anything.'),
    headers: z
      .array(text(nameProblem))
      .prefault(['content-type', 'authorization'])
      .describe('Fields that they may send beside the usual ones; `["*"]` = any.'),
    expose: z
      .array(
        text((value) =>
          value === '*'
            ? '"*" says nothing to browsers with credentials: name the fields.'
            : nameProblem(value),
        ),
      )
      .prefault([])
      .describe('Fields of answers that they may read beside the usual ones.'),
    credentials: z.boolean().prefault(false).describe('Whether cookies and logins may come along.'),
    max_age: duration({ max: '1d' })
      .prefault('10m')
      .describe('How long browsers remember the answer to a preflight.'),
  }).refine((value) => !(value.credentials && value.origins.includes('*')), {
    message: 'With credentials every page could act for its visitors. Name the origins instead of "*".',
    path: ['origins'],
  }),
  text(originProblem),
  (origin) => ({ origins: [origin] }),
);
