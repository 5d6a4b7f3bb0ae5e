/**
 * Servers that are spoken to over HTTP/2, behind the same interface as connections of HTTP/1.1 (forward/channel.ts).
 * Loading this loads node:http2, some 30 ms: data threads do so only when a pool asks for it.
 */
export { ServerSessions } from './sessions.ts';
