/**
 * `node src/bookstore/server.ts`: one bookstore server as a process of its own.
 *
 * Prints one JSON line once it listens; errors go to stderr. SIGTERM and SIGINT let requests in flight end
 * (bookstore.ts), a second signal does not. When the process that started it dies, it stops at once.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../kernel/clock.ts';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { watchLifeline } from '../kernel/lifeline.ts';
import { Bookstore, type BookstoreOptions } from './bookstore.ts';

const USAGE = `Usage: node src/bookstore/server.ts [options]

Options (environment variable in brackets; an option wins over it):
  --port <number>  port to listen on, 0 for a free one (default 0) [PORT]
  --host <host>    address to listen on (default 127.0.0.1) [HOST]
  --db <path>      SQLite file, shared by all servers of the shop (default data/bookstore.db) [DB]
  --name <text>    what stands in the X-Server field (default host:port) [NAME]
  --faults         adds /faults: failures on request, for tests (default off) [BOOKSTORE_FAULTS=1]
  --help
`;

/** A server that lost its parent does not wait for its clients. */
const ORPHAN_EXIT_MS = 500;

function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): BookstoreOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      db: { type: 'string' },
      name: { type: 'string' },
      faults: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return 'help';
  const portText = values.port ?? (env['PORT'] || '0');
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65535)) {
    throw new SluiceError('bookstore_port', `'${portText}' is not a port`, {
      hint: 'Give --port or PORT 0 to 65535.',
    });
  }
  const name = values.name ?? (env['NAME'] || undefined);
  if (name !== undefined && !/^[\x21-\x7e]{1,100}$/.test(name)) {
    throw new SluiceError('bookstore_name', `'${name}' cannot stand in a header field`, {
      hint: 'Give --name or NAME 1 to 100 visible ASCII characters, no spaces.',
    });
  }
  return {
    host: values.host ?? (env['HOST'] || '127.0.0.1'),
    port,
    dbPath: values.db ?? (env['DB'] || 'data/bookstore.db'),
    name,
    withFaults: values.faults ?? env['BOOKSTORE_FAULTS'] === '1',
    clock: systemClock,
    onError: (error) => report(error),
  };
}

/** One JSON line on stderr; stdout carries events only. */
function report(error: unknown): void {
  const hint = error instanceof SluiceError ? error.hint : undefined;
  const stack = error instanceof Error && !(error instanceof SluiceError) ? error.stack : undefined;
  process.stderr.write(`${JSON.stringify({ event: 'error', message: errorText(error), hint, stack })}\n`);
}

function watchForTheEnd(shop: Bookstore): void {
  const leave = () => {
    // The handlers stay: a second signal while it drains must not kill it half-way.
    shop.stop().then(
      () => process.exit(0),
      (error) => {
        report(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  watchLifeline(() => {
    systemClock.setTimer(ORPHAN_EXIT_MS, () => process.exit(0));
    leave();
  });
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  const shop = new Bookstore(options);
  watchForTheEnd(shop);
  try {
    await shop.start();
  } catch (error) {
    await shop.stop();
    throw error;
  }
  const { label: name, port, url } = shop;
  process.stdout.write(`${JSON.stringify({ event: 'listening', name, port, pid: process.pid, url })}\n`);
}

main().catch((error: unknown) => {
  report(error);
  process.exit(1);
});
