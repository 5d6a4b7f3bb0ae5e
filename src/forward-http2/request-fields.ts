/**
 * A request to a server, from the text of HTTP/1.1 (proxy/request-text.ts) to the names and values of HTTP/2 (RFC 9113
 * section 8.3.1). All rules of routes have been applied to that text, so they are one piece of code for both.
 */
import { pairsOf } from '../http/index.ts';

/** Of one HTTP/1.1 connection (RFC 9113 section 8.2.2); the framing is HTTP/2's own. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
]);

const ID_LINE = '\r\nX-Request-Id: ';
/** ` HTTP/1.1`, which ends the request line. */
const VERSION_LENGTH = 9;

/** Translates requests; the fields of the one before are at hand where a client repeats them. */
export class RequestFields {
  readonly #scheme: string;
  /** The lines between the request line and the id. */
  #lines = '';
  #authority = '';
  #pairs: readonly string[] = [];

  constructor(isTls: boolean) {
    this.#scheme = isTls ? 'https' : 'http';
  }

  /** @param text the whole head with its empty line. @returns names in lower case and values by turns, pseudo-fields first */
  read(text: string): string[] {
    const lineEnd = text.indexOf('\r\n');
    const space = text.indexOf(' ');
    const id = text.lastIndexOf(ID_LINE);
    const lines = text.slice(lineEnd + 2, id < lineEnd ? -2 : id + 2);
    // hot path: a client repeats its fields
    if (lines !== this.#lines) this.#readLines(lines);
    const fields = [
      ':method',
      text.slice(0, space),
      ':scheme',
      this.#scheme,
      ':authority',
      this.#authority,
      ':path',
      text.slice(space + 1, lineEnd - VERSION_LENGTH),
      ...this.#pairs,
    ];
    if (id >= lineEnd) fields.push('x-request-id', text.slice(id + ID_LINE.length, -4));
    return fields;
  }

  #readLines(lines: string): void {
    const pairs: string[] = [];
    let authority = '';
    for (const [given, value] of pairsOf(lines)) {
      const name = given.toLowerCase();
      if (name === 'host') authority = value;
      else if (!OF_CONNECTION.has(name)) pairs.push(name, value);
    }
    this.#lines = lines;
    this.#authority = authority;
    this.#pairs = pairs;
  }
}
