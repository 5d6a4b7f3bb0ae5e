/** `sluice status` and `sluice reload`: of the daemon that runs, over its admin API. */
import { checkReport, type Diagnostic, renderDiagnostics } from '../config/index.ts';
import { formatHostPort } from '../kernel/address.ts';
import { type AdminArguments, openAdmin } from './admin-client.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';
import { type Painter, painter } from './paint.ts';

export type StatusArguments = AdminArguments & { readonly json?: boolean | undefined };

/** What the API's snapshot has, as far as it is shown. */
interface Snapshot {
  readonly pid: number;
  readonly version: string;
  readonly life: string;
  readonly uptime_ms: number;
  readonly threads: number;
  readonly config_file: string;
  readonly listeners: readonly {
    readonly name: string;
    readonly address: string | null;
    readonly port: number;
    readonly tls: boolean;
    readonly redirect_to_port: number | null;
  }[];
  readonly pools: readonly {
    readonly name: string;
    readonly algorithm: string;
    readonly breaker: string | null;
    readonly discovery: readonly SnapshotName[];
    readonly servers: readonly SnapshotServer[];
  }[];
}

interface SnapshotName {
  readonly kind: string;
  readonly name: string;
  readonly outcome: string;
  readonly why: string;
  readonly servers: number;
}

interface SnapshotServer {
  readonly id: string;
  readonly address: string;
  readonly state: string;
  readonly weight: number;
  readonly in_flight: number;
  readonly requests_total: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly average_ms: number | null;
  readonly health: { readonly why: string };
  readonly agent: { readonly said: string } | null;
}

export async function status(args: StatusArguments, context: Context): Promise<ExitCode> {
  const snapshot = (await openAdmin(args, context).get('/api/v1/snapshot')) as Snapshot;
  const { stdout } = context;
  if (args.json === true) stdout.write(`${JSON.stringify(snapshot, null, 2)}\n`);
  else stdout.write(statusText(snapshot, painter(stdout)));
  return EXIT.ok;
}

/** Ends with a line feed. */
export function statusText(snapshot: Snapshot, paint: Painter): string {
  const { version, pid, life, uptime_ms, threads, config_file } = snapshot;
  const state = life === 'ready' ? paint.green(life) : paint.yellow(life);
  const lines = [
    `sluice ${version}, pid ${pid}: ${state} for ${uptime(uptime_ms)}, ${threads} data threads, ${config_file}`,
    '',
    ...snapshot.listeners.map((it) => {
      const scheme = it.tls ? 'https' : 'http';
      const way = it.redirect_to_port === null ? '' : ` → https on port ${it.redirect_to_port}`;
      const at = formatHostPort({ host: it.address ?? '*', port: it.port });
      return `${paint.dim('listener')} ${it.name}  ${scheme} on ${at}${way}`;
    }),
  ];
  for (const pool of snapshot.pools) {
    const breaker = pool.breaker === null ? '' : `  breaker ${breakerColour(pool.breaker, paint)}`;
    lines.push('', `${paint.dim('pool')} ${paint.bold(pool.name)}  ${pool.algorithm}${breaker}`);
    lines.push(...pool.discovery.map((it) => nameLine(it, paint)), ...serverTable(pool.servers, paint));
  }
  return `${lines.join('\n')}\n`;
}

function nameLine({ kind, name, outcome, why, servers }: SnapshotName, paint: Painter): string {
  const colour = outcome === 'found' ? paint.green : outcome === 'failed' ? paint.red : paint.yellow;
  const reason = why === '' ? '' : `: ${why}`;
  return `  ${paint.dim(kind)} ${name}  ${colour(outcome)}${reason}, ${servers} ${servers === 1 ? 'server' : 'servers'}`;
}

const COLUMNS = ['server', 'state', 'weight', 'in flight', 'requests', '5xx', 'average', ''] as const;

function serverTable(servers: readonly SnapshotServer[], paint: Painter): string[] {
  const rows = servers.map((it) => [
    it.id === it.address ? it.id : `${it.id} (${it.address})`,
    it.state,
    String(it.weight),
    String(it.in_flight),
    String(it.requests_total),
    String(it.answers['5xx'] ?? 0),
    it.average_ms === null ? '-' : `${it.average_ms} ms`,
    it.state === 'unhealthy' || it.state === 'ejected' ? it.health.why : (it.agent?.said ?? ''),
  ]);
  const widths = COLUMNS.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[], colour: (text: string, at: number) => string): string =>
    `  ${row.map((text, at) => colour(pad(text, at, widths[at] ?? 0), at)).join('  ')}`.trimEnd();
  return [
    line(COLUMNS, (text) => paint.dim(text)),
    ...rows.map((row) => line(row, (text, at) => (at === 1 ? stateColour(row[1] ?? '', paint)(text) : text))),
  ];
}

/** Numbers to the right, words to the left. */
function pad(text: string, column: number, width: number): string {
  return column >= 2 && column <= 6 ? text.padStart(width) : text.padEnd(width);
}

function stateColour(state: string, paint: Painter): (text: string) => string {
  if (state === 'healthy') return paint.green;
  return state === 'unhealthy' || state === 'ejected' ? paint.red : paint.yellow;
}

function breakerColour(state: string, paint: Painter): string {
  if (state === 'closed') return paint.green(state);
  return (state === 'open' ? paint.red : paint.yellow)(state.replace('_', ' '));
}

function uptime(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// ---- reload

interface Change {
  readonly added: readonly string[];
  readonly changed: readonly { readonly name: string; readonly what: readonly string[] }[];
  readonly removed: readonly string[];
}

interface ReloadAnswer {
  readonly generation: number;
  readonly same: boolean;
  readonly listeners: Change;
  readonly routes: Change;
  readonly pools: Change;
  readonly certificates: Change;
  readonly servers: Readonly<Record<string, Change>>;
  readonly settings: readonly string[];
  readonly needs_restart: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

export async function reload(args: StatusArguments, context: Context): Promise<ExitCode> {
  const admin = openAdmin(args, context);
  const { stdout, stderr } = context;
  const answer = await admin.ask('POST', '/api/v1/reload');
  const refused = diagnosticsOf(answer.body);
  if (refused !== undefined) {
    const colour = stderr.hasColour;
    // The file lies with the daemon, which may be another machine: no code frames.
    const closing = 'The running configuration was not changed.';
    if (args.json === true) stdout.write(`${JSON.stringify(checkReport(refused), null, 2)}\n`);
    else stderr.write(`${renderDiagnostics(refused, { colour, text: '', closing })}\n`);
    return EXIT.usage;
  }
  const report = admin.bodyOf(answer) as ReloadAnswer;
  if (args.json === true) stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else stdout.write(reloadText(report, painter(stdout)));
  return EXIT.ok;
}

function diagnosticsOf(body: unknown): readonly Diagnostic[] | undefined {
  if (typeof body !== 'object' || body === null || !('diagnostics' in body)) return undefined;
  // Marks are drawn only in code frames.
  return (body.diagnostics as readonly Diagnostic[]).map((it) => ({ ...it, endColumn: it.column }));
}

function reloadText(report: ReloadAnswer, paint: Painter): string {
  const nouns: [string, Change][] = [
    ['listener', report.listeners],
    ['route', report.routes],
    ['pool', report.pools],
    ['certificate', report.certificates],
    ...Object.entries(report.servers).map(([pool, change]): [string, Change] => [`server ${pool}`, change]),
  ];
  const lines = nouns.flatMap(([noun, { added, changed, removed }]) => [
    ...added.map((name) => `${paint.green('+')} ${noun} ${name}`),
    ...changed.map(({ name, what }) => `${paint.yellow('~')} ${noun} ${name}: ${what.join(', ')}`),
    ...removed.map((name) => `${paint.red('-')} ${noun} ${name}`),
  ]);
  const restart = new Set(report.needs_restart);
  lines.push(
    ...report.settings.map(
      (it) => `${paint.yellow('~')} ${it}${restart.has(it) ? ' (takes effect after a restart)' : ''}`,
    ),
    ...report.warnings.map(
      (it) => `${paint.yellow('warning')} ${it.file}:${it.line}:${it.column} ${it.message}`,
    ),
  );
  const head = report.same
    ? 'The file says what is in force already.'
    : `In force, generation ${report.generation}:`;
  return `${[head, ...lines].join('\n')}\n`;
}
