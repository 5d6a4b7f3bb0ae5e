export {
  type ListenAddress,
  Listener,
  type ListenerSettings,
} from './listener.ts';
export type { OpenConnection, OpenWire } from './open-connection.ts';
export { OpenFiles } from './open-files.ts';
