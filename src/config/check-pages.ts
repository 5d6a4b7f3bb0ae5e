/** The files of pages: they can be read, are text where they have to be, and no larger than memory should hold of them. */
import { isUtf8 } from 'node:buffer';
import type { Problem } from './diagnostic.ts';
import { error, type FileAccess, readBytes } from './file-access.ts';
import type { Loose } from './loose.ts';
import type { LoosePage } from './loose-pages.ts';
import { MOST_PAGE_BYTES } from './resolve-pages.ts';
import { formatSize, quote } from './units.ts';

export function checkPageFiles(loose: Loose, access: FileAccess): Problem[] {
  return loose.pageFiles.flatMap((page) => checkPage(page, access));
}

function checkPage({ file, isText }: LoosePage, access: FileAccess): Problem[] {
  const read = readBytes(file, 'the page', access);
  if ('problem' in read) return [read.problem];
  const size = read.text.length;
  if (size > MOST_PAGE_BYTES) {
    const most = formatSize(MOST_PAGE_BYTES);
    const message = `${quote(file.text)} has ${formatSize(size)}. Pages have at most ${most}: they are kept in memory.`;
    return [error(file, message)];
  }
  if (!isText || (isUtf8(read.text) && !read.text.includes(0))) return [];
  return [
    error(file, `${quote(file.text)} is not text in UTF-8. Only \`respond\` takes pictures and the like.`),
  ];
}
