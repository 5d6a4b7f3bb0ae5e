/** Answers in memory: one piece or several come to the same, and a whole one is one for a strict reader too. */

import type { Random } from '../../../src/kernel/random.ts';
import { type AnswerRead, readAnswer } from '../../../test/support/codec/reading.ts';
import { answerRole, readMessage, statusOf } from '../../../test/support/http-message.ts';
import { complaintOf, type FuzzInput, type Part, piecesOf } from '../input.ts';
import { combine, makeCuts, mutate, pick } from '../mutate.ts';

export function makeAnswer(corpus: readonly string[], random: Random): FuzzInput {
  const text = mutate(combine(corpus, random), random);
  return { text, cuts: makeCuts(text.length, random), method: pick(random, ['GET', 'GET', 'HEAD', 'POST']) };
}

export function answersPart(corpus: readonly string[]): Part {
  return {
    name: 'answers',
    width: 1,
    make: (random) => makeAnswer(corpus, random),
    check(input) {
      const { text, method = 'GET' } = input;
      return complaintOf(() => {
        const one = readAnswer(method, [Buffer.from(text, 'latin1')]);
        const many = readAnswer(method, piecesOf(input));
        if (JSON.stringify(one) !== JSON.stringify(many))
          return `split: whole ${JSON.stringify(one)}, in pieces ${JSON.stringify(many)}`;
        return one.isWhole ? compareWithStrictReader(text, method, one) : '';
      });
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function compareWithStrictReader(text: string, method: string, ours: AnswerRead): string {
  let rest = text;
  for (const [status] of ours.seen) {
    const reading = readMessage(rest, answerRole(rest, method));
    // RFC 9112 section 6.3: no body after an interim answer; 101 ends the reading as HTTP.
    if (reading.kind !== 'complete') return `strict reader: ${reading.kind} where a ${status} was taken`;
    if (statusOf(reading.message.start) !== status)
      return `strict reader: ${JSON.stringify(reading.message.start)} where a ${status} was taken`;
    rest = reading.rest;
    const isLast = status >= 200 || status === 101;
    if (isLast && reading.message.body !== ours.body)
      return `strict reader: another body: ${JSON.stringify([reading.message.body, ours.body])}`;
  }
  return '';
}
