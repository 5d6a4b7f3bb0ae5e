/**
 * Reads the TAP that one test file prints, line by line, and counts its assertions.
 *
 * Only leaves are counted: the line that sums up a subtest repeats what its children said, unless it failed for a
 * reason of its own (a broken plan, a time-out). Rejected: tap's own runner, which loads a tracer into every process that a
 * test starts, by NODE_OPTIONS; daemons under test would start slower than they do, and on an old Node differently.
 */

export interface SkippedTest {
  /** The names of the subtests down to the skipped one. */
  readonly path: readonly string[];
  /** What the test gave as its reason; may be empty. */
  readonly reason: string;
}

export interface TapCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
  /** The failed assertions, each with the names of its subtests. */
  readonly failures: ReadonlyArray<readonly string[]>;
}

const POINT = /^( *)(not )?ok\b(?: +\d+)?(?: +- )?(.*)$/;
const SUBTEST = /^( *)# Subtest: ?(.*)$/;
const DIRECTIVE = /(?:^| )# ?(skip|todo)\b ?(.*)$/i;
const TIME = / # time=[\d.]+m?s$/;
const INDENT = 4;

/** An open subtest: what its children said so far. */
interface Level {
  readonly name: string;
  failures: number;
  points: number;
}

export class TapReader {
  #passed = 0;
  readonly #skipped: SkippedTest[] = [];
  readonly #failures: string[][] = [];
  /** The open subtests, outermost first; the one at index n has children indented by 4 (n + 1) blanks. */
  #open: Level[] = [];
  /** While inside a YAML block: the line that ends it. */
  #blockEnd: string | undefined;

  get counts(): TapCounts {
    return {
      passed: this.#passed,
      failed: this.#failures.length,
      skipped: this.#skipped,
      failures: this.#failures,
    };
  }

  /** Takes one line without its line end. */
  line(text: string): void {
    if (this.#blockEnd !== undefined) {
      if (text.startsWith(this.#blockEnd)) this.#blockEnd = undefined;
      return;
    }
    const block = /^( *)---$/.exec(text);
    if (block) {
      this.#blockEnd = `${block[1]}...`;
      return;
    }
    const subtest = SUBTEST.exec(text);
    if (subtest) {
      this.#open = this.#open.slice(0, depthOf(subtest[1]));
      this.#open.push({ name: subtest[2] ?? '', failures: 0, points: 0 });
      return;
    }
    const point = POINT.exec(text);
    if (point) this.#point(depthOf(point[1]), point[2] === undefined, point[3] ?? '');
    else if (text.startsWith('Bail out!')) this.#failures.push([text]);
  }

  #point(depth: number, ok: boolean, rest: string): void {
    const directive = DIRECTIVE.exec(rest);
    const title = rest.replace(DIRECTIVE, '').replace(TIME, '').trim();
    const summed = this.#open[depth];
    this.#open = this.#open.slice(0, depth);
    const path = [...this.#open.map((level) => level.name), title];
    for (const level of this.#open) level.points += 1;
    if (directive) {
      // `t.skip('why')` gives its reason as the name, `{ skip: 'why' }` after the directive.
      const reason = (directive[2] ?? '').replace(TIME, '').trim();
      this.#skipped.push({ path, reason: reason === '' ? title : reason });
    } else if (!ok) {
      if (summed !== undefined && summed.failures > 0) return;
      for (const level of this.#open) level.failures += 1;
      this.#failures.push(path);
    } else if (summed === undefined) {
      this.#passed += 1;
    }
  }
}

function depthOf(blanks: string | undefined): number {
  return Math.floor((blanks ?? '').length / INDENT);
}
