import * as z from 'zod';
import { PLACEHOLDERS, parseTemplate } from '../../kernel/template.ts';
import { quote } from '../units.ts';
import { noun, text } from './basics.ts';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** They frame a message, belong to a connection, or are ours to say. */
const FIXED: ReadonlySet<string> = new Set([
  ...[
    'connection',
    'content-length',
    'date',
    'expect',
    'host',
    'http2-settings',
    'keep-alive',
    'proxy-connection',
  ],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'via', 'x-request-id'],
  ...['sec-websocket-accept', 'sec-websocket-extensions', 'sec-websocket-key', 'sec-websocket-protocol'],
  'sec-websocket-version',
]);

function nameProblem(value: string): string | undefined {
  return NAME.test(value) ? changeProblem(value) : `${quote(value)} is not the name of a field.`;
}

/** Why a field must not be changed, or undefined. */
export function changeProblem(value: string): string | undefined {
  const name = value.toLowerCase();
  if (name === 'host') return 'The Host field is changed by upstream.host of the pool.';
  return FIXED.has(name)
    ? `${quote(value)} frames the message or belongs to the connection: it cannot be changed.`
    : undefined;
}

function valueProblem(value: string): string | undefined {
  if (/[^\t\x20-\x7e]/.test(value))
    return `${quote(value)} has a character that fields cannot have: ASCII only (RFC 9110 section 5.5). Escape it.`;
  try {
    parseTemplate(value);
    return undefined;
  } catch (thrown) {
    const names = PLACEHOLDERS.map((it) => `{${it}}`).join(', ');
    return `${quote(value)}: ${(thrown as Error).message}. There are ${names}; a brace is written twice.`;
  }
}

const values = z.record(text(nameProblem), text(valueProblem)).superRefine((value, context) => {
  const seen = new Set<string>();
  for (const name of Object.keys(value)) {
    if (seen.has(name.toLowerCase()))
      context.addIssue({
        code: 'custom',
        message: `${quote(name)} is there twice: names are the same in any case.`,
      });
    seen.add(name.toLowerCase());
  }
});

/** `remove`, `set`, `add` of fields. */
export const fieldRules = noun({
  remove: z.array(text(nameProblem)).prefault([]).describe('Names of fields that are left out.'),
  set: values
    .prefault({})
    .describe(
      'Fields in the place of all of that name. Values may have `{client_ip}`, `{scheme}`, `{host}`, `{path}`, `{method}`, `{request_id}`, `{route}`, `{pool}`, `{server}`, `{user}`, `{tenant}`; `{{` is a brace.',
    ),
  add: values.prefault({}).describe('Fields besides those that are there, in the same way.'),
});
