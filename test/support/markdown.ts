/** As much of Markdown as the tests of the documentation need. Pure. */

/** A fenced block: ```` ```sh run ```` has the language `sh` and the mark `run`. */
export interface Block {
  readonly language: string;
  readonly mark: string;
  readonly text: string;
  /** Of the line after the fence; lines count from 1. */
  readonly line: number;
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; mark: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^```(\S*)[ \t]*(.*)$/.exec(line);
    if (open === undefined) {
      if (fence)
        open = { language: fence[1] ?? '', mark: fence[2]?.trim() ?? '', line: index + 2, lines: [] };
    } else if (line === '```') {
      blocks.push({ ...open, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else open.lines.push(line);
  }
  if (open) throw new Error(`the block of line ${open.line} has no end`);
  return blocks;
}

/** The text without fenced blocks. */
export function proseOf(markdown: string): string {
  return markdown.replace(/^```[^\n]*\n[\s\S]*?^```$/gm, '');
}

/** What stands under a heading, up to the next one of the same or a higher level. @throws when there is none */
export function sectionOf(markdown: string, heading: string): string {
  const prose = markdown.split('\n');
  const start = prose.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  if (start < 0) throw new Error(`there is no heading "${heading}"`);
  const level = /^#+/.exec(prose[start] ?? '')?.[0].length ?? 1;
  const length = prose.slice(start + 1).findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
  return prose.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n');
}

/** The cells of every table row but headings and rules. */
export function rowsOf(markdown: string): string[][] {
  const lines = proseOf(markdown).split('\n');
  return lines
    .filter((line, index) => line.startsWith('|') && !isRule(line) && !isRule(lines[index + 1] ?? ''))
    .map((line) =>
      line
        .replace(/^\||\|$/g, '')
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

const isRule = (line: string): boolean => /^\|[-| :]+\|$/.test(line);

/** The texts in backticks. */
export function codeOf(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');
}

/** Where links lead to, in order. */
export function linksOf(markdown: string): string[] {
  return [...proseOf(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
}

/** The anchors that headings have, as GitHub makes them. */
export function anchorsOf(markdown: string): Set<string> {
  const headings = proseOf(markdown)
    .split('\n')
    .filter((line) => /^#+ /.test(line));
  return new Set(
    headings.map((line) =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
