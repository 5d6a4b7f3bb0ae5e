import { haproxy } from './haproxy.ts';
import { nginx, nginxBuffered } from './nginx.ts';
import { fastProxy, fastProxyAgent, httpProxy } from './node-libraries.ts';
import { relay } from './relay.ts';
import { sluice, sluiceNode } from './sluice.ts';
import type { Subject } from './subject.ts';

/** Those of every table, in its order. */
export const SUBJECTS: readonly Subject[] = [nginx, haproxy, sluice, sluiceNode, fastProxy, httpProxy];

/** Those that take part only when they are named. */
export const EXTRA_SUBJECTS: readonly Subject[] = [nginxBuffered, fastProxyAgent, relay];
