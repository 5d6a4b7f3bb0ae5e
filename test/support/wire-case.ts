/** One wire case: raw bytes to the proxy, what its server must or must not see, what the client must get. */
export interface WireCase {
  readonly id: string;
  readonly group: string;
  /** What the client sends at once, and what it sends `afterMs` later. */
  readonly send: string;
  readonly then?: readonly { readonly afterMs: number; readonly send: string }[];
  /** The client ends its direction after that. */
  readonly fin?: boolean;
  /** What the server answers to each request, instead of a plain 200. */
  readonly upstream_reply?: string;
  /** The server closes after its answer. */
  readonly upstream_fin?: boolean;
  /** The server never answers. */
  readonly upstream_hang?: boolean;
  /** The server answers as soon as it has the head. */
  readonly upstream_early?: boolean;
  readonly expect: {
    /** 0 = closed without an answer. */
    readonly status?: number | readonly number[];
    readonly closes?: boolean;
    /** false = not one byte. */
    readonly upstreamSees?: false | readonly string[];
    readonly upstreamMustNotSee?: readonly string[];
    readonly clientSees?: readonly string[];
    readonly clientMustNotSee?: readonly string[];
  };
  readonly why: string;
  readonly source: string;
}

/** What came of a case, on both sides, as latin1 text. */
export interface WireResult {
  /** Of the first final answer; 0 = none. */
  readonly status: number;
  readonly answers: number;
  readonly isComplete: boolean;
  readonly isClosed: boolean;
  /** Bytes as the client got them, with the tokens `<GARBAGE>`, `<RESPS=n>`, `<COMPLETE>`. */
  readonly clientText: string;
  /** Bytes as the server got them. */
  readonly serverRaw: string;
  /** Requests as the server read them (names in lower case, bodies decoded), with `<EOR>`, `<REQS=n>`, `<PARTIAL>`, `<GARBAGE>`, `<NOHOST>`, `<TRAILERS>`. */
  readonly serverText: string;
}

/** `{{x*N}}` stands for N times x. */
export function expand(text: string): string {
  return text.replace(/\{\{([\s\S]+?)\*(\d+)\}\}/g, (_, piece: string, count: string) =>
    piece.repeat(Number(count)),
  );
}

const has = (text: string, piece: string): boolean =>
  text.toLowerCase().includes(expand(piece).toLowerCase());

const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);

/** Whether a bad answer of the server leaves it to us to close: an own 5xx may keep the client's connection. */
export function mustClose(wire: WireCase, status: number): boolean {
  return wire.expect.closes === true && !(wire.group === 'response' && status >= 500);
}

/** Everything in which the result differs from what the case expects, in words; none = it passed. */
export function judge(wire: WireCase, result: WireResult): string[] {
  const { expect } = wire;
  const complaints: string[] = [];
  const wanted = expect.status === undefined ? undefined : [expect.status].flat();
  if (wanted && !wanted.includes(result.status)) complaints.push(`status ${result.status}, not ${wanted}`);
  if (mustClose(wire, result.status) && !result.isClosed) complaints.push('the connection stayed open');
  if (expect.closes === false && result.isClosed) complaints.push('the connection was closed');
  return [...complaints, ...judgeServer(expect, result), ...judgeClient(expect, result)];
}

function judgeServer(expect: WireCase['expect'], { serverRaw, serverText }: WireResult): string[] {
  const complaints: string[] = [];
  // A token is only in the reading, all else may stand in either.
  const saw = (piece: string): boolean =>
    has(serverText, piece) || (!piece.startsWith('<') && has(serverRaw, piece));
  if (expect.upstreamSees === false && serverRaw !== '')
    complaints.push(`the server saw ${shown(serverRaw)}`);
  for (const piece of expect.upstreamSees || [])
    if (!saw(piece)) complaints.push(`the server did not see ${shown(piece)}`);
  for (const piece of expect.upstreamMustNotSee ?? [])
    if (saw(piece)) complaints.push(`the server saw ${shown(piece)}`);
  return complaints;
}

function judgeClient(expect: WireCase['expect'], { clientText, answers }: WireResult): string[] {
  const complaints: string[] = [];
  for (const piece of expect.clientSees ?? []) {
    const most = /^<RESPS<=(\d+)>$/.exec(piece)?.[1];
    const sees = most === undefined ? has(clientText, piece) : answers <= Number(most);
    if (!sees) complaints.push(`the client did not see ${shown(piece)} in ${shown(clientText)}`);
  }
  for (const piece of expect.clientMustNotSee ?? [])
    if (has(clientText, piece)) complaints.push(`the client saw ${shown(piece)}`);
  return complaints;
}
