import * as z from 'zod';
import { noun, size, withShortForm } from './basics.ts';

const amount = () => z.union([z.boolean(), size({ min: '1KiB', max: '1GiB' })]);

/** `true`, or what is buffered of which side. */
export const buffering = withShortForm(
  noun({
    request: amount()
      .prefault(false)
      .describe(
        'The whole body is read before a server is chosen, and may be sent again; one larger than this is refused (413). `true` = 1MiB.',
      ),
    response: amount()
      .prefault(false)
      .describe(
        'So much of an answer is taken from its server while the client is slower; the rest waits at the server. `true` = 1MiB. Not of event streams, gRPC and WebSockets.',
      ),
  }),
  z.literal(true),
  () => ({ request: true, response: true }),
);
