import type { Socket } from 'node:net';
import { LargeBuffers } from './large-buffers.ts';
import { LoopTurns } from './loop-turn.ts';
import { MemoryPressure } from './memory.ts';
import { ReadMemory, SocketReader } from './socket-read.ts';
import { SocketWriter, WriteWay } from './socket-write.ts';
import { WriteBatch } from './write-batch.ts';

/** Reading and writing of the sockets of one thread: what they share is here. */
export class SocketIo {
  readonly #memory = new ReadMemory();
  readonly #way = new WriteWay();
  readonly #batch = new WriteBatch();
  readonly turns = new LoopTurns();
  readonly pressure = new MemoryPressure();
  readonly largeBuffers = new LargeBuffers(this.pressure);

  /** Takes over the reading of an accepted socket. `onBytes` is not called before this returns. */
  reader(socket: Socket, isTls: boolean, onBytes: (bytes: Buffer) => void): SocketReader {
    return new SocketReader(socket, isTls, this.#memory, onBytes);
  }

  writer(socket: Socket, isTls: boolean): SocketWriter {
    return new SocketWriter(socket, isTls, this.#way, this.#batch);
  }
}
