import * as z from 'zod';
import { integer, name } from './basics.ts';

/** Pools with their weights. */
export const split = z.record(name(), integer(0, 1000)).superRefine((pools, context) => {
  const weights = Object.values(pools);
  const message =
    weights.length === 0
      ? 'Name the pools with their weights: { books: 95, books-v2: 5 }.'
      : weights.every((weight) => weight === 0)
        ? 'All weights are 0: nobody would be sent anywhere. Give one pool a weight.'
        : undefined;
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});
