import type { Path } from './diagnostic.ts';
import type { Environment } from './env.ts';
import type { Source } from './resolved.ts';

export interface ResolveContext {
  /** Absolute, or a name in angle brackets. */
  readonly file: string;
  readonly baseDir: string;
  readonly env: Environment;
  /** Absolute path -> content; undefined = files are not to be read. */
  readonly readFile: ((path: string) => string) | undefined;
  readonly readBytes: ((path: string) => Uint8Array) | undefined;
  /** The line where a noun of the long form was written. */
  readonly lineOf: (path: Path) => number;
}

export function sourceOf(context: ResolveContext, path: Path): Source {
  return { file: context.file, line: context.lineOf(path) };
}
