/** Files of pages that can be told although other parts of the configuration are wrong; see loose.ts. */
import type { Path } from './diagnostic.ts';
import { type At, at, list, type Mapping, mapping } from './loose-value.ts';

export interface LoosePage {
  readonly file: At;
  /** It has to be text, for something is put into it. */
  readonly isText: boolean;
}

/** Files of `respond`, `maintenance` and `error_pages`. */
export function readPageFiles(top: Mapping): LoosePage[] {
  return [
    ...errorPageFiles(top['error_pages'], ['error_pages']),
    ...list(top['routes']).flatMap(routePageFiles),
  ];
}

function errorPageFiles(value: unknown, path: Path): LoosePage[] {
  return Object.entries(mapping(value)).flatMap(([status, page]) =>
    pageOf(at(page, [...path, status]) ?? at(mapping(page)['file'], [...path, status, 'file']), true),
  );
}

function pageOf(file: At | undefined, isText: boolean): LoosePage[] {
  return file === undefined ? [] : [{ file, isText }];
}

function routePageFiles(value: unknown, index: number): LoosePage[] {
  const noun = mapping(value);
  const path = ['routes', index];
  const file = (of: string, key: string): At | undefined => at(mapping(noun[of])[key], [...path, of, key]);
  return [
    ...pageOf(file('respond', 'file'), false),
    ...pageOf(file('maintenance', 'page'), true),
    ...errorPageFiles(noun['error_pages'], [...path, 'error_pages']),
  ];
}
