/** Lines of agents, and what a slot says out of all that is said of its server. */
import t from 'tap';
import { AGENT_SILENT, type AgentState, decideAgent, isTurn } from '../../../src/control/agent/decide.ts';
import { effectiveOf, type ServerWords } from '../../../src/control/effective.ts';

const drained: AgentState = {
  ...AGENT_SILENT,
  mode: 'drain',
  percent: 40,
  maxConnections: 9,
  why: 'agent: before',
};
const down: AgentState = { ...AGENT_SILENT, isUp: false, why: 'agent: before' };

t.test('line by line', async (t) => {
  type Row = [before: AgentState, line: string, expected: Partial<AgentState>, unknown?: string];
  const table: Row[] = [
    [AGENT_SILENT, 'up', {}],
    [AGENT_SILENT, '75%', { percent: 75 }],
    [AGENT_SILENT, '0%', { percent: 0 }],
    [AGENT_SILENT, '150%', { percent: 150 }],
    [AGENT_SILENT, '999999%', { percent: 1000 }],
    [AGENT_SILENT, 'maxconn:30', { maxConnections: 30 }],
    [AGENT_SILENT, 'maxconn:0', {}],
    [AGENT_SILENT, 'drain', { mode: 'drain' }],
    [AGENT_SILENT, 'maint', { mode: 'maint' }],
    [AGENT_SILENT, 'down', { isUp: false }],
    [AGENT_SILENT, 'failed', { isUp: false }],
    [AGENT_SILENT, 'stopped', { isUp: false }],
    [AGENT_SILENT, 'down #the disk is full, 75%', { isUp: false, percent: 100 }],
    [AGENT_SILENT, ' up ready\t50% ,maxconn:7 ', { percent: 50, maxConnections: 7 }],
    [AGENT_SILENT, 'UP DRAIN', { mode: 'drain' }],
    [AGENT_SILENT, 'up, warm', {}, 'warm'],
    [drained, '75%', { mode: 'drain', percent: 75, maxConnections: 9 }],
    [drained, 'ready', { mode: 'ready', percent: 40, maxConnections: 9 }],
    [drained, 'up', { mode: 'drain', percent: 40, maxConnections: 9 }],
    [down, '75%', { isUp: false, percent: 75 }],
    [down, 'up 100%', { isUp: true }],
    [down, 'ready', { isUp: false }],
  ];
  for (const [before, line, expected, unknown = ''] of table) {
    const { state, unknown: words } = decideAgent(before, line);
    t.same(state, { ...AGENT_SILENT, ...before, ...expected, why: state.why }, line);
    t.match(state.why, /^agent: /, line);
    t.same(words.join(' '), unknown, line);
  }
  for (const line of ['what?', '75', '-5%', '1e3%', 'maxconn:', 'maxconn:x', 'HTTP/1.1 400 Bad Request'])
    t.equal(decideAgent(drained, line).state, drained, `${line} changes nothing`);
  t.same(decideAgent(drained, ''), { state: { ...drained, why: 'agent: ' }, unknown: [] });
  const why = decideAgent(AGENT_SILENT, `down #\u001b[31m${'x'.repeat(900)}\u0000`).state.why;
  t.match(why, /^agent: down # \[31mx+$/, 'nothing of it can harm a terminal');
  t.ok(why.length < 140);
});

t.test('what is news of a server', async (t) => {
  const table: [before: AgentState, line: string, isNews: boolean][] = [
    [AGENT_SILENT, 'up ready 100%', false],
    [AGENT_SILENT, '75% maxconn:30', false],
    [AGENT_SILENT, '0%', true],
    [{ ...AGENT_SILENT, percent: 0 }, '1%', true],
    [AGENT_SILENT, 'drain', true],
    [AGENT_SILENT, 'down # too hot', true],
    [down, 'down # still too hot', false],
    [down, 'up', true],
    [drained, '75%', false],
    [drained, 'maint', true],
    [drained, 'ready', true],
  ];
  for (const [before, line, isNews] of table)
    t.equal(isTurn(before, decideAgent(before, line).state), isNews, line);
});

t.test('file, operator, check and agent together', async (t) => {
  type Row = [
    name: string,
    definition: Partial<ServerWords['definition']>,
    rest: Partial<ServerWords>,
    expected: [weight: number, max: number, words: string],
  ];
  const agent = (more: Partial<AgentState>): Partial<ServerWords> => ({
    agent: { ...AGENT_SILENT, ...more },
  });
  const table: Row[] = [
    ['nothing is said', {}, {}, [10, 0, 'healthy']],
    ['its check fails', {}, { isPassing: false }, [10, 0, '']],
    ['three quarters', {}, agent({ percent: 75 }), [8, 0, 'healthy']],
    ['a small part of a small weight', { weight: 1 }, agent({ percent: 5 }), [1, 0, 'healthy']],
    ['nothing of it', {}, agent({ percent: 0 }), [0, 0, 'healthy']],
    ['all of nothing', { weight: 0 }, agent({ percent: 100 }), [0, 0, 'healthy']],
    ['more than there is', { weight: 900 }, agent({ percent: 200 }), [1000, 0, 'healthy']],
    ['a cap where there is none', {}, agent({ maxConnections: 7 }), [10, 7, 'healthy']],
    ['a lower cap', { maxConnections: 9 }, agent({ maxConnections: 7 }), [10, 7, 'healthy']],
    [
      'a higher cap is not its to give',
      { maxConnections: 9 },
      agent({ maxConnections: 70 }),
      [10, 9, 'healthy'],
    ],
    ['no cap of the agent’s', { maxConnections: 9 }, agent({}), [10, 9, 'healthy']],
    ['down', {}, agent({ isUp: false }), [10, 0, '']],
    ['up, but its check fails', {}, { ...agent({}), isPassing: false }, [10, 0, '']],
    ['drain', {}, agent({ mode: 'drain' }), [10, 0, 'healthy draining']],
    ['ready, but drained by hand', {}, { ...agent({}), isDraining: true }, [10, 0, 'healthy draining']],
    ['maint', {}, agent({ mode: 'maint' }), [10, 0, 'healthy maintenance']],
    ['maintenance in the file', { maintenance: true }, agent({}), [10, 0, 'healthy maintenance']],
  ];
  for (const [name, definition, rest, expected] of table) {
    const it = effectiveOf({
      definition: { weight: 10, maxConnections: 0, maintenance: false, ...definition },
      isDraining: false,
      isPassing: true,
      agent: undefined,
      ...rest,
    });
    const words = [
      it.isHealthy && 'healthy',
      it.isDraining && 'draining',
      it.isInMaintenance && 'maintenance',
    ];
    t.same([it.weight, it.maxConnections, words.filter(Boolean).join(' ')], expected, name);
  }
});
