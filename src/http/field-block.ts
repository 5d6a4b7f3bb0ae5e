/**
 * What the field blocks of requests and answers have in common: one pass over the lines, framing (RFC 9112 section 6),
 * connection options and the removal of what they name (RFC 9110 section 7.6.1).
 *
 * `forward` is what goes on to the other side: the block without hop-by-hop, framing and whatever else the reader
 * of either kind keeps back, all else in its order, case and bytes.
 */
import type { Reason } from '../kernel/reason.ts';
import { HttpFault } from './fault.ts';
import { CONNECTION, CONTENT_LENGTH, classifyName, INVALID, PASS, TRANSFER_ENCODING } from './names.ts';
import { eachListItem, findLineEnd, isOws, parseDecimal, trimOws } from './syntax.ts';

/**
 * Schemes that log in to the connection (RFC 4559; Microsoft's NTLM and its kin), as the first or a later challenge of a
 * list. One too many costs a connection, one too few lets in a stranger: so any word of this kind will do.
 */
export const CONNECTION_LOGIN = /(?:^|,)[ \t]*(?:ntlm|nego|kerberos)/i;

export abstract class FieldBlock {
  /** The block as received, with the CRLF of its last line: what a next head is compared with. */
  readonly text: string;
  /** The lines that go on, each with its CRLF. */
  forward = '';
  contentLength = -1;
  isChunked = false;
  /** Connection options. */
  hasClose = false;
  hasKeepAlive = false;
  hasUpgrade = false;
  /** A login of the connection, not of the request: whoever came next on it would be taken for this client. */
  bindsConnection = false;

  constructor(text: string) {
    this.text = text;
  }
}

/** How a kind of block differs from the other. */
export interface BlockRules {
  /** The reason of a block that breaks the rules. */
  readonly fault: Reason;
  readonly tooManyFields: Reason;
  readonly unknownCoding: Reason;
  /** Names that Connection cannot have removed: they frame or address the message, or are options of Connection. */
  readonly unremovable: ReadonlySet<string>;
}

/** One pass over the lines of a block; an object only so that the parts share their state without closures. */
export abstract class FieldBlockReader<B extends FieldBlock> {
  protected readonly block: B;
  readonly #rules: BlockRules;
  /** Lower-case names that Connection lists beyond the usual ones. */
  #named: Set<string> | null = null;
  #hasTransferEncoding = false;

  constructor(block: B, rules: BlockRules) {
    this.block = block;
    this.#rules = rules;
  }

  /** Takes note of a field that means something in this kind of block. True: the line goes on as well. */
  protected abstract read(kind: number, value: string): boolean | HttpFault;
  /** The lines named in Connection have been removed. */
  protected onRemoved(_named: ReadonlySet<string>): void {}

  readAll(maxFields: number): B | HttpFault {
    // hot path: bench/micro/head.ts
    const { text } = this.block;
    const end = text.length;
    let forward = '';
    let runStart = 0;
    let lineStart = 0;
    let count = 0;
    while (lineStart < end) {
      const lineEnd = findLineEnd(text, lineStart);
      if (lineEnd < 0) return this.#fault('control byte, bare CR, bare LF or a folded line in the fields');
      if (++count > maxFields)
        return new HttpFault(this.#rules.tooManyFields, `more than ${maxFields} fields`);
      const colon = text.indexOf(':', lineStart);
      if (colon < 0 || colon > lineEnd) return this.#fault('a field line without a colon');
      const kind = classifyName(text, lineStart, colon);
      if (kind === INVALID) return this.#fault('a field name is not a token');
      const next = lineEnd + 2;
      const isTidy =
        text.charCodeAt(colon + 1) === 0x20 &&
        !isOws(text.charCodeAt(colon + 2)) &&
        !isOws(text.charCodeAt(lineEnd - 1));
      if (kind !== PASS || !isTidy) {
        const value = isTidy ? text.slice(colon + 2, lineEnd) : trimOws(text.slice(colon + 1, lineEnd));
        const passes = kind === PASS ? true : this.#readOne(kind, value);
        if (passes instanceof HttpFault) return passes;
        if (!passes || !isTidy) {
          forward += text.slice(runStart, lineStart);
          if (passes) forward += `${text.slice(lineStart, colon)}: ${value}\r\n`;
          runStart = next;
        }
      }
      lineStart = next;
    }
    this.block.forward = runStart === 0 ? text : forward + text.slice(runStart);
    return this.#close();
  }

  #close(): B | HttpFault {
    const { block } = this;
    if (this.#named) {
      block.forward = removeFields(block.forward, this.#named);
      this.onRemoved(this.#named);
    }
    const isDoubtful = this.#hasTransferEncoding && block.contentLength >= 0;
    return isDoubtful ? this.#fault('Content-Length beside Transfer-Encoding') : block;
  }

  #fault(detail: string): HttpFault {
    return new HttpFault(this.#rules.fault, detail);
  }

  #readOne(kind: number, value: string): boolean | HttpFault {
    const { block } = this;
    switch (kind) {
      case CONTENT_LENGTH: {
        const length = parseDecimal(value);
        if (length < 0) return this.#fault('Content-Length is not a number');
        if (block.contentLength >= 0) return this.#fault('two Content-Length fields');
        block.contentLength = length;
        return false;
      }
      case TRANSFER_ENCODING:
        if (this.#hasTransferEncoding) return this.#fault('two Transfer-Encoding fields');
        this.#hasTransferEncoding = true;
        if (value.toLowerCase() !== 'chunked') {
          return new HttpFault(this.#rules.unknownCoding, 'a transfer coding other than chunked');
        }
        block.isChunked = true;
        return false;
      case CONNECTION:
        this.#readConnection(value);
        return false;
      default:
        return this.read(kind, value);
    }
  }

  #readConnection(value: string): void {
    const { block } = this;
    eachListItem(value, (option) => {
      if (option === 'close') block.hasClose = true;
      else if (option === 'keep-alive') block.hasKeepAlive = true;
      else if (option === 'upgrade') block.hasUpgrade = true;
      else if (!this.#rules.unremovable.has(option)) {
        this.#named ??= new Set();
        this.#named.add(option);
      }
    });
  }
}

/** `block` without the lines whose lower-case name is in `named`. The block must be well-formed. */
function removeFields(block: string, named: ReadonlySet<string>): string {
  let kept = '';
  for (let lineStart = 0; lineStart < block.length; ) {
    const next = block.indexOf('\r\n', lineStart) + 2;
    const name = block.slice(lineStart, block.indexOf(':', lineStart)).toLowerCase();
    if (!named.has(name)) kept += block.slice(lineStart, next);
    lineStart = next;
  }
  return kept;
}
