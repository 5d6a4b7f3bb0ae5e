/**
 * Nanoseconds to read one request head: `node bench/micro/head.ts`. Alike: the connection repeats its fields; varied:
 * the cookie differs in each, so that the fields are read anew.
 */
import { HeadReader } from '../../src/http/head-reader.ts';
import { systemClock } from '../../src/kernel/clock.ts';

const LIMITS = {
  maxHeadBytes: 16_384,
  maxFields: 100,
  maxTargetBytes: 8192,
  maxBodyBytes: 0,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  idleTimeoutMs: 75_000,
  minRate: 0,
};
const ROUNDS = 9;
const PER_ROUND = 200_000;

const small = (i: number): string =>
  `GET /books/${i}?q=${i} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nCookie: s=${i}\r\n\r\n`;
const browser = (i: number): string =>
  `GET /books/${i}?q=${i} HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\nReferer: https://shop.example.com/\r\nCookie: session=${i}abcdef; theme=dark\r\nCache-Control: no-cache\r\nSec-Fetch-Mode: navigate\r\n\r\n`;

function measure(name: string, heads: readonly Buffer[]): void {
  const reader = new HeadReader(LIMITS, false);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = systemClock.nowMs();
    for (let i = 0; i < PER_ROUND; i++) reader.push(heads[i % heads.length] as Buffer);
    rounds.push(((systemClock.nowMs() - startMs) * 1e6) / PER_ROUND);
  }
  rounds.sort((a, b) => a - b);
  process.stdout.write(`${name.padEnd(24)} ${(rounds[ROUNDS >> 1] ?? 0).toFixed(0).padStart(6)} ns\n`);
}

for (const [name, make] of [
  ['small', small],
  ['browser', browser],
] as const) {
  const heads = Array.from({ length: 1000 }, (_, i) => Buffer.from(make(i), 'latin1'));
  measure(`${name}, varied`, heads);
  measure(`${name}, alike`, heads.slice(0, 1));
}
