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

export interface FailedTest {
  /** The names of the subtests down to the assertion. */
  readonly path: readonly string[];
  /** What tap says of it (expected, actual, where), as YAML lines. */
  readonly details: readonly string[];
}

export interface TapCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
  readonly failures: readonly FailedTest[];
}

const POINT = /^( *)(not )?ok\b(?: +\d+)?(?: +- )?(.*)$/;
const SUBTEST = /^( *)# Subtest: ?(.*)$/;
const DIRECTIVE = /(?:^| )# ?(skip|todo)\b ?(.*)$/i;
const TIME = / # time=[\d.]+m?s$/;
/** Version, plan, comments and blank lines. */
const OTHER_TAP = /^ *(TAP version \d+|\d+\.\.\d+.*|#.*|\}?)$/;
const INDENT = 4;

/** An open subtest: what its children said so far. */
interface Level {
  readonly name: string;
  failures: number;
}

export class TapReader {
  #passed = 0;
  readonly #skipped: SkippedTest[] = [];
  readonly #failures: Array<{ path: string[]; details: string[] }> = [];
  /** The open subtests, outermost first; the one at index n has children indented by 4 (n + 1) blanks. */
  #open: Level[] = [];
  /** While inside a YAML block: its indentation, and where its lines go. */
  #block: { readonly indent: string; readonly details: string[] | undefined } | undefined;
  /** The failure that the last point was, whose YAML block may follow. */
  #lastFailure: string[] | undefined;

  get counts(): TapCounts {
    return {
      passed: this.#passed,
      failed: this.#failures.length,
      skipped: this.#skipped,
      failures: this.#failures,
    };
  }

  /** Takes one line without its line end; false when it is not TAP but something that the test printed. */
  line(text: string): boolean {
    if (this.#block !== undefined) {
      if (text === `${this.#block.indent}...`) this.#block = undefined;
      else this.#block.details?.push(text.slice(this.#block.indent.length));
      return true;
    }
    const block = /^( *)---$/.exec(text);
    if (block) {
      this.#block = { indent: block[1] ?? '', details: this.#lastFailure };
      return true;
    }
    this.#lastFailure = undefined;
    const subtest = SUBTEST.exec(text);
    const point = subtest ? null : POINT.exec(text);
    if (subtest) {
      this.#open = this.#open.slice(0, depthOf(subtest[1]));
      this.#open.push({ name: subtest[2] ?? '', failures: 0 });
    } else if (point) {
      this.#point(depthOf(point[1]), point[2] === undefined, point[3] ?? '');
    } else if (text.startsWith('Bail out!')) {
      this.#fail([text]);
    } else {
      const nothing = /^1\.\.0 # (.+)$/.exec(text);
      if (nothing) this.#skipped.push({ path: [], reason: nothing[1] ?? '' });
      return OTHER_TAP.test(text);
    }
    return true;
  }

  #point(depth: number, ok: boolean, rest: string): void {
    const directive = DIRECTIVE.exec(rest);
    const title = rest.replace(DIRECTIVE, '').replace(TIME, '').trim();
    const summed = this.#open[depth];
    this.#open = this.#open.slice(0, depth);
    const path = [...this.#open.map((level) => level.name), title];
    if (directive) {
      // `t.skip('why')` gives its reason as the name, `{ skip: 'why' }` after the directive.
      const reason = (directive[2] ?? '').replace(TIME, '').trim();
      this.#skipped.push({ path, reason: reason === '' ? title : reason });
    } else if (!ok) {
      if (summed !== undefined && summed.failures > 0) return;
      this.#fail(path);
    } else if (summed === undefined) {
      this.#passed += 1;
    }
  }

  #fail(path: string[]): void {
    for (const level of this.#open) level.failures += 1;
    this.#lastFailure = [];
    this.#failures.push({ path, details: this.#lastFailure });
  }
}

function depthOf(blanks: string | undefined): number {
  return Math.floor((blanks ?? '').length / INDENT);
}
