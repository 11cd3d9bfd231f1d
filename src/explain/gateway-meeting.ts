import { isIP } from 'node:net';
import { decode, envoy, typeOf } from '@envoyproxy/protos';
import { rootSecret } from '../translate/envoy/names.ts';
import { certificateCheck, type TlsEnd } from './certificate-check.ts';
import type { SocketTls } from './client-socket.ts';
import { chooseServer, serverNamesOf, serversOfTls, wantsProxyHeader } from './gateway-chain.ts';
import { type Content, conflict, fine, type Meeting, unknown, worst } from './meeting.ts';
import type { Speech } from './speech.ts';
import { leadsNowhere, managerOf } from './tcp-chain.ts';
import {
  type SanMatcher,
  secretsOf,
  type TlsSecrets,
  type TlsVersions,
  versionsMeet,
  versionsOf,
} from './tls-context.ts';

type Listener = envoy.config.listener.v3.Listener;
type FilterChain = envoy.config.listener.v3.FilterChain;
const { DNS, IP_ADDRESS } = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType;

/** A gateway, as a connection to one of its ports meets it. */
export interface EdgeReceiver {
  readonly kind: 'gateway';
  /** Undefined: no server of a Gateway is on this port. */
  readonly listener: Listener | undefined;
  /** One of the pages that every Envoy of the mesh has, in plaintext. */
  readonly ownPage: boolean;
  readonly end: TlsEnd;
}

/** What comes to a gateway. */
export interface EdgeCall {
  /** The host that the client calls; a wildcard stands for names that aren't known. */
  readonly host: string;
  readonly content: Content;
  readonly speech: Speech;
  readonly client: TlsEnd & { readonly address: string };
}

/** What a server of a gateway does to TLS: ends it, passes it on, or isn't there for it. */
export interface Demand extends TlsSecrets {
  readonly versions: TlsVersions;
  readonly clientCertificate: 'none' | 'optional' | 'required';
}

/** How a chain of a gateway reads in the table; '' for one that closes what it takes. */
export function edgeMode(chain: FilterChain): string {
  if (leadsNowhere(chain)) return '';
  const demand = demandOf(chain);
  if (demand === undefined) return passesTls(chain) ? 'UNKNOWN' : 'HTTP';
  if (demand.clientCertificate === 'none') return 'TLS';
  const mutual = demand.authorities === rootSecret ? 'mTLS' : 'custom mTLS';
  return demand.clientCertificate === 'optional' ? `TLS/${mutual}` : mutual;
}

/** How a port of a gateway reads: each of its servers in turn. */
export function edgeModes({ listener, ownPage }: EdgeReceiver, chains = listener?.filterChains ?? []): string {
  const modes = new Set(chains.map(edgeMode).filter((mode) => mode !== ''));
  return [...modes].join('/') || (ownPage ? 'HTTP' : 'UNKNOWN');
}

/** Lets a call meet the servers of a gateway, by the listener that this was sent. */
export function meetGateway(receiver: EdgeReceiver, call: EdgeCall): Meeting {
  const { listener, ownPage } = receiver;
  const { speech, content, client } = call;
  if (listener === undefined) {
    if (!ownPage) return unknown('no server of a Gateway is on this port of the gateway');
    return speech.tls === undefined && !speech.announced ? fine : conflict('the server takes plaintext only');
  }
  if (wantsProxyHeader(listener) !== speech.announced)
    return speech.announced
      ? conflict('the client begins with the PROXY protocol, which this gateway takes for a broken start')
      : conflict('the gateway wants the PROXY protocol first, and the client does not speak it');
  const { tls } = speech;
  const name = tls === undefined ? undefined : serverNameOf(tls, call);
  const bytes = tls === undefined ? content : 'tls';
  if (bytes === 'tls' && name === undefined) {
    const meetings = serversOfTls(listener, client.address).map((chain) => meetChain(chain, receiver, call, undefined));
    const [first] = meetings;
    if (first !== undefined && meetings.every(({ status }) => status === first.status)) return first;
    return unknown('it depends on the server name that is sent, which server of the gateway takes it');
  }
  const chain = chooseServer(listener, { bytes, serverName: name ?? '', address: client.address });
  return meetChain(chain, receiver, call, name);
}

/** The chain that a call meets, where there is no doubt. */
export function edgeChain({ listener }: EdgeReceiver, call: EdgeCall): FilterChain | undefined {
  const { tls } = call.speech;
  const bytes = tls === undefined ? call.content : 'tls';
  const name = tls === undefined ? undefined : serverNameOf(tls, call);
  if (listener === undefined || (bytes === 'tls' && name === undefined)) return undefined;
  return chooseServer(listener, { bytes, serverName: name ?? '', address: call.client.address });
}

/** The server name that a client's Envoy sends; undefined where nobody knows. */
function serverNameOf({ sni, ownHost }: SocketTls, { host, content }: EdgeCall): string | undefined {
  if (sni !== '') return sni;
  if (ownHost === 'unused' || (content !== 'http' && content !== 'http2')) return '';
  return host.startsWith('*') ? undefined : host;
}

function meetChain(
  chain: FilterChain | undefined,
  receiver: EdgeReceiver,
  call: EdgeCall,
  name: string | undefined,
): Meeting {
  if (chain === undefined) return conflict(noServer(receiver, call, name));
  if (leadsNowhere(chain))
    return conflict(`server ${chain.name} closes this connection: see the findings of its Gateway, and its routes`);
  const demand = demandOf(chain);
  const { tls } = call.speech;
  if (tls !== undefined) return meetOriginated(chain, demand, tls, receiver, call);
  return call.content === 'tls' ? meetApplicationTls(chain, demand) : meetPlaintext(chain, call.content);
}

/** Of a chain that takes plaintext: one that ends TLS is never chosen for it. */
function meetPlaintext(chain: FilterChain, content: Content): Meeting {
  return content === 'other' && managerOf(chain) !== undefined
    ? conflict(`server ${chain.name} reads HTTP, and the client sends other bytes`)
    : fine;
}

/** TLS that the client's Envoy passes on as it is. */
function meetApplicationTls(chain: FilterChain, demand: Demand | undefined): Meeting {
  if (demand === undefined) return managerOf(chain) === undefined ? fine : conflict(readsPlaintext(chain));
  if (demand.clientCertificate === 'required' && demand.authorities === rootSecret)
    return conflict(`server ${chain.name} takes mesh mTLS, and the application's TLS shows no certificate of the mesh`);
  return unknown(`the application's TLS ends at server ${chain.name}: what it checks and shows is not known`);
}

/** TLS that the client's Envoy speaks. */
function meetOriginated(
  chain: FilterChain,
  demand: Demand | undefined,
  tls: SocketTls,
  receiver: EdgeReceiver,
  call: EdgeCall,
): Meeting {
  const manager = managerOf(chain);
  if (demand === undefined)
    return manager === undefined
      ? unknown(`server ${chain.name} passes TLS on: whoever is behind it has to end it`)
      : conflict(readsPlaintext(chain));
  if (manager !== undefined && (call.content === 'other' || call.content === 'tls'))
    return conflict(`server ${chain.name} reads HTTP, and the client sends other bytes`);
  if (!versionsMeet(tls.versions, demand.versions))
    return conflict(`server ${chain.name} and the client have no TLS version in common`);
  return worst([clientShows(chain, demand, tls, receiver, call.client), serverShows(demand, tls, receiver, call)]);
}

const readsPlaintext = ({ name }: FilterChain): string =>
  `server ${name} takes plaintext only, and the client sends TLS`;

function clientShows(
  chain: FilterChain,
  demand: Demand,
  tls: SocketTls,
  { end }: EdgeReceiver,
  client: TlsEnd,
): Meeting {
  if (demand.clientCertificate === 'none') return fine;
  if (tls.shown === '')
    return demand.clientCertificate === 'optional'
      ? fine
      : conflict(`server ${chain.name} demands a client certificate, and the client shows none`);
  return certificateCheck({ end: client, certificate: tls.shown }, { end, ...demand });
}

/** A client that takes any of several certificates may still be shown another one. */
function serverShows({ certificates }: Demand, tls: SocketTls, { end }: EdgeReceiver, call: EdgeCall): Meeting {
  if (tls.authorities === '') return fine;
  const checked = { end: call.client, authorities: tls.authorities, names: namesWanted(tls, call), pinned: false };
  const meetings = certificates.map((certificate) => certificateCheck({ end, certificate }, checked));
  const [first] = meetings;
  if (first !== undefined && meetings.every(({ status }) => status === first.status)) return first;
  return unknown('it depends on which of the certificates of the server is shown');
}

function namesWanted({ names, ownHost }: SocketTls, { host, content }: EdgeCall): readonly SanMatcher[] {
  const sent = ownHost === 'checked' && (content === 'http' || content === 'http2') && !host.startsWith('*');
  return sent ? [{ sanType: isIP(host) === 0 ? DNS : IP_ADDRESS, matcher: { exact: host } }] : names;
}

/** Why no server of a gateway is there for a call. */
export function noServer({ listener }: EdgeReceiver, { speech, content }: EdgeCall, name: string | undefined): string {
  if (speech.tls === undefined && content !== 'tls')
    return 'the gateway takes TLS only, and the client sends plaintext';
  const names = [...new Set((listener?.filterChains ?? []).flatMap(serverNamesOf))].sort();
  const sends = name === undefined ? 'the name that is sent' : name === '' ? 'no server name' : name;
  return names.length === 0
    ? 'the gateway takes plaintext only, and the client sends TLS'
    : `no server of the gateway is for ${sends}: they are for ${names.join(', ')}`;
}

/** What the chain of a server demands; undefined where it ends no TLS. */
export function demandOf({ transportSocket }: FilterChain): Demand | undefined {
  const { type_url: url = '', value = new Uint8Array() } = transportSocket?.typedConfig ?? {};
  if (url === '') return undefined;
  const type = typeOf(url);
  if (type !== 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext')
    throw new Error(`unknown transport socket: ${url}`);
  const { commonTlsContext = {}, requireClientCertificate } = decode(type, value);
  const secrets = secretsOf(commonTlsContext);
  return {
    ...secrets,
    versions: versionsOf(commonTlsContext, 'server'),
    clientCertificate:
      requireClientCertificate?.value === true ? 'required' : secrets.authorities === '' ? 'none' : 'optional',
  };
}

/** Whether a chain takes TLS that it doesn't end. */
const passesTls = (chain: FilterChain): boolean => chain.filterChainMatch?.transportProtocol === 'tls';
