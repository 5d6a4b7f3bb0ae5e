/**
 * Requests in memory: the bytes in one piece and in several must come to the same, and what is taken for a request must
 * be one for a strict reader written apart from ours (test/support/http-message.ts), with the same border behind it.
 */
import { type RequestsRead, readRequests } from '../../../test/support/codec/reading.ts';
import { readMessage } from '../../../test/support/http-message.ts';
import { complaintOf, type Part, piecesOf } from '../input.ts';
import { combine, makeCuts, mutate } from '../mutate.ts';

/** A field line that may go on: a token, a colon, one space, no control byte but the tab. */
const FORWARDED = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\0-\x08\x0a-\x1f\x7f]*$/;
const NEVER_FORWARDED =
  /^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|content-length|host|proxy|http2-settings|proxy-authorization|x-forwarded-[a-z]+|x-real-ip|forwarded):/i;

export function requestsPart(corpus: readonly string[]): Part {
  return {
    name: 'requests',
    width: 1,
    make(random) {
      const text = mutate(combine(corpus, random), random);
      return { text, cuts: makeCuts(text.length, random), hasFin: random.below(3) === 0 };
    },
    check(input) {
      return complaintOf(() => {
        const whole = Buffer.from(input.text, 'latin1');
        for (const way of ['at_once', 'at_the_end'] as const) {
          const one = readRequests([whole], input.hasFin === true, way);
          const many = readRequests(piecesOf(input), input.hasFin === true, way);
          if (JSON.stringify(one) !== JSON.stringify(many) && !isTooLongEither(one, many))
            return `split: ${way}: whole ${JSON.stringify(one)}, in pieces ${JSON.stringify(many)}`;
          if (way === 'at_once') {
            const complaint = compareWithStrictReader(input.text, one) || lookAtFields(one);
            if (complaint !== '') return complaint;
          }
        }
        return '';
      });
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A line that is too long is refused as soon as it is; with a second fault behind it, in one piece that one may be seen first. */
function isTooLongEither(one: RequestsRead, many: RequestsRead): boolean {
  return (
    JSON.stringify(one.requests) === JSON.stringify(many.requests) &&
    one.faults.length === 1 &&
    many.faults.length === 1 &&
    [...one.faults, ...many.faults].includes('target_too_long')
  );
}

/** Every request that was taken must stand in the text, at the place where the one before it ends. */
function compareWithStrictReader(text: string, { requests }: RequestsRead): string {
  let rest = text;
  for (const taken of requests) {
    if (taken.trailers === null) return '';
    if (rest.startsWith('\r\n')) rest = rest.slice(2);
    const reading = readMessage(rest, 'request');
    if (reading.kind !== 'complete') return `strict reader: ${reading.kind} where ${taken.line} was taken`;
    const [method = '', , version = ''] = reading.message.start.split(' ');
    const [ours = '', , minor = ''] = taken.line.split(' ');
    if (method !== ours || version !== `HTTP/${minor}`)
      return `strict reader: ${reading.message.start} where ${taken.line} was taken`;
    if (reading.message.body !== taken.body)
      return `strict reader: another body of ${taken.line}: ${JSON.stringify([reading.message.body, taken.body])}`;
    rest = reading.rest;
  }
  return '';
}

/** What goes on to a server are whole lines, and none of those that are between us and the client alone. */
function lookAtFields({ requests }: RequestsRead): string {
  for (const { forward, line } of requests) {
    if (forward !== '' && !forward.endsWith('\r\n'))
      return `fields: no line end behind ${JSON.stringify(forward)}`;
    for (const field of forward.split('\r\n').slice(0, -1)) {
      if (!FORWARDED.test(field)) return `fields: ${JSON.stringify(field)} of ${line} is no field line`;
      if (NEVER_FORWARDED.test(field)) return `fields: ${JSON.stringify(field)} of ${line} must not go on`;
    }
  }
  return '';
}
