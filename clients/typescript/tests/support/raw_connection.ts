// A connection without a client: payloads in one dialect, read and written by the client's codec.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Dialect, FrameReader, FrameWriter } from '../../src/frames.js';

export class RawConnection {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #payloads: string[] = [];
  #failure: unknown;
  #closed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket, dialect: Dialect) {
    this.#socket = socket;
    this.#reader = new FrameReader(dialect);
    this.#writer = new FrameWriter(dialect, (bytes) => socket.write(bytes));
    socket.setTimeout(10_000, () => socket.destroy(new Error('nothing came for 10 s')));
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => {
      this.#failure ??= error;
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async open(port: number, dialect: Dialect): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket, dialect);
  }

  #read(chunk: Buffer): void {
    try {
      this.#reader.push(chunk, (bytes, start, end) =>
        this.#payloads.push(bytes.toString('utf8', start, end)),
      );
    } catch (error) {
      this.#failure = error;
      this.#socket.destroy();
    }
    this.#wake();
  }

  send(payload: string): void {
    this.#writer.add(payload);
    this.#writer.flush();
  }

  /** The next payload; undefined when the server has closed the connection. */
  async receive(): Promise<string | undefined> {
    while (this.#payloads.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const payload = this.#payloads.shift();
    if (payload === undefined && this.#failure) throw this.#failure;
    return payload;
  }

  switchTo(dialect: Dialect): void {
    this.#reader.dialect = dialect;
    this.#writer.dialect = dialect;
  }

  close(): void {
    this.#socket.destroy();
  }
}
