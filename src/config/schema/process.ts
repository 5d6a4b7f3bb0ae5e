/** What concerns the daemon as a whole: shutdown, store, logs, threads. */
import * as z from 'zod';
import { LOG_FORMATS, LOG_LEVELS } from '../resolved.ts';
import { duration, filePath, integer, noun, oneOf, percent, size, withShortForm } from './basics.ts';

export const threads = z
  .union([z.literal('auto'), integer(1, 256)], { error: 'Write auto, or a whole number from 1 to 256.' })
  .describe('Data threads. `auto` = one per core.');

export const maxMemory = size({ min: '16MiB' }).describe(
  'What client connections may hold in all: bodies, answers that are not taken, buffers. From 90 % on new bodies wait, over it the connections that hold most are ended (503 `overloaded`). Without it half of the memory of the machine, or of the cgroup.',
);

export const shutdown = noun({
  drain_timeout: duration()
    .prefault('30s')
    .describe('How long requests in flight may take to finish before they are cut.'),
  pre_stop_delay: duration()
    .prefault('0s')
    .describe('How long `/readyz` says 503 before listeners close, so that balancers in front notice.'),
});

export const store = noun({
  path: filePath()
    .prefault('./data')
    .describe('Folder for `admin.token` and the secrets that Sluice makes for itself.'),
});

const accessLong = noun({
  enabled: z.boolean().prefault(true).describe('One JSON line for each exchange.'),
  file: filePath().optional().describe('Where the lines go; without it, where the log goes.'),
  sample: percent().prefault('100%').describe('Share of the exchanges that get a line.'),
});

export const logs = noun({
  level: oneOf(LOG_LEVELS).prefault('info').describe('The least important lines that are still written.'),
  format: oneOf(LOG_FORMATS).prefault('auto').describe('`auto` = `pretty` on a terminal, `json` otherwise.'),
  file: filePath().optional().describe('Where the log goes instead of stdout; reopened on SIGHUP.'),
  access: withShortForm(accessLong, z.boolean(), (enabled) => ({ enabled }))
    .prefault({})
    .describe('The access log. `access: false` turns it off.'),
});
