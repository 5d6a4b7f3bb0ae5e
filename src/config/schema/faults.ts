import { duration, integer, noun, percent } from './basics.ts';

const share = (what: string) => percent({ min: '0.1%' }).describe(`Part of the requests that ${what}.`);

/** Of a route: what goes wrong on purpose. */
export const faults = noun({
  delay: noun({
    time: duration({ min: '1ms', max: '10m' }).describe(
      'How long they wait before anything is done for them.',
    ),
    share: share('wait'),
  })
    .optional()
    .describe('Requests that are slow.'),
  abort: noun({
    status: integer(400, 599).prefault(503).describe('What they are answered.'),
    share: share('are answered so, and reach no server'),
  })
    .optional()
    .describe('Requests that fail.'),
});
