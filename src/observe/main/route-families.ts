import { REASON_NAMES } from '../../kernel/reason.ts';
import { MIRROR_RESULTS, ROUTE, STATUS_CLASSES } from '../cells/blocks.ts';
import { type CellFamilies, cellAt } from './cell-families.ts';
import type { Value } from './metric-family.ts';

/** Metrics of routes: what became of requests, how long they took, and what was done with them. */
export function addRouteFamilies(families: CellFamilies): void {
  families.family(
    'sluice_requests_total',
    'Finished exchanges by route, status class and reason.',
    'counter',
    'route',
    (cells, labels) => {
      const values: Value[] = [];
      for (const [reasonAt, reason] of REASON_NAMES.entries())
        for (const [classAt, statusClass] of STATUS_CLASSES.entries()) {
          const value = cellAt(cells, ROUTE.requests + reasonAt * STATUS_CLASSES.length + classAt);
          if (value > 0) values.push({ labels: { ...labels, status_class: statusClass, reason }, value });
        }
      return values;
    },
  );
  families.histogram(
    'sluice_request_duration_seconds',
    'From the first byte of a request to the last of its answer.',
    'route',
    ROUTE.duration,
  );
  addRouteOptionFamilies(families);
}

/** What routes count that have more than a pool. */
function addRouteOptionFamilies(families: CellFamilies): void {
  families.family(
    'sluice_mirrored_total',
    'Requests of routes with mirror by what became of their copy.',
    'counter',
    'route',
    (cells, labels) => {
      const values = MIRROR_RESULTS.map((result, index) => ({
        labels: { ...labels, result },
        value: cellAt(cells, ROUTE.mirrored + index),
      }));
      return values.filter(({ value }) => value > 0);
    },
  );
  families.cell('sluice_fault_delays_total', 'Requests delayed on purpose.', 'route', ROUTE.faultDelays);
  families.cell(
    'sluice_request_bytes_total',
    'Bytes received from clients, heads included.',
    'route',
    ROUTE.bytesIn,
  );
  families.cell(
    'sluice_response_bytes_total',
    'Bytes sent to clients, heads included.',
    'route',
    ROUTE.bytesOut,
  );
  families.cell('sluice_compressed_total', 'Answers that were compressed.', 'route', ROUTE.compressed);
  families.cell(
    'sluice_compressed_from_bytes_total',
    'Their bytes as servers sent them.',
    'route',
    ROUTE.compressedFrom,
  );
  families.cell(
    'sluice_compressed_to_bytes_total',
    'Their bytes as clients got them.',
    'route',
    ROUTE.compressedTo,
  );
}
