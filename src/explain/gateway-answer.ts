import type { envoy } from '@envoyproxy/protos';
import type { Workload } from '../model/workload.ts';
import type { Answer } from './answer.ts';
import { requestOf, tokenFilter } from './asked-request.ts';
import type { Call } from './call.ts';
import { sentTo } from './compiled.ts';
import { chooseServer, wantsProxyHeader } from './gateway-chain.ts';
import { type Demand, demandOf, type EdgeCall, type EdgeReceiver, meetGateway, noServer } from './gateway-meeting.ts';
import { runHttp } from './http-chain.ts';
import type { Content, Meeting } from './meeting.ts';
import { edgeOf } from './receivers.ts';
import type { Speech } from './speech.ts';
import { leadsNowhere, managerOf, runTcp } from './tcp-chain.ts';
import { plainVerdict, type Rest, type Verdict, verdictOf } from './verdict.ts';

type FilterChain = envoy.config.listener.v3.FilterChain;
type Listener = envoy.config.listener.v3.Listener;
type Outcome = Verdict & Rest & Partial<Pick<Answer, 'arrives'>>;

/** What a call is, as the listener of a gateway sees it. */
interface EdgeBytes {
  readonly content: Content;
  /** Of the TLS greeting; undefined: plaintext. */
  readonly serverName: string | undefined;
}

/** The server of a gateway that takes a call. */
interface Taken {
  readonly chain: FilterChain;
  readonly demand: Demand | undefined;
  readonly serverName: string | undefined;
  readonly notes: readonly string[];
}

/**
 * What becomes of a call at a gateway: which server of the port takes it, and what the policies there say. Routes come after them, and are
 * not looked at.
 */
export function atGateway(call: Call, workload: Workload, speech: Speech): Outcome {
  const { client, server, compiler, now, destination } = call;
  const receiver = edgeOf({ compiler, now }, workload, server.address, server.port);
  const { listener, ownPage } = receiver;
  if (listener === undefined)
    return ownPage
      ? plainVerdict('allowed', "it is a page of the gateway's own Envoy, where no policy is asked")
      : plainVerdict('denied', `no server of a Gateway is on port ${server.port} of the gateway`);
  const bytes = bytesOf(call, speech);
  const { content, serverName } = bytes;
  const arrives = speech.tls === undefined && serverName !== undefined ? { arrives: `TLS for ${serverName}` } : {};
  const end = { who: 'the client', identity: client.identity, secrets: undefined, now, address: client.address };
  const taken = serverFor(receiver, listener, { host: destination.host, content, speech, client: end }, bytes);
  if (typeof taken === 'string') return { ...plainVerdict('denied', taken), ...arrives };
  const manager = managerOf(taken.chain);
  return {
    ...policiesOf(call, workload, speech, taken),
    speaks: manager === undefined ? 'TCP' : 'HTTP',
    chain: taken.chain.name ?? '',
    notes: [
      ...(client.address === '' ? ['the address of the client is not known: it counts as in no range'] : []),
      ...taken.notes,
      ...(manager === undefined ? [] : ['what VirtualServices do with the request afterwards is not looked at']),
    ],
    ...arrives,
  };
}

/** A server name that is asked about means TLS; else the client's sidecar decides. */
function bytesOf({ question, destination }: Call, { tls }: Speech): EdgeBytes {
  const content = question.protocol === 'tcp' ? 'other' : 'http';
  if (question.sni !== '') return { content, serverName: question.sni };
  if (tls === undefined) return { content, serverName: undefined };
  if (tls.sni !== '' || tls.ownHost === 'unused') return { content, serverName: tls.sni };
  return { content, serverName: question.host !== '' ? question.host.replace(/:\d+$/, '') : destination.host };
}

/** Finds the server that takes a call, or why none does. */
function serverFor(
  receiver: EdgeReceiver,
  listener: Listener,
  call: EdgeCall,
  { content, serverName }: EdgeBytes,
): Taken | string {
  const { speech, client } = call;
  const meeting: Meeting | undefined = speech.tls === undefined ? undefined : meetGateway(receiver, call);
  if (meeting?.status === 'CONFLICT') return meeting.why;
  const bytes = serverName === undefined ? content : 'tls';
  const chain = chooseServer(listener, { bytes, serverName: serverName ?? '', address: client.address });
  if (chain === undefined) return noServer(receiver, { ...call, content: bytes }, serverName);
  const demand = demandOf(chain);
  const { name = '' } = chain;
  if (leadsNowhere(chain))
    return `server ${name} closes what it takes: see the findings of its Gateway, and its routes`;
  if (serverName !== undefined && demand === undefined && managerOf(chain) !== undefined)
    return `server ${name} takes plaintext only, and this call is TLS`;
  if (demand?.clientCertificate === 'required' && (speech.tls?.shown ?? '') === '')
    return `server ${name} demands a client certificate, and this call shows none`;
  const notes = [
    ...(meeting?.status === 'UNKNOWN' ? [meeting.why] : []),
    ...(wantsProxyHeader(listener) && !speech.announced
      ? ['the PROXY header that the gateway wants is taken to tell of this client']
      : []),
  ];
  return { chain, demand, serverName, notes };
}

function policiesOf(
  call: Call,
  workload: Workload,
  speech: Speech,
  { chain, demand, serverName }: Taken,
): Verdict & Rest {
  const { client, question, server, compiler, now } = call;
  const shows = demand !== undefined && demand.clientCertificate !== 'none' && speech.tls?.certificate === 'mesh';
  const connection = {
    peerNames: shows && client.identity !== undefined ? [client.identity] : undefined,
    destination: { address: server.address, port: server.port },
    peerAddress: client.address,
    sni: (serverName ?? '').toLowerCase(),
    tls: demand !== undefined,
  };
  const nothing = plainVerdict('denied', `port ${server.port} takes HTTP alone: other bytes are refused`);
  const manager = managerOf(chain);
  if (manager === undefined) return { ...nothing, ...verdictOf(call, workload, runTcp(chain, connection), 'TCP') };
  if (question.protocol === 'tcp') return nothing;
  using sent = sentTo(compiler, workload, 'router');
  const { request, tokens } = requestOf(call, speech, tokenFilter(sent, manager));
  const trail = runHttp(manager, {
    connection,
    request,
    tokens,
    now,
    behaviour: call.behaviour,
    keysAssumed: call.keysAssumed === true,
    extension: (filter) => sent.find('extension', filter)?.typedConfig,
  });
  return { ...nothing, ...verdictOf(call, workload, trail, 'HTTP') };
}
