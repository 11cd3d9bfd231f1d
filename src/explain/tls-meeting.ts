import { decode, type envoy, typeOf } from '@envoyproxy/protos';
import type { NamespaceSecrets } from '../model/credential.ts';
import type { Protocol } from '../model/service.ts';
import { type Refusal, receiveConnection } from './arrival.ts';
import { secretProblem, type TlsEnd } from './certificate-check.ts';
import { type Arrival, chainsOfPort } from './filter-chain.ts';
import { type EdgeCall, type EdgeReceiver, edgeChain, edgeModes, meetGateway } from './gateway-meeting.ts';
import { type Content, conflict, fine, type Meeting, unknown } from './meeting.ts';
import type { Speech } from './speech.ts';
import { leadsNowhere, managerOf } from './tcp-chain.ts';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;

/** What a server speaks, in the words of the table (behaviour.md 8.4); of a gateway with several servers, the words of each. */
export type ServerMode = string;
/** What a client speaks. `HTTP/mTLS`: it depends on the endpoint, and there is none. */
export type ClientMode = 'mTLS' | 'HTTP' | 'TLS' | 'custom mTLS' | 'HTTP/mTLS';

/** Who receives a connection. */
export type Receiver =
  | {
      readonly kind: 'sidecar';
      readonly listener: Listener;
      readonly port: number;
      readonly identity: string | undefined;
    }
  /** A workload without Envoy: its application gets the bytes. */
  | { readonly kind: 'bare' }
  | EdgeReceiver
  /** Nothing of the mesh. */
  | { readonly kind: 'outside' };

/** Who calls. */
export interface Caller {
  /** What its Envoy proves; undefined for a client without one. */
  readonly identity: string | undefined;
  /** '' where it isn't known. */
  readonly address: string;
  /** The Secrets that its Envoy is sent: a gateway's. Undefined: none. */
  readonly secrets: NamespaceSecrets | undefined;
  /** By which these are judged. */
  readonly now: number | undefined;
}

/** One kind of content that a client sends to a host. */
export type Said = Pick<EdgeCall, 'host' | 'content' | 'speech'>;

/** What a port's declared protocol lets expect; one that isn't declared may carry HTTP or anything else. */
export function contentsOf(protocol: Protocol): readonly Content[] {
  switch (protocol) {
    case 'http':
      return ['http'];
    case 'http2':
    case 'grpc':
      return ['http2'];
    case 'tcp':
      return ['other'];
    case 'tls':
      return ['tls'];
    case 'auto':
      return ['http', 'other'];
  }
}

/** How a client's part of the table reads. */
export function clientMode({ tls }: Pick<Speech, 'tls'>): ClientMode {
  if (tls === undefined) return 'HTTP';
  return ({ mesh: 'mTLS', own: 'custom mTLS', none: 'TLS' } as const)[tls.certificate];
}

/** How a server's part of the table reads: by all chains that a connection to its port can meet. */
export function serverMode(receiver: Receiver, said: readonly Said[], caller: Caller): ServerMode {
  switch (receiver.kind) {
    case 'sidecar': {
      const chains = chainsOfPort(receiver.listener, receiver.port);
      if (chains.length > 0 && chains.every(takesMtls)) return 'mTLS';
      return chains.some(takesMtls) ? 'HTTP/mTLS' : 'HTTP';
    }
    case 'bare':
      return 'HTTP';
    case 'gateway': {
      const met = said.map((each) => edgeChain(receiver, { ...each, client: clientEnd(caller) }));
      const chains = met.flatMap((chain) => chain ?? []);
      return edgeModes(receiver, chains.length === met.length ? chains : undefined);
    }
    case 'outside':
      return 'UNKNOWN';
  }
}

function takesMtls({ transportSocket }: FilterChain): boolean {
  const { type_url: url = '', value = new Uint8Array() } = transportSocket?.typedConfig ?? {};
  const type = typeOf(url);
  if (type !== 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext') return false;
  return decode(type, value).requireClientCertificate?.value === true;
}

/** Lets a connection meet who receives it, by what both were sent. */
export function meet(said: Said, receiver: Receiver, caller: Caller): Meeting {
  const { speech, content } = said;
  const missing = [speech.tls?.shown, speech.tls?.authorities].flatMap((name) =>
    name === undefined ? [] : (secretProblem(clientEnd(caller), name) ?? []),
  );
  if (missing[0] !== undefined) return conflict(`the client has no credential to speak TLS with: ${missing[0]}`);
  switch (receiver.kind) {
    case 'outside':
      return unknown('it is outside of the mesh, and what it speaks is not known');
    case 'gateway':
      return meetGateway(receiver, { ...said, client: clientEnd(caller) });
    case 'bare':
      return speech.announced
        ? unknown('it has no sidecar: its application has to understand the PROXY protocol')
        : reachesApplication(speech, 'it has no sidecar');
    case 'sidecar':
      return meetSidecar(speech, content, receiver, caller.identity);
  }
}

const clientEnd = (caller: Caller): TlsEnd & Pick<Caller, 'address'> => ({ who: 'the client', ...caller });

/** Bytes that no Envoy of the server reads. */
function reachesApplication({ tls }: Speech, because: string): Meeting {
  if (tls === undefined) return fine;
  if (tls.certificate === 'mesh') return conflict(`${because}, so that nothing ends mesh mTLS before the application`);
  return unknown(`${because}: its application has to speak TLS itself`);
}

function meetSidecar(
  speech: Speech,
  content: Content,
  { listener, port, identity }: Extract<Receiver, { readonly kind: 'sidecar' }>,
  client: string | undefined,
): Meeting {
  const { tls, announced } = speech;
  const shown = tls?.certificate === 'mesh' ? client : undefined;
  const arrival: Arrival = announced
    ? { port, bytes: 'other', alpn: [] }
    : { port, bytes: tls === undefined ? content : 'tls', alpn: tls?.alpn ?? [] };
  const reception = receiveConnection(listener, arrival, { identity: shown });
  if (reception.kind === 'refused') return conflict(refusalText(reception.why, speech, content));
  const { chain } = reception;
  if (leadsNowhere(chain)) return conflict(`nobody may call port ${port} of a sidecar`);
  if (announced) {
    return managerOf(chain) === undefined
      ? unknown('its application has to understand the PROXY protocol')
      : conflict('the client begins with the PROXY protocol, which the server reads as a broken request');
  }
  if (!reception.tls) {
    if (tls !== undefined) return reachesApplication(speech, 'the server takes no mTLS on this port');
    return content === 'other' && managerOf(chain) !== undefined
      ? conflict('the server reads HTTP on this port, and the client sends other bytes')
      : fine;
  }
  return tls?.accepts(identity) === false
    ? conflict(`the client doesn't take the server's identity, ${identity ?? 'none'} (secure naming)`)
    : fine;
}

function refusalText(why: Refusal, { tls }: Speech, content: Content): string {
  const sends =
    tls === undefined
      ? content === 'tls'
        ? 'TLS of its application, without a certificate of the mesh'
        : 'plaintext'
      : { mesh: 'mesh mTLS', own: 'TLS with a certificate of its own', none: 'TLS without a certificate' }[
          tls.certificate
        ];
  switch (why) {
    case 'no-chain':
    case 'no-certificate':
      return tls === undefined && content !== 'tls'
        ? 'the server takes mTLS only, and the client sends plaintext'
        : `the server takes no TLS but mesh mTLS, and the client sends ${sends}`;
    case 'untrusted':
      return "the server doesn't trust the trust domain of the client";
    case 'unreadable':
      return `the server takes plaintext only, and the client sends ${sends}`;
  }
}
