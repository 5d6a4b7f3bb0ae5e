/**
 * The command line: verbs, options, help. A verb's file is loaded when the verb is used, so that `version` does not pay
 * for the daemon and `run` not for the rest.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { distance } from 'fastest-levenshtein';
import type { AdminArguments } from './admin-client.ts';
import type { CertMakeOptions } from './cert-make.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';
import type { DemoArguments } from './demo/index.ts';
import { reportFailure, UsageError } from './failure.ts';
import type { HashKeyOptions } from './hash.ts';
import { painter } from './paint.ts';
import type { RouteTestOptions } from './route-test.ts';
import type { StatusArguments } from './status.ts';

export { type Context, EXIT, type ExitCode, type Output, type SignalName } from './context.ts';
export { reportFailure } from './failure.ts';
export { wantsColour } from './paint.ts';
export { readSecret } from './read-secret.ts';

const CONFIG_HELP = 'the configuration; else $SLUICE_CONFIG, ./sluice.yaml, ./config/sluice.yaml, …';

/** Runs the verb that the arguments name. Never throws. @param args without node and script */
export async function runCommandLine(args: readonly string[], context: Context): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = makeProgram(context, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(error, context.stderr);
  }
}

const EXAMPLES = `
Examples:
  sluice demo
  sluice --listen :8080 --server :3001 --server :3002
  sluice check sluice.yaml && sluice run --config sluice.yaml
  sluice route test GET https://shop.example.com/books`;

type Done = (code: ExitCode) => void;

function makeProgram(context: Context, done: Done): Command {
  const paint = painter(context.stdout);
  const program = new Command('sluice')
    .description('Layer-7 load balancer: requests over pools of servers, TLS, health checks, limits.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      getOutHasColors: () => context.stdout.hasColour,
      getErrHasColors: () => context.stderr.hasColour,
      getOutHelpWidth: () => context.stdout.columns,
      getErrHelpWidth: () => context.stderr.columns,
    })
    .configureHelp({ showGlobalOptions: false, styleTitle: (text) => paint.bold(text) })
    .showHelpAfterError('(sluice --help shows what there is)')
    .helpCommand(true)
    .addHelpText('after', EXAMPLES);
  addRun(program, context, done);
  addDemo(program, context, done);
  addCheck(program, context, done);
  addConfig(program, context, done);
  addRoute(program, context, done);
  addCert(program, context, done);
  addHash(program, context, done);
  addStatus(program, context, done);
  addHealth(program, context, done);
  addVersion(program, context, done);
  return program;
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function addRun(program: Command, context: Context, done: Done): void {
  program
    .command('run', { isDefault: true })
    .summary('run the daemon in the foreground (the default)')
    .description('Runs the daemon in the foreground.')
    .option('-c, --config <file>', CONFIG_HELP)
    .option('--listen <address>', 'without a file: where to listen, such as :8080')
    .option('--server <address>', 'without a file: a server, such as :3001; may be repeated', collect)
    .allowExcessArguments()
    .addHelpText(
      'after',
      `
Signals: SIGTERM, SIGINT finish what is in flight, then end; a second one ends at once.
         SIGHUP reads the configuration again. SIGUSR2 writes the state to the log.
Exit:    0 stopped · 1 failed · 2 wrong configuration · 3 stopped, connections were cut`,
    )
    .action(async (options: { config?: string; listen?: string; server?: string[] }, command: Command) => {
      const [word] = command.args;
      if (word !== undefined) throw unknownVerb(word, program);
      const { run } = await import('./run.ts');
      done(await run(options, context));
    });
}

/** `run` is what is meant when there is no verb, so a mistyped one arrives there. */
function unknownVerb(word: string, program: Command): UsageError {
  const verbs = program.commands.map((it) => it.name());
  const near = verbs
    .map((verb) => ({ verb, far: distance(word, verb) }))
    .sort((a, b) => a.far - b.far)
    .find(({ verb, far }) => far <= Math.max(1, Math.floor(verb.length / 2)));
  const hint = near === undefined ? `Verbs: ${verbs.join(', ')}` : `Did you mean "${near.verb}"?`;
  return new UsageError(`unknown verb "${word}"`, hint);
}

function addDemo(program: Command, context: Context, done: Done): void {
  program
    .command('demo')
    .summary('see it at work: a bookstore fleet, https, traffic')
    .description(
      'Starts three bookstores, the balancer in front of them on https, and light traffic; says what to open and what to try.',
    )
    .option('--port <number>', 'port of the https listener', port)
    .option('--servers <number>', 'how many bookstores', wholeNumber(1, 50))
    .option('--rate <number>', 'requests a second of the traffic', wholeNumber(1, 10_000), 20)
    .option('--no-traffic', 'without traffic')
    .option('--duration <time>', 'end after this long, such as 30s')
    .option('--headless', 'without a line that is drawn anew')
    .option('--json', 'one JSON object a line: ready, what happens, summary; the log goes to standard error')
    .option('-c, --config <file>', 'another file than config/bookstore.yaml')
    .option('--data <dir>', 'where certificates, database and logs are kept (default: data/demo)')
    .addHelpText(
      'after',
      '\nSIGHUP reads the file again: new servers are started, those that left drain and stop.',
    )
    .action(async (options: DemoArguments) => {
      const { demo } = await import('./demo/index.ts');
      done(await demo(options, context));
    });
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`);
  };
}

const port = wholeNumber(0, 65_535);

function addCheck(program: Command, context: Context, done: Done): void {
  program
    .command('check')
    .summary('check a configuration with all that it names')
    .description('Checks a configuration and the files that it names. Starts nothing.')
    .argument('[file]', CONFIG_HELP)
    .addOption(new Option('--format <format>', 'how to say it').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExit: 0 it can be used (perhaps with warnings) · 2 it has errors')
    .action(async (file: string | undefined, options: { format: 'text' | 'json' }) => {
      const { check } = await import('./check.ts');
      done(check(file, options, context));
    });
}

function addConfig(program: Command, context: Context, done: Done): void {
  const config = program
    .command('config')
    .summary('show: a configuration in full; schema: for editors')
    .description('Shows a configuration in full, or what may be in one.');
  config
    .command('show')
    .summary('print a configuration with every default, and the line each value is from')
    .description('Prints a configuration with every default, and the line that each value comes from.')
    .argument('[file]', CONFIG_HELP)
    .action(async (file: string | undefined) => {
      const { configShow } = await import('./config-show.ts');
      done(configShow(file, context));
    });
  config
    .command('schema')
    .summary('print the JSON Schema, for editors')
    .description('Prints the JSON Schema of the file, for editors.')
    .action(async () => {
      const { configSchema } = await import('./config-show.ts');
      done(configSchema(context));
    });
}

function addRoute(program: Command, context: Context, done: Done): void {
  program
    .command('route')
    .summary('test: where a request would go, and why')
    .description('Asks the routes of a configuration.')
    .command('test')
    .summary('tell where a request would go, and why')
    .description(
      'Tells which listener, route and pool take a request, and why. Works on the file, without a daemon.',
    )
    .argument('<method>', 'such as GET')
    .argument('<url>', 'such as https://shop.example.com/books, or /books')
    .option('-c, --config <file>', CONFIG_HELP)
    .option(
      '-H, --header <field>',
      "a header field, such as 'Host: shop.example.com'; may be repeated",
      collect,
    )
    .option('--listener <name>', 'send it to this listener')
    .option('--client <ip>', 'address of the client, for ip_allow and ip_deny', '127.0.0.1')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit: 0 it would be answered · 1 nothing listens for it · 2 wrong usage or configuration',
    )
    .action(async (method: string, url: string, options: RouteTestOptions) => {
      const { routeTest } = await import('./route-test.ts');
      done(routeTest(method, url, options, context));
    });
}

function addCert(program: Command, context: Context, done: Done): void {
  program
    .command('cert')
    .summary('make: a certificate for development')
    .description('Makes certificates for development.')
    .command('make')
    .summary('make a certificate for these names, signed by the local authority')
    .description(
      'Makes a certificate for development, signed by a local authority that is made with the first one.',
    )
    .argument('<name...>', 'DNS names, *.wildcards and IP addresses, such as localhost')
    .option('--out <dir>', 'folder of certificate and authority', 'certs')
    .option('--json', 'as JSON')
    .action(async (names: string[], options: CertMakeOptions) => {
      const { certMake } = await import('./cert-make.ts');
      done(await certMake(names, options, context));
    });
}

function addHash(program: Command, context: Context, done: Done): void {
  const hash = program
    .command('hash')
    .summary('password, key: what stands in the file in their place')
    .description('Makes what stands in a configuration in the place of passwords and keys.');
  hash
    .command('password')
    .summary('hash a password, for users of `auth`')
    .description('Reads a password from standard input, and prints its hash (scrypt).')
    .action(async () => {
      const { hashOfPassword } = await import('./hash.ts');
      done(await hashOfPassword(context));
    });
  hash
    .command('key')
    .summary('hash an API key, for a tenant')
    .description('Reads an API key from standard input, and prints its hash.')
    .option('--make', 'draw a new key, say it on standard error, and print its hash')
    .action(async (options: HashKeyOptions) => {
      const { hashOfKey } = await import('./hash.ts');
      done(await hashOfKey(options, context));
    });
}

const ADMIN_OPTION = [
  '--admin <url>',
  'its admin address; else $SLUICE_ADMIN_URL, or what the configuration says',
] as const;
const TOKEN_OPTION = [
  '--token <token>',
  'a token of its admin API; else $SLUICE_ADMIN_TOKEN, or what the configuration says',
] as const;
const RUNS_WITH_OPTION = ['-c, --config <file>', 'the configuration that it runs with'] as const;

function addStatus(program: Command, context: Context, done: Done): void {
  program
    .command('status')
    .summary('show the running daemon: listeners, pools, servers')
    .description('Shows the listeners, pools and servers of the running daemon.')
    .option(...ADMIN_OPTION)
    .option(...TOKEN_OPTION)
    .option(...RUNS_WITH_OPTION)
    .option('--json', 'as JSON')
    .action(async (options: StatusArguments) => {
      const { status } = await import('./status.ts');
      done(await status(options, context));
    });
  program
    .command('reload')
    .summary('have the running daemon read its file again')
    .description('Has the running daemon read its file again, and says what that changed.')
    .option(...ADMIN_OPTION)
    .option(...TOKEN_OPTION)
    .option(...RUNS_WITH_OPTION)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit: 0 in force · 1 no answer, or it could not be put in force · 2 the file has errors',
    )
    .action(async (options: StatusArguments) => {
      const { reload } = await import('./status.ts');
      done(await reload(options, context));
    });
}

function addHealth(program: Command, context: Context, done: Done): void {
  program
    .command('health')
    .summary('ask the running daemon whether it takes traffic')
    .description('Asks the running daemon whether it takes traffic, as the health check of a container does.')
    .option(...ADMIN_OPTION)
    .option(...RUNS_WITH_OPTION)
    .addHelpText('after', '\nExit: 0 it does · 1 it does not, or there is no daemon')
    .action(async (options: AdminArguments) => {
      const { health } = await import('./health.ts');
      done(await health(options, context));
    });
}

function addVersion(program: Command, context: Context, done: Done): void {
  program
    .command('version')
    .summary('say which version this is')
    .description('Says which version this is.')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { version } = await import('./version.ts');
      done(version(options, context));
    });
}
