/**
 * Where the configuration is looked for. Pure but for `exists`. A place that somebody named is taken as it is, so
 * that a missing file is an error and never a silent default.
 */
import { isAbsolute, join } from 'node:path';
import type { Environment } from './env.ts';

export interface FindOptions {
  /** `--config`. */
  readonly named?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  readonly exists: (path: string) => boolean;
}

export type FoundConfig =
  | { readonly found: true; readonly file: string; readonly by: string }
  /** Nobody named one and there is none; `tried` in the order of the search. */
  | { readonly found: false; readonly tried: readonly string[] };

export function findConfig(options: FindOptions): FoundConfig {
  const { named, env, cwd, exists } = options;
  if (named !== undefined) return { found: true, file: named, by: '--config' };
  const fromEnv = env['SLUICE_CONFIG'];
  if (fromEnv) return { found: true, file: fromEnv, by: '$SLUICE_CONFIG' };
  const places = searchPlaces(env);
  const file = places.find((place) => exists(isAbsolute(place) ? place : join(cwd, place)));
  return file === undefined ? { found: false, tried: places } : { found: true, file, by: 'search' };
}

function searchPlaces(env: Environment): readonly string[] {
  const home = env['HOME'];
  const xdg = env['XDG_CONFIG_HOME'] || (home ? join(home, '.config') : undefined);
  return [
    'sluice.yaml',
    join('config', 'sluice.yaml'),
    ...(xdg === undefined ? [] : [join(xdg, 'sluice', 'sluice.yaml')]),
    '/etc/sluice/sluice.yaml',
  ];
}
