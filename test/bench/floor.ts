import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { listen, serverOptions } from '../../src/lib/grpc.ts';
import { serve } from './rpc.ts';
import { UsageMeter } from './usage.ts';

type Call = ServerDuplexStream<Buffer, Buffer>;

/** Bytes on their way to all sockets together, as the control plane bounds them. */
const mostUnflushed = 32 * 1024 * 1024;
const zeros = Buffer.alloc(8 * 1024 * 1024);
const asIs = (bytes: Buffer): Buffer => bytes;
const calls: (Call | undefined)[] = [];
const meter = new UsageMeter();
/** Sizes of the messages that each client gets next. */
let plan: readonly (readonly number[])[] = [];
/** Send one, and the next one when it is answered; as newcomers are served. */
let inTurns = false;
let unflushed = 0;
let waiting: (() => void)[] = [];

function write(call: Call, size: number): void {
  if (unflushed >= mostUnflushed) {
    waiting.push(() => write(call, size));
    return;
  }
  unflushed += size;
  call.write(zeros.subarray(0, size), () => {
    unflushed -= size;
    const ready = waiting;
    waiting = [];
    for (const each of ready) each();
  });
}

function stream(call: Call): void {
  let index = -1;
  let turn = 0;
  call.on('data', (bytes: Buffer) => {
    if (index < 0) {
      index = bytes.readUInt32BE();
      calls[index] = call;
    }
    const size = inTurns ? plan[index]?.[turn] : undefined;
    turn += 1;
    if (size !== undefined) write(call, size);
  });
  call.on('end', () => call.end());
  call.on('error', () => undefined);
}

const methods = {
  /** A bare gRPC server with the options of ours. */
  async listen() {
    const server = new Server(
      serverOptions({
        maxMessageBytes: 1 << 22,
        maxStreamsPerConnection: 64,
        keepaliveMs: 30_000,
        keepaliveTimeoutMs: 10_000,
      }),
    );
    const method = {
      path: '/floor.Floor/Stream',
      requestStream: true,
      responseStream: true,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    } as const;
    server.addService({ Stream: method }, { Stream: stream });
    return (await listen(server, '127.0.0.1:0', ServerCredentials.createInsecure(), 8_000)).port;
  },
  plan: (next: { readonly sizes: readonly (readonly number[])[]; readonly inTurns: boolean }) => {
    ({ sizes: plan, inTurns } = next);
    calls.length = 0;
  },
  measure: () => {
    meter.start();
    return process.hrtime.bigint();
  },
  /** Writes everything to everybody at once. */
  writeAll: () => {
    meter.start();
    const at = process.hrtime.bigint();
    for (const [index, sizes] of plan.entries()) {
      const call = calls[index];
      if (call !== undefined) for (const size of sizes) write(call, size);
    }
    return at;
  },
  usage: () => meter.read(),
  streams: () => calls.filter((call) => call !== undefined).length,
} as const;

/** What the bench asks of the bare server's process. */
export type FloorMethods = typeof methods;

serve(methods);
