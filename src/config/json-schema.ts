/**
 * The JSON Schema for editors, out of the one schema. It says what may be written (`io: 'input'`) and is a little wider
 * than the loader: wherever a number or a word is wanted, a `${VARIABLE}` is let through.
 */
import * as z from 'zod';
import { fileSchema } from './schema/file.ts';

export interface JsonSchema {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  examples?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  [key: string]: unknown;
}

/** What lets a variable through. */
export const VARIABLE_PATTERN = '\\$\\{';

const MOVED = ['type', 'const', 'enum', 'minimum', 'maximum'] as const;

function allowVariable(schema: JsonSchema): void {
  const closed = schema.enum !== undefined || schema.const !== undefined;
  if (!closed && !['integer', 'number', 'boolean'].includes(schema.type ?? '')) return;
  const plain: JsonSchema = {};
  for (const key of MOVED) {
    if (schema[key] === undefined) continue;
    plain[key] = schema[key] as never;
    delete schema[key];
  }
  schema.anyOf = [plain, { type: 'string', pattern: VARIABLE_PATTERN }];
}

export function makeJsonSchema(): JsonSchema {
  const made = z.toJSONSchema(fileSchema, {
    io: 'input',
    target: 'draft-7', // what yaml-language-server knows best
    override: ({ jsonSchema }) => allowVariable(jsonSchema as JsonSchema),
  }) as JsonSchema;
  return {
    $schema: made['$schema'],
    title: 'Sluice configuration',
    ...made,
  };
}
