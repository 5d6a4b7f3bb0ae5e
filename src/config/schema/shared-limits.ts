import { quote } from '../units.ts';
import { duration, filePath, noun, text } from './basics.ts';
import { secret } from './secret.ts';

function urlProblem(value: string): string | undefined {
  if (!/^rediss?:\/\//.test(value) || !URL.canParse(value))
    return `${quote(value)} is not a place. Write redis://host:6379, or rediss://host:6379 for TLS.`;
  const { username, password, hostname, pathname } = new URL(value);
  if (hostname === '') return `${quote(value)} has no host.`;
  if (username !== '' || password !== '')
    return 'User and password stand beside the URL: username: …, password: { file: … }.';
  return /^\/?$|^\/\d+$/.test(pathname) ? undefined : `${quote(pathname)} is not the number of a database.`;
}

export const sharedLimits = noun({
  url: text(urlProblem).describe('Redis or Valkey: `redis://host:6379/0`; `rediss://` = over TLS.'),
  username: text((value) => (value === '' ? 'The name is empty.' : undefined))
    .optional()
    .describe('A user of its access lists; without it, `default`.'),
  password: secret().optional().describe('The password, or where to find it.'),
  prefix: text((value) =>
    /^[A-Za-z0-9._:-]{1,64}$/.test(value)
      ? undefined
      : `${quote(value)} is not a prefix: letters, digits, ".", "_", ":" and "-", at most 64.`,
  )
    .prefault('sluice')
    .describe('What all keys there begin with; daemons that share limits have the same.'),
  timeout: duration({ min: '10ms', max: '10s' })
    .prefault('200ms')
    .describe('How long an answer is waited for; after that limits go on locally until it answers again.'),
  ca: filePath()
    .optional()
    .describe('With `rediss://`: PEM file with the authorities to trust instead of the system’s.'),
});
