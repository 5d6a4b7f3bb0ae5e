/** Files of pages that can be told although other parts of the configuration are wrong; see loose.ts. */
import type { Path } from './diagnostic.ts';
import { type At, at, list, type Mapping, mapping } from './loose-value.ts';

/** Files of `respond`, `maintenance` and `error_pages`. */
export function readPageFiles(top: Mapping): At[] {
  return [
    ...errorPageFiles(top['error_pages'], ['error_pages']),
    ...list(top['routes']).flatMap(routePageFiles),
  ];
}

function errorPageFiles(value: unknown, path: Path): At[] {
  return Object.entries(mapping(value)).flatMap(
    ([status, page]) =>
      at(page, [...path, status]) ?? at(mapping(page)['file'], [...path, status, 'file']) ?? [],
  );
}

function routePageFiles(value: unknown, index: number): At[] {
  const noun = mapping(value);
  const path = ['routes', index];
  const file = (of: string, key: string): At[] => {
    const found = at(mapping(noun[of])[key], [...path, of, key]);
    return found === undefined ? [] : [found];
  };
  return [
    ...file('respond', 'file'),
    ...file('maintenance', 'page'),
    ...errorPageFiles(noun['error_pages'], [...path, 'error_pages']),
  ];
}
