import { decode, type envoy, typeOf } from '@envoyproxy/protos';
import { isHttp } from '../model/service.ts';
import type { Client } from './client.ts';
import { type Arrival, chooseChain } from './filter-chain.ts';
import { stringMatches } from './matchers.ts';
import type { Question } from './question.ts';
import type { Destination, Server } from './server.ts';
import type { Speech } from './speech.ts';
import { managerOf } from './tcp-chain.ts';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;

/** What the first bytes of a call look like to the server's Envoy. */
export function arrivalOf(question: Question, { service, port }: Destination, server: Server, speech: Speech): Arrival {
  if (speech.announced) return { port: server.port, bytes: 'other', alpn: [] };
  if (speech.tls !== undefined) return { port: server.port, bytes: 'tls', alpn: speech.tls.alpn };
  if (question.protocol === 'tcp') return { port: server.port, bytes: 'other', alpn: [] };
  const protocol = service?.ports.find((each) => each.port === port)?.protocol;
  const second = protocol !== undefined && isHttp(protocol) && protocol !== 'http';
  return { port: server.port, bytes: second ? 'http2' : 'http', alpn: [] };
}

/** What becomes of a connection before any policy is asked. */
export type Reception =
  | { readonly kind: 'taken'; readonly chain: FilterChain; readonly tls: boolean }
  | { readonly kind: 'refused'; readonly why: Refusal };

/** `unreadable`: TLS, or other bytes, where the chain reads HTTP. */
export type Refusal = 'no-chain' | 'no-certificate' | 'untrusted' | 'unreadable';

/** Chooses the chain, and does its TLS handshake. */
export function receiveConnection(
  listener: Listener,
  arrival: Arrival,
  { identity }: Pick<Client, 'identity'>,
): Reception {
  const chain = chooseChain(listener, arrival);
  if (chain === undefined) return { kind: 'refused', why: 'no-chain' };
  const { transportSocket } = chain;
  if (transportSocket === undefined) {
    if (arrival.bytes === 'tls' && managerOf(chain) !== undefined) return { kind: 'refused', why: 'unreadable' };
    return { kind: 'taken', chain, tls: false };
  }
  if (arrival.bytes !== 'tls') return { kind: 'refused', why: 'no-certificate' };
  const type = typeOf(transportSocket.typedConfig?.type_url ?? '');
  if (type !== 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext')
    throw new Error(`unknown transport socket: ${transportSocket.typedConfig?.type_url}`);
  const { commonTlsContext } = decode(type, transportSocket.typedConfig?.value ?? new Uint8Array());
  if (identity === undefined) return { kind: 'refused', why: 'no-certificate' };
  const names = commonTlsContext?.combinedValidationContext?.defaultValidationContext?.matchTypedSubjectAltNames ?? [];
  const trusted = names.some(({ matcher }) => matcher !== undefined && stringMatches(matcher, identity));
  return trusted ? { kind: 'taken', chain, tls: true } : { kind: 'refused', why: 'untrusted' };
}
