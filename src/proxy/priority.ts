import { fieldValue } from '../http/index.ts';
import { rankOf } from '../kernel/priority.ts';

/**
 * The class that a request says itself that it is of, where its pool asks for that; else its route's, as for words that are none.
 * @param name of the field, in lower case @param fields the request's lines as they came @param ofRoute a rank
 */
export function askedRank(name: string, fields: string, ofRoute: number): number {
  const word = fieldValue(fields, name);
  const rank = word === undefined ? -1 : rankOf(word);
  return rank < 0 ? ofRoute : rank;
}
