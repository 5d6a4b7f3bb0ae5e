/** What can be told of shared limits although some of it is wrong. Part of loose.ts. */
import { readSource } from './loose-access.ts';
import { type At, at, type LooseSecret, mapping } from './loose-value.ts';

export interface LooseSharedLimits {
  readonly url: At | undefined;
  readonly password: LooseSecret;
  readonly ca: At | undefined;
}

export function readSharedLimits(value: unknown): LooseSharedLimits {
  const noun = mapping(value);
  const path = ['shared_limits'];
  return {
    url: at(noun['url'], [...path, 'url']),
    password: readSource(noun['password'], [...path, 'password']),
    ca: at(noun['ca'], [...path, 'ca']),
  };
}
