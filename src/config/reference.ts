/** The reference of the configuration file as Markdown, out of the JSON Schema. Pure. */
import { type JsonSchema, VARIABLE_PATTERN } from './json-schema.ts';

/** Keys at the top level that belong to the one-pool form. */
const ONE_POOL = new Set(['listen', 'servers', 'tls', 'algorithm', 'sticky', 'health', 'rate_limit']);

const INTRO = `# The configuration file

<!-- Made by \`node src/config/generate.ts\` from src/config/schema/. Do not edit. -->

A client connects to a **listener**; a **route** matches its request and names a **pool**; the pool picks a **server**.
The file is YAML. \`sluice check\` says what is wrong with it, with line, column and the fix; \`sluice config show\` prints it
with every default and the line that each value came from.

**Where it is looked for**: \`--config FILE\`, \`$SLUICE_CONFIG\`, \`./sluice.yaml\`, \`./config/sluice.yaml\`,
\`$XDG_CONFIG_HOME/sluice/sluice.yaml\` (\`~/.config\` when that is not set), \`/etc/sluice/sluice.yaml\`. The first that exists is taken; one that
was named has to exist. Paths in the file are relative to the file's folder.

**Quantities have units.** A bare number is an error that says what to write.

| quantity | written as |
|---|---|
| time | \`500ms\` \`5s\` \`5m\` \`1h\` \`7d\` |
| size | \`512B\` \`16KiB\` \`10MiB\` \`2GiB\` |
| bytes per second | \`256B/s\` \`1KiB/s\` |
| percentage | \`70%\` |
| rate | \`100/s\` \`20/m\` \`1000/h\` \`50000/d\` |

**Variables** stand in any value: \`\${VAR}\` (has to be set), \`\${VAR:-default}\`, \`\${VAR:?message}\`; \`$\${\` is a plain \`\${\`. In
\`{ … }\` and \`[ … ]\` put them in quotes: \`{ port: "\${PORT}" }\`.

**Secrets** can be taken from a file, \`{ file: /run/secrets/x }\`, or from a variable, \`{ env: NAME }\`, and are never printed.

**Short forms**: where a table says "text or mapping", the text stands for the mapping with its most important key.

**Editors** complete and check the file when its first line is

\`\`\`yaml
# yaml-language-server: $schema=./sluice.schema.json
\`\`\`
`;

interface Section {
  readonly title: string;
  readonly schema: JsonSchema;
}

export function makeReference(schema: JsonSchema): string {
  const properties = schema.properties ?? {};
  const pick = (isOwn: (key: string) => boolean): JsonSchema => ({
    ...schema,
    properties: Object.fromEntries(Object.entries(properties).filter(([key]) => isOwn(key))),
  });
  const ordinary = pick((key) => !ONE_POOL.has(key));
  const parts = [INTRO, '## Top level\n', table(ordinary)];
  for (const section of sectionsOf(ordinary, ''))
    parts.push(`\n## \`${section.title}\`\n`, table(section.schema));
  parts.push(
    '\n## The one-pool form\n',
    'For one pool behind one listener these keys at the top level are enough; they cannot be mixed with `listeners`, `routes`,',
    '`pools` and `certificates`. `listen: https://shop.example.com` answers for that host on all addresses, port 443; an IP',
    'address in its place is bound, and any host is answered. The values are those of the same keys above.\n',
    table(pick((key) => ONE_POOL.has(key))),
  );
  return `${parts.join('\n')}\n`;
}

/** The sections below a mapping, depth first in the order of the schema. */
function sectionsOf(schema: JsonSchema, prefix: string): Section[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    mappingsIn(value, prefix === '' ? key : `${prefix}.${key}`),
  );
}

function mappingsIn(schema: JsonSchema, title: string): Section[] {
  if (schema.anyOf) {
    const mappings = leaves(schema).filter((each) => each.properties);
    return mappings
      .flatMap((each) => {
        const types = mappings.length > 1 ? typeWords(each) : undefined;
        return sectionsFor(each, types === undefined ? title : `${title} (type: ${types})`, title);
      })
      .concat(
        leaves(schema).flatMap(({ items }) =>
          items && !isAmong(items, mappings) ? mappingsIn(items, `${title}[]`) : [],
        ),
      );
  }
  if (schema.properties) return sectionsFor(schema, title, title);
  if (schema.items) return mappingsIn(schema.items, `${title}[]`);
  if (typeof schema.additionalProperties === 'object')
    return mappingsIn(schema.additionalProperties, `${title}.NAME`);
  return [];
}

/** Whether a list is of what may also stand there alone: one section is enough. */
function isAmong(items: JsonSchema, mappings: readonly JsonSchema[]): boolean {
  const known = mappings.map((each) => JSON.stringify(each));
  const own = leaves(items).filter((each) => each.properties);
  return own.length > 0 && own.every((each) => known.includes(JSON.stringify(each)));
}

function sectionsFor(schema: JsonSchema, title: string, prefix: string): Section[] {
  return [{ title, schema }, ...sectionsOf(schema, prefix)];
}

function typeWords(schema: JsonSchema): string | undefined {
  const type = schema.properties?.['type'];
  const words =
    type && leaves(type).flatMap((each) => each.enum ?? (each.const === undefined ? [] : [each.const]));
  return words?.map(String).join(', ');
}

/** The alternatives of a schema, nested ones spread out, without those that only let variables through. */
function leaves(schema: JsonSchema): JsonSchema[] {
  if (!schema.anyOf) return [schema];
  return schema.anyOf.flatMap(leaves).filter((each) => each.pattern !== VARIABLE_PATTERN);
}

function table(schema: JsonSchema): string {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const description = (value.description ?? '').replaceAll('|', '\\|');
    return `| \`${key}\` | ${typeText(value)} | ${defaultText(value, required.has(key))} | ${description} |`;
  });
  return ['| key | value | default | what it does |', '|---|---|---|---|', ...rows].join('\n');
}

function typeText(schema: JsonSchema): string {
  const texts = leaves(schema).map(plainType);
  return [...new Set(texts)].join(' or ');
}

function plainType(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum) return schema.enum.map((each) => `\`${String(each)}\``).join(' ');
  switch (schema.type) {
    case 'integer':
      return `${schema.minimum ?? ''}–${schema.maximum ?? ''}`;
    case 'boolean':
      return '`true` `false`';
    case 'array':
      return `list of ${plural(schema.items ?? {})}`;
    case 'object':
      return schema.properties ? 'mapping' : 'mapping by name';
    default:
      return schema.title ?? 'text';
  }
}

function plural(schema: JsonSchema): string {
  const words = typeText(schema);
  return words.replaceAll('mapping', 'mappings').replaceAll(/\btext\b/g, 'texts');
}

function defaultText(schema: JsonSchema, isRequired: boolean): string {
  if (isRequired) return 'required';
  const value = schema.default;
  if (value === undefined || value === null) return '';
  if (typeof schema.additionalProperties === 'object') return '`{}`';
  if (typeof value === 'object')
    return Object.keys(value).length === 0 && !Array.isArray(value) ? 'see below' : '`[]`';
  return value === '' ? '`""`' : `\`${String(value)}\``;
}
