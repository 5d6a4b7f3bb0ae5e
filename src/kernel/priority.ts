/** Classes of requests, the most urgent first. The rest of Sluice knows them by their place here, as a rank. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const NORMAL_RANK = PRIORITIES.indexOf('normal');

/** The rank that a word means, in any case; -1 = it is none of them. */
export function rankOf(word: string): number {
  return PRIORITIES.indexOf(word.trim().toLowerCase() as Priority);
}
