import { connect, type Socket } from 'node:net';

/** What a {@link GrpcConnection} tells its owner. */
export interface GrpcConnectionEvents {
  /** One whole gRPC message; the bytes are valid only during the call. */
  readonly message: (bytes: Buffer) => void;
  readonly closed: (reason: string) => void;
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const frames = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const ackFlag = 1;
const endStream = 1;
const endHeaders = 4;
const maxFrame = 16_384;
const headerSize = 9;
const settingWindow = 4;
/** Envoy's own windows (HttpProtocolOptions: 16 MiB a stream, 24 MiB a connection). */
const streamWindow = 16 * 1024 * 1024;
const connectionWindow = 24 * 1024 * 1024;
const ownCredit = 4 * 1024 * 1024;

/** All connections read into this: each chunk is dealt with before the next one is read. */
const readBuffer = new Uint8Array(512 * 1024);

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headerSize + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, headerSize);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Literal header fields without Huffman code or table (RFC 7541 6.2.2): nothing to keep in step with the peer. */
function headerBlock(path: string, authority: string): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
  const post = 0x83;
  const http = 0x86;
  return Buffer.concat([
    Buffer.from([post, http, 0x04]),
    text(path),
    Buffer.from([0x01]),
    text(authority),
    Buffer.from([0x00]),
    text('te'),
    text('trailers'),
    Buffer.from([0x0f, 0x10]),
    text('application/grpc'),
  ]);
}

/**
 * One gRPC stream on a plaintext HTTP/2 connection of its own, with windows and frame size as Envoy has them. A thousand of
 * these cost a fraction of what a thousand clients of a library cost, so that the bench measures the server.
 */
export class GrpcConnection {
  readonly #events: GrpcConnectionEvents;
  readonly #socket: Socket;
  /** A frame header, or the payload of a control frame, that came in parts. */
  readonly #head = Buffer.alloc(headerSize);
  #headLength = 0;
  #frameType = 0;
  #frameFlags = 0;
  #frameLeft = 0;
  #inFrame = false;
  #control: Buffer[] = [];
  readonly #messageHead = Buffer.alloc(5);
  #messageHeadLength = 0;
  #message: Buffer | undefined;
  #messageLength = 0;
  #consumed = 0;
  #credit = 65_535;
  #streamCredit = 65_535;
  #initialCredit = 65_535;
  #unsent: Buffer[] = [];
  #out: Buffer[] = [];
  #closed = false;

  constructor(port: number, path: string, events: GrpcConnectionEvents) {
    this.#events = events;
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length, bytes) => {
          this.#take(Buffer.from(bytes.buffer, bytes.byteOffset, length));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#over(error.message));
    this.#socket.on('close', () => this.#over('connection closed'));
    const settings = Buffer.concat([
      Buffer.from([0, 2]),
      uint32(0),
      Buffer.from([0, settingWindow]),
      uint32(streamWindow),
    ]);
    this.#out.push(
      preface,
      frame(frames.settings, 0, 0, settings),
      frame(frames.windowUpdate, 0, 0, uint32(connectionWindow - 65_535)),
      frame(frames.headers, endHeaders, 1, headerBlock(path, `127.0.0.1:${port}`)),
    );
    this.flush();
  }

  /** Puts a message (with its five bytes of gRPC header) in line; goes out with `flush`, as far as the server's window allows. */
  send(framed: Buffer): void {
    this.#unsent.push(framed);
  }

  flush(): void {
    this.#fill();
    if (this.#out.length > 0 && !this.#closed) {
      this.#socket.write(this.#out.length === 1 ? (this.#out[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#out));
      this.#out = [];
    }
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #over(reason: string): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#events.closed(reason);
    }
  }

  /** Cuts what is in line into DATA frames, within both windows (RFC 9113 6.9). */
  #fill(): void {
    for (let bytes = this.#unsent[0]; bytes !== undefined; bytes = this.#unsent[0]) {
      const size = Math.min(bytes.length, maxFrame, this.#credit, this.#streamCredit);
      if (size <= 0) return;
      this.#out.push(frame(frames.data, 0, 1, bytes.subarray(0, size)));
      this.#credit -= size;
      this.#streamCredit -= size;
      if (size === bytes.length) this.#unsent.shift();
      else this.#unsent[0] = bytes.subarray(size);
    }
  }

  #take(chunk: Buffer): void {
    let pos = 0;
    while (pos < chunk.length && !this.#closed) {
      if (!this.#inFrame) {
        const size = Math.min(headerSize - this.#headLength, chunk.length - pos);
        chunk.copy(this.#head, this.#headLength, pos, pos + size);
        this.#headLength += size;
        pos += size;
        if (this.#headLength < headerSize) break;
        this.#openFrame();
      }
      const size = Math.min(this.#frameLeft, chunk.length - pos);
      if (this.#frameType === frames.data) this.#data(chunk, pos, pos + size);
      else if (size > 0) this.#control.push(Buffer.from(chunk.subarray(pos, pos + size)));
      pos += size;
      this.#frameLeft -= size;
      if (this.#frameLeft === 0) this.#endFrame();
    }
    if (this.#consumed > ownCredit) {
      this.#out.push(
        frame(frames.windowUpdate, 0, 0, uint32(this.#consumed)),
        frame(frames.windowUpdate, 0, 1, uint32(this.#consumed)),
      );
      this.#consumed = 0;
    }
    this.flush();
  }

  #openFrame(): void {
    this.#headLength = 0;
    this.#frameLeft = this.#head.readUIntBE(0, 3);
    this.#frameType = this.#head[3] ?? 0;
    this.#frameFlags = this.#head[4] ?? 0;
    this.#inFrame = true;
    if (this.#frameType === frames.data) this.#consumed += this.#frameLeft;
  }

  #endFrame(): void {
    this.#inFrame = false;
    const payload = Buffer.concat(this.#control);
    this.#control = [];
    switch (this.#frameType) {
      case frames.settings:
        if ((this.#frameFlags & ackFlag) === 0) this.#settings(payload);
        return;
      case frames.ping:
        if ((this.#frameFlags & ackFlag) === 0) this.#out.push(frame(frames.ping, ackFlag, 0, payload));
        return;
      case frames.windowUpdate:
        if (this.#head.readUInt32BE(5) === 0) this.#credit += payload.readUInt32BE(0);
        else this.#streamCredit += payload.readUInt32BE(0);
        return;
      case frames.goAway:
        // Without an error (RFC 9113 6.8) the stream goes on: its end is still to come.
        if (payload.readUInt32BE(4) !== 0) this.#over('ended by the server');
        return;
      case frames.headers:
        if ((this.#frameFlags & endStream) !== 0) this.#over('ended by the server');
        return;
      case frames.reset:
        this.#over('ended by the server');
        return;
      default:
        return;
    }
  }

  #settings(payload: Buffer): void {
    for (let pos = 0; pos + 6 <= payload.length; pos += 6) {
      if (payload.readUInt16BE(pos) !== settingWindow) continue;
      const size = payload.readUInt32BE(pos + 2);
      this.#streamCredit += size - this.#initialCredit;
      this.#initialCredit = size;
    }
    this.#out.push(frame(frames.settings, ackFlag, 0, Buffer.alloc(0)));
  }

  #data(chunk: Buffer, from: number, end: number): void {
    let start = from;
    while (start < end) {
      if (this.#messageHeadLength < 5) {
        const size = Math.min(5 - this.#messageHeadLength, end - start);
        chunk.copy(this.#messageHead, this.#messageHeadLength, start, start + size);
        this.#messageHeadLength += size;
        start += size;
        if (this.#messageHeadLength < 5) return;
        this.#messageLength = 0;
        const length = this.#messageHead.readUInt32BE(1);
        if (end - start >= length) {
          this.#messageHeadLength = 0;
          this.#events.message(chunk.subarray(start, start + length));
          start += length;
          continue;
        }
        this.#message = Buffer.allocUnsafe(length);
      }
      const message = this.#message;
      if (message === undefined) return;
      const size = Math.min(message.length - this.#messageLength, end - start);
      chunk.copy(message, this.#messageLength, start, start + size);
      this.#messageLength += size;
      start += size;
      if (this.#messageLength === message.length) {
        this.#messageHeadLength = 0;
        this.#message = undefined;
        this.#events.message(message);
      }
    }
  }
}

/** A gRPC message as it stands on the wire: not compressed, its length, its bytes. */
export function grpcFrame(parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, ...parts]);
}
