/** `sluice demo`, which is also `npm start`. */
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDuration } from '../../config/index.ts';
import { diagnosticsText, load } from '../configuration.ts';
import { type Context, EXIT, type ExitCode } from '../context.ts';
import { failureFields, UsageError } from '../failure.ts';
import { beginLife, type Life } from '../life.ts';
import { stateFields } from '../state.ts';
import { Demo } from './demo.ts';
import { jsonNarrator } from './json-narrator.ts';
import type { Narrator } from './narrator.ts';
import { TerminalNarrator } from './terminal-narrator.ts';

export interface DemoArguments {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly port?: number | undefined;
  readonly servers?: number | undefined;
  /** `30s` */
  readonly duration?: string | undefined;
  readonly rate: number;
  readonly traffic: boolean;
  readonly headless?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** The folder that `src` (or `dist`) stands in. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export async function demo(args: DemoArguments, context: Context): Promise<ExitCode> {
  const isJson = args.json === true;
  const durationMs = args.duration === undefined ? undefined : readDuration(args.duration);
  const file = resolve(context.cwd, args.config ?? join(ROOT, 'config', 'bookstore.yaml'));
  const read = () => load({ file }, context);
  const loaded = read();
  if (!loaded.ok) {
    context.stderr.write(diagnosticsText(loaded.diagnostics, loaded.frameText, context.stderr));
    return EXIT.usage;
  }
  const folder = resolve(context.cwd, args.data ?? defaultFolder(context.cwd));
  mkdirSync(folder, { recursive: true });
  const narrator = isJson
    ? jsonNarrator(context.stdout)
    : new TerminalNarrator(context.stdout, context.cwd, args.headless !== true);
  const show = new Demo(
    {
      ...{ loaded, read, folder, port: args.port, servers: args.servers },
      rate: args.traffic ? args.rate : 0,
      logsToStderr: isJson,
      env: context.env,
      pid: context.pid,
    },
    { clock: context.clock, narrator },
  );
  const { over, end } = beginLife(lifeOf(show, narrator, context), context);
  const started = show.start().then(
    () => {
      if (durationMs !== undefined) context.clock.setTimer(durationMs, end);
      return over;
    },
    async (error: unknown) => {
      await show.stop();
      throw error;
    },
  );
  return Promise.race([over, started]);
}

function lifeOf(show: Demo, narrator: Narrator, context: Context): Life {
  return {
    onStopping: (signal) => narrator.stopping(signal),
    stop: async () => {
      await show.stop();
      return show.daemon?.wasCut === true ? EXIT.cut : EXIT.ok;
    },
    reload: async () => {
      await show.reload();
    },
    dumpState: () => {
      const { daemon } = show;
      daemon?.logs.log.info('state', stateFields(daemon, context.clock.nowMs()));
    },
    fail: async (error) => {
      const { message, fields } = failureFields(error);
      show.daemon?.logs.log.error(`uncaught error, ending: ${message}`, fields);
      context.stderr.write(`${error instanceof Error ? error.stack : message}\n`);
      await show.daemon?.logs.stop();
    },
  };
}

function readDuration(text: string): number {
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  throw new UsageError(`--duration: ${parsed.error}`);
}

/** In a checkout its own `data`; a package is not written into. */
function defaultFolder(cwd: string): string {
  const isCheckout = existsSync(join(ROOT, 'package-lock.json')) && existsSync(join(ROOT, 'tsconfig.json'));
  return join(isCheckout ? ROOT : cwd, 'data', 'demo');
}
