import {
  Gauge,
  type MetricObjectWithValues,
  type MetricType,
  type MetricValueWithName,
  type Registry,
} from '@prometheus-io/client';

export type Value = MetricValueWithName<string>;

/** A family whose values are read when it is scraped. `Gauge` only lends the shape that the registry takes. */
export class ReadFamily extends Gauge<string> {
  readonly #name: string;
  readonly #help: string;
  readonly #type: MetricType;
  readonly #read: () => Value[];

  constructor(registry: Registry, name: string, help: string, type: MetricType, read: () => Value[]) {
    super({ name, help, registers: [] });
    this.#name = name;
    this.#help = help;
    this.#type = type;
    this.#read = read;
    registry.registerMetric(this);
  }

  override async get(): Promise<MetricObjectWithValues<Value>> {
    return {
      name: this.#name,
      help: this.#help,
      type: this.#type,
      aggregator: 'sum',
      collect: () => {},
      values: this.#read(),
    };
  }
}

/**
 * Buckets of Prometheus cumulate and end with `+Inf` = count; ours do neither.
 * @param counts one a bound, and one more for what is above the last; a bound of Infinity is that one
 */
export function histogramValues(
  name: string,
  labels: Readonly<Record<string, string>>,
  counts: ArrayLike<number>,
  boundsMs: ArrayLike<number>,
  sumMs: number,
): Value[] {
  const values: Value[] = [];
  let count = 0;
  for (let i = 0; i < counts.length; i++) {
    count += counts[i] ?? 0;
    const boundMs = boundsMs[i] ?? Number.POSITIVE_INFINITY;
    const le = boundMs === Number.POSITIVE_INFINITY ? '+Inf' : String(boundMs / 1000);
    values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count });
  }
  values.push({ metricName: `${name}_sum`, labels: { ...labels }, value: sumMs / 1000 });
  values.push({ metricName: `${name}_count`, labels: { ...labels }, value: count });
  return values;
}
