/** What health checks find, as lines of the log. */
import type { HealthReport } from '../control/index.ts';
import type { Log } from '../observe/index.ts';

/** Only what has changed is said. */
export function logHealth(log: Pick<Log, 'info' | 'warn'>, report: HealthReport): void {
  const { pool, server, healthy, why, responseMs, changed } = report;
  if (!changed) return;
  const fields = { pool, server, why, response_ms: Math.round(responseMs) };
  if (healthy) log.info('server is healthy', fields);
  else log.warn('server is unhealthy', fields);
}
