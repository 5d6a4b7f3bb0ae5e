/**
 * Which values of the long form were written by somebody, and in which line. Walks schema and text side by side,
 * expanding the same short forms: `health: /x` in line 7 means that `type` and `path` come from line 7 and that
 * `interval` is a default.
 */
import type * as z from 'zod';
import { type Path, pathText } from './diagnostic.ts';

/** Line by path (as `pathText` writes it) of everything that is not a default. */
export type Origins = ReadonlyMap<string, number>;

export function findOrigins(
  schema: z.core.$ZodType,
  value: unknown,
  lineOf: (path: Path) => number,
): Origins {
  const origins = new Map<string, number>();
  walk(schema, value, [], lineOf, origins);
  return origins;
}

type LineOf = (path: Path) => number;

function walk(
  schema: z.core.$ZodType,
  value: unknown,
  path: Path,
  lineOf: LineOf,
  out: Map<string, number>,
): void {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'prefault' || def.type === 'default' || def.type === 'optional') {
    walk(def.innerType, value, path, lineOf, out);
    return;
  }
  if (def.type === 'union') {
    const option = def.options.find((each) => fits(each, value)) ?? def.options[0];
    if (option) walk(option, value, path, lineOf, out);
    return;
  }
  out.set(pathText(path), lineOf(path));
  if (def.type === 'pipe') {
    walkShortForm(def, value, path, lineOf, out);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    const inner = each === undefined ? undefined : childSchema(def, key);
    if (inner) walk(inner, each, [...path, Array.isArray(value) ? Number(key) : key], lineOf, out);
  }
}

function childSchema(def: z.core.$ZodTypes['_zod']['def'], key: string): z.core.$ZodType | undefined {
  if (def.type === 'object') return def.shape[key];
  if (def.type === 'record') return def.valueType;
  if (def.type === 'array') return def.element;
  return undefined;
}

function fits(schema: z.core.$ZodType, value: unknown): boolean {
  return (schema as z.ZodType).safeParse(value).success;
}

/** A codec is a quantity (a leaf) or a scalar that stands for a mapping: then all of it comes from this line. */
function walkShortForm(
  def: z.core.$ZodPipeDef,
  value: unknown,
  path: Path,
  lineOf: LineOf,
  out: Map<string, number>,
): void {
  const line = lineOf(path);
  const expanded: unknown = def.transform?.(value as never, { value, issues: [] } as never);
  if (typeof expanded === 'object' && expanded !== null && !('windowMs' in expanded))
    walk(def.out, expanded, path, () => line, out);
}
