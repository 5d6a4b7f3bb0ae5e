export type { AgentState } from './decide.ts';
export {
  type AgentOptions,
  type AgentOutcome,
  type AgentPool,
  type AgentReport,
  AgentWatch,
} from './loop.ts';
