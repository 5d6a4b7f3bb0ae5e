import type { Events, Log } from '../observe/index.ts';
import type { TlsEvent } from '../tls/index.ts';

const STATES = {
  certificate_loaded: 'loaded',
  certificate_made: 'loaded',
  certificate_changed: 'reloaded',
  certificate_expiring: 'expires_soon',
  certificate_kept: 'failed',
} as const;

/** What happened to a certificate, for the log and for who listens to events. */
export function tellTlsEvent(event: TlsEvent, log: Log, events: Events): void {
  const [first = '', ...more] = event.message.trimEnd().split('\n');
  log[event.level](first, { certificate: event.name });
  // How to trust a new authority: for people, so without fields that would stand behind its last line.
  if (more.length > 0) log[event.level](more.join('\n'));
  const state = event.type in STATES ? STATES[event.type as keyof typeof STATES] : undefined;
  if (state) events.emit('certificate', { certificate: event.name, state, why: event.message });
}
