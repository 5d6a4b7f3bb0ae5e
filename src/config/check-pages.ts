/** The files of pages: they can be read, are text, and no larger than memory should hold of them. */
import type { Problem } from './diagnostic.ts';
import { error, type FileAccess, readFile } from './file-access.ts';
import type { At, Loose } from './loose.ts';
import { MOST_PAGE_BYTES } from './resolve-pages.ts';
import { formatSize, quote } from './units.ts';

export function checkPageFiles(loose: Loose, access: FileAccess): Problem[] {
  return loose.pageFiles.flatMap((at) => checkPage(at, access));
}

function checkPage(at: At, access: FileAccess): Problem[] {
  const read = readFile(at, 'the page', access);
  if ('problem' in read) return [read.problem];
  const size = Buffer.byteLength(read.text);
  if (size > MOST_PAGE_BYTES)
    return [
      error(
        at,
        `${quote(at.text)} has ${formatSize(size)}. Pages have at most ${formatSize(MOST_PAGE_BYTES)}: they are kept in memory.`,
      ),
    ];
  // What is no UTF-8 was read as U+FFFD.
  if (/[\0\uFFFD]/.test(read.text))
    return [error(at, `${quote(at.text)} is not text in UTF-8. Pictures and the like are for a server.`)];
  return [];
}
