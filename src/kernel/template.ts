/**
 * Texts of the configuration with placeholders in braces, as `{client_ip}`; `{{` and `}}` are braces. Not `${…}`, which stands for
 * the environment and is replaced when the file is read.
 */
export const PLACEHOLDERS = [
  'client_ip',
  'scheme',
  'host',
  'path',
  'method',
  'request_id',
  'route',
  'pool',
  'server',
  'user',
  'tenant',
] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

export type Part = string | { readonly placeholder: Placeholder };

/** A text with its placeholders told apart. @throws RangeError with what is wrong; the configuration has checked it */
export function parseTemplate(text: string): readonly Part[] {
  const parts: Part[] = [];
  const pattern = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const name = match[1];
    if (match[0] === '{{' || match[0] === '}}') parts.push(match[0].charAt(0));
    else if (name === undefined) throw new RangeError(`"${match[0]}" alone: write it twice`);
    else if (!isPlaceholder(name)) throw new RangeError(`there is no {${name}}`);
    else parts.push({ placeholder: name });
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== '');
}

function isPlaceholder(name: string): name is Placeholder {
  return (PLACEHOLDERS as readonly string[]).includes(name);
}
