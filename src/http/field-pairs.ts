/** Field lines to and from the pairs that Node's own HTTP takes and gives, in their order, case and bytes. */

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
