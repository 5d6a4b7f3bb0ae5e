/** `sluice health`: does the daemon take traffic? For the HEALTHCHECK of a container, so it asks for little. */
import { errorText } from '../kernel/errors.ts';
import { type AdminArguments, openAdmin } from './admin-client.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';
import { UsageError } from './failure.ts';

export async function health(args: AdminArguments, context: Context): Promise<ExitCode> {
  try {
    const admin = openAdmin(args, context);
    const { status, body } = await admin.ask('GET', '/readyz');
    const state = (body as { status?: unknown } | null)?.status;
    context.stdout.write(`${typeof state === 'string' ? state : `${admin.url}/readyz answered ${status}`}\n`);
    return status === 200 ? EXIT.ok : EXIT.failure;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    context.stdout.write(`${errorText(error)}\n`);
    return EXIT.failure;
  }
}
