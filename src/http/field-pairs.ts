/** Field lines to and from the pairs that Node's own HTTP takes and gives, in their order, case and bytes. */

const COLON = 0x3a;

/** `Name: value` lines, each with its CRLF, as pairs. */
export function pairsOf(lines: string): [name: string, value: string][] {
  const all = lines.split('\r\n');
  all.pop();
  return all.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 2)];
  });
}

/** Names and values in turn (`rawHeaders`, `rawTrailers`) as lines. */
export function linesOf(flat: readonly string[]): string {
  let lines = '';
  for (let i = 0; i < flat.length; i += 2) lines += `${flat[i]}: ${flat[i + 1]}\r\n`;
  return lines;
}

/** The values of all fields of that name in well-formed lines, in their order. @param name in lower case */
export function fieldValues(lines: string, name: string): string[] {
  const values: string[] = [];
  for (let start = 0; start < lines.length; ) {
    const end = lines.indexOf('\r\n', start);
    const colon = start + name.length;
    if (lines.charCodeAt(colon) === COLON && lines.slice(start, colon).toLowerCase() === name)
      values.push(lines.slice(colon + 1, end).trim());
    start = end + 2;
  }
  return values;
}

/**
 * The value of the first field of that name in well-formed lines, without the white space around it; undefined = none has it.
 * @param name in lower case
 */
export function fieldValue(lines: string, name: string): string | undefined {
  return fieldValues(lines, name)[0];
}
