/** What a newcomer reads when everything runs. Every command in it works as it is printed, from any folder. Pure. */
import type { Painter } from '../paint.ts';
import { RESTART_MS } from './fleet.ts';
import type { DemoFacts } from './narrator.ts';

export function thingsToTry(facts: DemoFacts, paint: Painter): string {
  const { proxy, pool, servers, pid, admin } = facts;
  const second = servers.filter((it) => it.pid > 0)[1] ?? servers[0];
  const third = servers.at(-1);
  const ca = facts.caFile === '' ? '' : ` --cacert ${shellWord(facts.caFile)}`;
  const token = `-H "Authorization: Bearer $(cat ${shellWord(facts.tokenFile)})"`;
  const api = `${admin}/api/v1/pools/${pool}/servers`;
  const steps: [title: string, command: string, after: string][] = [
    [
      'Ask for a book. X-Server says who answered; ask again, and it is another one.',
      `curl -si${ca} ${shellWord(`${proxy}/books?limit=1`)}`,
      '',
    ],
    [
      `Kill ${second?.address ?? 'a server'}. Its share goes to the others, and nothing fails.`,
      `kill -9 ${second?.pid ?? 0}`,
      `It is started again after ${RESTART_MS / 1000} s.`,
    ],
    [
      'Change the fleet: in the file, add a server or set a weight to 3, then have it read again.',
      `${editorCommand(facts)} && kill -HUP ${pid}`,
      'A mistake in it changes nothing, and is shown here.',
    ],
    [
      'Take a server out gently: no new requests, what it has it finishes. Then let it in again.',
      `curl -s -X POST ${token} ${api}/${third?.id ?? 'ID'}/actions/drain`,
      'The same with undrain at the end.',
    ],
    ['See what the balancer sees.', `curl -s ${token} ${api}`, ''],
  ];
  const lines = steps.flatMap(([title, command, after], index) => [
    `  ${paint.bold(`${index + 1}.`)} ${title}`,
    `     ${paint.cyan(command)}`,
    ...(after === '' ? [] : [`     ${paint.dim(after)}`]),
    '',
  ]);
  return lines.join('\n');
}

function editorCommand({ configFile }: DemoFacts): string {
  return `\${EDITOR:-vi} ${shellWord(configFile)}`;
}

/** A word as a shell takes it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
