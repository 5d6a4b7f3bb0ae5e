/** The smallest input that still shows a fault: delta debugging (Zeller, ddmin) over text and cuts. */
import type { FuzzInput } from './input.ts';

/** Without a bound a slow fault in a long input would take the rest of the run. */
const MAX_TRIES = 1500;

/** The input without the characters [from, to); cuts behind them move, those within go. */
export function without(input: FuzzInput, from: number, to: number): FuzzInput {
  const cuts = input.cuts.flatMap((at) => (at <= from ? [at] : at < to ? [] : [at - (to - from)]));
  return { ...input, text: input.text.slice(0, from) + input.text.slice(to), cuts: [...new Set(cuts)] };
}

/** @param shows whether an input still shows the fault */
export async function minimise(
  input: FuzzInput,
  shows: (input: FuzzInput) => Promise<boolean>,
): Promise<FuzzInput> {
  let best = input;
  let tries = 0;
  const attempt = async (smaller: FuzzInput): Promise<boolean> => {
    if (++tries > MAX_TRIES || !(await shows(smaller))) return false;
    best = smaller;
    return true;
  };
  if (best.cuts.length > 0) await attempt({ ...best, cuts: [] });
  for (let size = Math.ceil(best.text.length / 2); size >= 1 && tries < MAX_TRIES; ) {
    let removed = false;
    for (let at = 0; at < best.text.length && tries < MAX_TRIES; ) {
      if (await attempt(without(best, at, Math.min(best.text.length, at + size)))) removed = true;
      else at += size;
    }
    // At single characters it goes on until none can go any more.
    if (size > 1) size = Math.ceil(size / 2);
    else if (!removed) break;
  }
  for (let i = best.cuts.length - 1; i >= 0; i--)
    await attempt({ ...best, cuts: best.cuts.filter((_, at) => at !== i) });
  return best;
}
