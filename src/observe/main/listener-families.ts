import { LISTENER, PROXY_HEADERS } from '../cells/blocks.ts';
import { type CellFamilies, cellAt } from './cell-families.ts';

/** Metrics of listeners and of their clients' connections. */
export function addListenerFamilies(families: CellFamilies): void {
  families.cell('sluice_connections_total', 'Accepted client connections.', 'listener', LISTENER.accepted);
  families.cell(
    'sluice_connections_active',
    'Open client connections.',
    'listener',
    LISTENER.active,
    'gauge',
  );
  families.cell(
    'sluice_connections_refused_total',
    'Client connections closed unserved: over the limit, a denied address, or the rules of proxy_protocol.',
    'listener',
    LISTENER.refused,
  );
  families.cell(
    'sluice_connections_no_file_total',
    'Client connections closed unserved because the process may not open more files.',
    'listener',
    LISTENER.noFile,
  );
  families.cell(
    'sluice_connections_shed_total',
    'Client connections ended because max_memory was used up.',
    'listener',
    LISTENER.shed,
  );
  families.cell(
    'sluice_held_bytes',
    'Memory that client connections hold, with what is on its way to servers for them.',
    'listener',
    LISTENER.held,
    'gauge',
  );
  families.cell('sluice_listener_requests_total', 'Requests by listener.', 'listener', LISTENER.requests);
  families.cell('sluice_http2_connections_total', 'Connections over HTTP/2.', 'listener', LISTENER.http2);
  families.cell(
    'sluice_http2_connections_refused_total',
    'HTTP/2 connections ended for floods, broken frames or a missing greeting.',
    'listener',
    LISTENER.http2Refused,
  );
  addHandshakeFamilies(families);
}

/** What their connections begin with. */
function addHandshakeFamilies(families: CellFamilies): void {
  families.family(
    'sluice_tls_handshakes_total',
    'TLS handshakes with clients by outcome; resumed ones are among the ok ones.',
    'counter',
    'listener',
    (cells, labels) => [
      { labels: { ...labels, outcome: 'ok' }, value: cellAt(cells, LISTENER.tlsOk) },
      { labels: { ...labels, outcome: 'failed' }, value: cellAt(cells, LISTENER.tlsFailed) },
    ],
  );
  families.cell(
    'sluice_tls_resumed_total',
    'TLS handshakes that resumed a session.',
    'listener',
    LISTENER.tlsResumed,
  );
  families.family(
    'sluice_proxy_headers_total',
    'Connections of listeners with proxy_protocol by what their PROXY header was.',
    'counter',
    'listener',
    (cells, labels) =>
      PROXY_HEADERS.map((outcome, index) => ({
        labels: { ...labels, outcome },
        value: cellAt(cells, LISTENER.proxyHeaders + index),
      })),
  );
}

/** What their limits refuse. */
export function addLimitFamilies(families: CellFamilies): void {
  families.cell('sluice_limited_total', 'Requests refused by a limit.', 'listener', LISTENER.limited);
  families.cell(
    'sluice_limited_dry_run_total',
    'Requests that a limit in dry run would have refused.',
    'listener',
    LISTENER.limitedDryRun,
  );
}
