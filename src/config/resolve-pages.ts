/** Pages in the program's words, with the texts of their files; see resolve.ts. */
import { extname, resolve } from 'node:path';
import type { ResolveContext } from './resolve-context.ts';
import type { ErrorPageConfig, MaintenanceConfig, PageConfig } from './resolved-route.ts';
import type { LongForm } from './schema/file.ts';

/** What `respond`, a maintenance page and an error page may hold: they lie in the memory of every thread. */
export const MOST_PAGE_BYTES = 1024 * 1024;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.htm': 'text/html; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.json': 'application/json',
  '.xml': 'application/xml',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface LongPage {
  readonly file?: string | undefined;
  readonly body?: string | undefined;
  readonly content_type?: string | undefined;
}

/** @param otherwise the type when neither the file says one nor its name */
export function resolvePage(
  { file, body, content_type }: LongPage,
  otherwise: string,
  context: ResolveContext,
): PageConfig {
  if (file === undefined) return { body: body ?? '', contentType: content_type ?? otherwise };
  return {
    body: context.readFile?.(resolve(context.baseDir, file)) ?? '',
    contentType: content_type ?? TYPES[extname(file).toLowerCase()] ?? otherwise,
  };
}

const HTML = 'text/html; charset=utf-8';

export function resolveErrorPages(
  pages: LongForm['error_pages'],
  context: ResolveContext,
): readonly ErrorPageConfig[] {
  return Object.entries(pages ?? {}).map(([status, page]) => ({
    status,
    ...resolvePage(page, HTML, context),
    intercepts: page.intercept,
  }));
}

type LongMaintenance = NonNullable<LongForm['routes']>[number]['maintenance'];

export function resolveMaintenance(
  spec: LongMaintenance,
  context: ResolveContext,
): MaintenanceConfig | undefined {
  if (!spec) return undefined;
  return {
    page: spec.page === undefined ? undefined : resolvePage({ file: spec.page }, HTML, context),
    retryAfterS: Math.ceil(spec.retry_after / 1000),
    allow: spec.allow,
  };
}
