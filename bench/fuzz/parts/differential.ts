/** The same bytes here and in Node's own parser: a difference that no table explains is a finding. */
import { compare } from '../../../test/support/codec/differences.ts';
import { NodeReader, readHere } from '../../../test/support/codec/node-reader.ts';
import type { Part } from '../input.ts';
import { combine, mutate } from '../mutate.ts';

/** After these Node takes what follows for bytes of another protocol, whatever it answers. */
const LEAVES_HTTP = /^(?:connection\s*:[^\r\n]*upgrade|connect |pri \*)/im;

export function differentialPart(corpus: readonly string[]): Part {
  const node = new NodeReader();
  return {
    name: 'differential',
    // One reader, one connection at a time.
    width: 1,
    make: (random) => ({ text: mutate(combine(corpus, random), random), cuts: [] }),
    async check({ text }) {
      if (LEAVES_HTTP.test(text)) return '';
      const bytes = Buffer.from(text, 'latin1');
      const why = compare(readHere(bytes), await node.read(bytes));
      return why.startsWith('UNKNOWN') ? `difference: ${why.slice('UNKNOWN: '.length)}` : '';
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
