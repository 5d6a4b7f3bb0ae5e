/**
 * HTTP/2 from clients, behind the same interface as the HTTP/1.1 codec (http/wire.ts). Loading this loads node:http2, some
 * 30 ms: data threads do so only when a listener offers it.
 */
export { Http2Connection, type Http2Meter } from './connection.ts';
export { PrefaceReader } from './preface.ts';
