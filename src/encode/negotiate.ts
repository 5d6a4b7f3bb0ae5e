/**
 * The best coding for an `Accept-Encoding` (RFC 9110 section 12.5.3): of those that the client weighs highest the first of
 * ours. Pure.
 * @param accept all lines of the field, joined by commas; '' = it has none, which we take for "as it is" (section 12.5.3 would
 *   allow any coding, but who says nothing seldom knows one)
 * @param offered in the order of preference
 */
export function negotiate<Name extends string>(accept: string, offered: readonly Name[]): Name | null {
  if (accept === '') return null;
  const weights = weightsOf(accept);
  let best: Name | null = null;
  // What is as good as the answer itself is worth its while; identity has to be preferred outright to win.
  let bestWeight = 0;
  for (const name of offered) {
    const weight = weights.get(name) ?? weights.get('*') ?? 0;
    if (weight <= bestWeight) continue;
    best = name;
    bestWeight = weight;
  }
  return (weights.get('identity') ?? 0) > bestWeight ? null : best;
}

const ITEM = /^([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:;[ \t]*q[ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;

function weightsOf(accept: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const item of accept.toLowerCase().split(',')) {
    const match = ITEM.exec(item.trim());
    // An item that cannot be read names nothing that could be relied on.
    if (match === null) continue;
    const [, name = '', weight = '1'] = match;
    weights.set(name === 'x-gzip' ? 'gzip' : name, Number(weight));
  }
  return weights;
}
