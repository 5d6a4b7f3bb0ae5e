/** Pages in the program's words, with what is in their files; see resolve.ts. */
import { isUtf8 } from 'node:buffer';
import { extname, resolve } from 'node:path';
import type { ResolveContext } from './resolve-context.ts';
import type { ErrorPageConfig, MaintenanceConfig, PageConfig, RespondAction } from './resolved-route.ts';
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
  '.mjs': 'text/javascript; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.ico': 'image/vnd.microsoft.icon',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.ttf': 'font/ttf',
  '.otf': 'font/otf',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.pdf': 'application/pdf',
  '.wasm': 'application/wasm',
  '.zip': 'application/zip',
  '.gz': 'application/gzip',
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

type LongRespond = Exclude<NonNullable<LongForm['routes']>[number]['respond'], undefined>;

const TEXT = 'text/plain; charset=utf-8';

/** What a route answers; the bytes of a file go as they are. */
export function resolveRespond(spec: LongRespond, context: ResolveContext): RespondAction {
  const { status, file, body, content_type } = spec;
  if (file === undefined)
    return { type: 'respond', status, body: body ?? '', contentType: content_type ?? TEXT };
  const path = resolve(context.baseDir, file);
  const bytes = context.readBytes?.(path) ?? new Uint8Array();
  const guessed = isUtf8(bytes) && !bytes.includes(0) ? TEXT : 'application/octet-stream';
  const contentType = content_type ?? TYPES[extname(file).toLowerCase()] ?? guessed;
  return { type: 'respond', status, body: bytes, contentType, file: path };
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
