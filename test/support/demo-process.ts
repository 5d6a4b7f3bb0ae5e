/** The demo as its tests see it. */
import type { SluiceProcess } from './sluice-process.ts';

export interface DemoServer {
  readonly id: string;
  readonly address: string;
  readonly pid: number;
}

/** What the demo's first line says. */
export interface DemoReady {
  readonly proxy: string;
  readonly http: string;
  readonly admin: string;
  readonly token: string;
  readonly ca: string;
  readonly pid: number;
  readonly servers: readonly DemoServer[];
  readonly moved: readonly { readonly what: string; readonly from: number; readonly to: number }[];
}

/** Events on standard output, nothing drawn. */
export const QUIET_DEMO = ['demo', '--headless', '--json'] as const;

export async function demoReady(demo: SluiceProcess): Promise<DemoReady> {
  return (await demo.event('ready')) as unknown as DemoReady;
}
