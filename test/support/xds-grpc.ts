import { decode, encode, type envoy } from '@envoyproxy/protos';
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type StatusObject,
} from '@grpc/grpc-js';

export type DeltaRequest = envoy.service.discovery.v3.DeltaDiscoveryRequest;
export type DeltaResponse = envoy.service.discovery.v3.DeltaDiscoveryResponse;
export type SotwRequest = envoy.service.discovery.v3.DiscoveryRequest;
export type SotwResponse = envoy.service.discovery.v3.DiscoveryResponse;

const ads = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
const asIs = (bytes: Buffer): Buffer => bytes;

/** The node of a sidecar, as Envoy sends it. */
export function node(
  name: string,
  namespace: string,
  metadata: Readonly<Record<string, string>> = {},
): envoy.config.core.v3.Node {
  const fields = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, { stringValue: value }]));
  return { id: `sidecar~10.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`, metadata: { fields } };
}

/** One stream of a client that reads what it's sent in order. */
export class RawStream {
  readonly status: Promise<StatusObject>;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #messages: Buffer[] = [];
  #waiting: ((bytes: Buffer) => void)[] = [];

  constructor(client: Client, path: string, metadata: Metadata) {
    this.#call = client.makeBidiStreamRequest(path, asIs, asIs, metadata);
    this.status = new Promise((resolve) => this.#call.on('status', resolve));
    this.#call.on('error', () => undefined);
    this.#call.on('data', (bytes: Buffer) => {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#messages.push(bytes);
      } else {
        next(bytes);
      }
    });
  }

  write(bytes: Uint8Array): void {
    this.#call.write(Buffer.from(bytes));
  }

  /** The next message; fails when the stream ends instead. */
  async next(): Promise<Buffer> {
    const bytes = this.#messages.shift();
    if (bytes !== undefined) {
      return bytes;
    }
    const message = new Promise<Buffer>((resolve) => this.#waiting.push(resolve));
    const ended = this.status.then((status): Buffer => {
      throw new Error(`stream ended: ${status.code} ${status.details}`);
    });
    return await Promise.race([message, ended]);
  }

  /** How many messages came that nobody read. */
  get unread(): number {
    return this.#messages.length;
  }

  halfClose(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }
}

/** A delta stream in messages. */
export class DeltaStream {
  readonly raw: RawStream;

  constructor(raw: RawStream) {
    this.raw = raw;
  }

  send(request: DeltaRequest): void {
    this.raw.write(encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', request));
  }

  async next(): Promise<DeltaResponse> {
    return decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', await this.raw.next());
  }

  /** Takes the next response and accepts it. */
  async accept(): Promise<DeltaResponse> {
    const response = await this.next();
    this.send({ typeUrl: response.typeUrl ?? '', responseNonce: response.nonce ?? '' });
    return response;
  }

  /** Takes the next response and refuses it. */
  async refuse(message: string): Promise<DeltaResponse> {
    const response = await this.next();
    this.send({
      typeUrl: response.typeUrl ?? '',
      responseNonce: response.nonce ?? '',
      errorDetail: { code: 13, message },
    });
    return response;
  }
}

/** A state-of-the-world stream in messages. */
export class SotwStream {
  readonly raw: RawStream;

  constructor(raw: RawStream) {
    this.raw = raw;
  }

  send(request: SotwRequest): void {
    this.raw.write(encode('envoy.service.discovery.v3.DiscoveryRequest', request));
  }

  async next(): Promise<SotwResponse> {
    return decode('envoy.service.discovery.v3.DiscoveryResponse', await this.raw.next());
  }
}

/** A gRPC client of an xDS server. */
export class XdsClient implements Disposable {
  readonly #client: Client;

  constructor(
    port: number,
    options: { readonly tls?: ChannelCredentials; readonly host?: string; readonly address?: string } = {},
  ) {
    this.#client = new Client(
      `${options.address ?? '127.0.0.1'}:${port}`,
      options.tls ?? credentials.createInsecure(),
      {
        'grpc.max_receive_message_length': -1,
        'grpc.use_local_subchannel_pool': 1,
        ...(options.host === undefined ? {} : { 'grpc.ssl_target_name_override': options.host }),
      },
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  delta(token = '', path = `${ads}/DeltaAggregatedResources`): DeltaStream {
    return new DeltaStream(new RawStream(this.#client, path, metadata(token)));
  }

  sotw(token = '', path = `${ads}/StreamAggregatedResources`): SotwStream {
    return new SotwStream(new RawStream(this.#client, path, metadata(token)));
  }
}

function metadata(token: string): Metadata {
  const fields = new Metadata();
  if (token !== '') {
    fields.set('authorization', `Bearer ${token}`);
  }
  return fields;
}

/** `{ a: '1' }` and the removed names: what a delta response says. */
export function deltaWords(response: DeltaResponse): {
  readonly type: string;
  readonly resources: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
} {
  return {
    type: response.typeUrl ?? '',
    resources: Object.fromEntries((response.resources ?? []).map((each) => [each.name ?? '', each.version ?? ''])),
    removed: response.removedResources ?? [],
  };
}

/** Bodies of a state-of-the-world response, as text. */
export function sotwWords(response: SotwResponse): { readonly type: string; readonly bodies: readonly string[] } {
  const bodies = (response.resources ?? []).map((each) => Buffer.from(each.value ?? new Uint8Array()).toString());
  return { type: response.typeUrl ?? '', bodies };
}

/** Waits until a condition holds. */
export async function until(holds: () => boolean, what: string, ms = 5000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) {
      throw new Error(`not within ${ms} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
