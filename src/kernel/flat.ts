/**
 * The same text as one piece of memory: V8 keeps a joined string as a tree until one of its characters is asked for, and walks
 * that tree whenever the text is written. Worth its copy for a text that is written more than once.
 */
export function flat(text: string): string {
  return text.charCodeAt(0) >= 0 ? text : '';
}
