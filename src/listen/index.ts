export {
  type ListenAddress,
  Listener,
  type ListenerSettings,
  type OpenConnection,
  type OpenWire,
} from './listener.ts';
export { OpenFiles } from './open-files.ts';
