/** The daemons with HTTP/2 on their TLS port: subjects of their own, so that the other tables stay as they are. */
import { haproxyWith } from './haproxy.ts';
import { nginxWith } from './nginx.ts';
import { sluiceSubject } from './sluice.ts';
import type { Subject } from './subject.ts';

const nginxH2 = nginxWith('nginx', 'as nginx, "listen … ssl http2"', { listenOptions: ' http2' });
const haproxyH2 = haproxyWith('haproxy', 'as haproxy, "alpn h2,http/1.1"', { alpn: 'h2,http/1.1' });

export const H2_SUBJECTS: readonly Subject[] = [nginxH2, haproxyH2, sluiceSubject('sluice', 1)];
