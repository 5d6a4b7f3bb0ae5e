/** `sluice run`: the daemon in the foreground. */
import { claimPort } from '../assembly/ports.ts';
import { logWarnings } from '../assembly/reload-report.ts';
import type { LoadResult, ResolvedConfig } from '../config/index.ts';
import { Daemon } from '../daemon.ts';
import { formatHostPort } from '../kernel/address.ts';
import { nodeWarning } from '../kernel/node-holes.ts';
import { type ConfigArguments, chooseSource, diagnosticsText, load } from './configuration.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';
import { failureFields, reportFailure } from './failure.ts';
import { beginLife, type Life } from './life.ts';
import { stateFields } from './state.ts';

export async function run(args: ConfigArguments, context: Context): Promise<ExitCode> {
  const source = chooseSource(args, context);
  const read = async (): Promise<LoadResult> => {
    const result = load(source, context);
    return result.ok && 'text' in source ? { ...result, config: await withFreeAdmin(result.config) } : result;
  };
  const loaded = await read();
  if (!loaded.ok) {
    const closing = 'Nothing was started.';
    context.stderr.write(diagnosticsText(loaded.diagnostics, loaded.frameText, context.stderr, closing));
    return EXIT.usage;
  }
  // What was said on the command line does not change.
  const readConfig = 'text' in source ? () => loaded : read;
  const daemon = new Daemon({ config: loaded.config, readConfig }, context.clock);
  const { over } = beginLife(lifeOf(daemon, context), context);
  const { log } = daemon.logs;
  logWarnings(log, loaded.warnings);
  const warning = nodeWarning(context.nodeVersion);
  if (warning !== undefined) log.warn(warning, { node: context.nodeVersion });
  const failed = daemon.start().then(
    () => {
      const { adminAddress } = daemon;
      if (adminAddress) log.info('admin API', { url: `http://${formatHostPort(adminAddress)}` });
      return over;
    },
    (error: unknown) => giveUp(daemon, error, context),
  );
  return Promise.race([over, failed]);
}

/** Without a file nobody chose the admin's port: a taken one is no reason not to start. */
async function withFreeAdmin(config: ResolvedConfig): Promise<ResolvedConfig> {
  const { listen } = config.admin;
  const isFree = await claimPort('admin', listen.host, listen.port).then(
    () => true,
    () => false,
  );
  return isFree ? config : { ...config, admin: { ...config.admin, listen: { ...listen, port: 0 } } };
}

function lifeOf(daemon: Daemon, context: Context): Life {
  const { log } = daemon.logs;
  return {
    onStopping: (signal) =>
      log.info('stopping', { signal, drain_timeout_ms: daemon.config.shutdown.drainTimeoutMs }),
    stop: async () => {
      await daemon.stop();
      return daemon.wasCut ? EXIT.cut : EXIT.ok;
    },
    reload: async () => {
      // A signal that comes while it starts waits until it has; a failed start ends by itself.
      const hasStarted = await daemon.start().then(
        () => true,
        () => false,
      );
      // A refused file is in the log, and nothing has changed.
      if (hasStarted) await daemon.reloadFile().catch(() => {});
    },
    dumpState: () => log.info('state', stateFields(daemon, context.clock.nowMs())),
    fail: async (error) => {
      log.error('uncaught error, ending', { error });
      await daemon.logs.stop();
    },
  };
}

async function giveUp(daemon: Daemon, error: unknown, context: Context): Promise<ExitCode> {
  const { message, fields } = failureFields(error);
  daemon.logs.log.error(`could not start: ${message}`, fields);
  // With the log in a file nobody at the terminal would learn of it.
  if (daemon.config.logs.file !== undefined) reportFailure(error, context.stderr);
  await daemon.stop();
  return EXIT.failure;
}
