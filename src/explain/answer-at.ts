import { MeshError } from '../lib/errors.ts';
import type { Workload } from '../model/workload.ts';
import { outboundCluster, virtualInbound, virtualOutbound } from '../translate/envoy/names.ts';
import type { Answer } from './answer.ts';
import { arrivalOf, type Refusal, receiveConnection } from './arrival.ts';
import { requestOf, tokenFilter } from './asked-request.ts';
import type { Call } from './call.ts';
import { expectedEnvoy, hasSidecar, identityOf } from './client.ts';
import { sentTo } from './compiled.ts';
import type { Connection } from './connection.ts';
import { chooseChain } from './filter-chain.ts';
import { atGateway } from './gateway-answer.ts';
import { runHttp } from './http-chain.ts';
import { mtlsOf } from './origin.ts';
import type { Question } from './question.ts';
import { asTheyAre, type Speech, speechOf } from './speech.ts';
import { leadsNowhere, managerOf, runTcp } from './tcp-chain.ts';
import { plainVerdict, type Rest, type Verdict, verdictOf } from './verdict.ts';

/** Follows one call: what the client sends, which chain takes it, what the chain's filters say. */
export function answerAt(call: Call): Answer {
  const { client, destination, question, server, snapshot } = call;
  const { workload } = server;
  const speech = spoken(call);
  const identity = speech.tls?.certificate === 'mesh' ? client.identity : undefined;
  const name = workload === undefined ? server.address : `${workload.meta.name}.${workload.meta.namespace}`;
  const shared = {
    arrives: arrivalText(speech, identity),
    servers: [`${name}:${server.port}`],
  };
  if (blocked(call))
    return {
      ...shared,
      ...plainVerdict('denied', "the client's sidecar lets no calls out but to services (REGISTRY_ONLY)"),
    };
  if (workload !== undefined && expectedEnvoy(snapshot, workload) === 'router')
    return { ...shared, ...atGateway(call, workload, speech) };
  if (workload === undefined || !hasSidecar(workload)) return { ...shared, ...bare(name, question, speech) };
  if (identity !== undefined && speech.tls?.accepts(identityOf(snapshot, workload)) === false)
    return {
      ...shared,
      ...plainVerdict('denied', "the client's sidecar doesn't take the server's identity (secure naming)"),
    };
  using sent = sentTo(call.compiler, workload);
  const listener = sent.find('listener', virtualInbound);
  if (listener === undefined) throw new MeshError('not-found', `${name} is sent no ${virtualInbound} listener`);
  const reception = receiveConnection(listener, arrivalOf(question, destination, server, speech), { identity });
  if (reception.kind === 'refused') return { ...shared, ...refused(call, workload, speech, reception.why) };
  const { chain, tls } = reception;
  const manager = managerOf(chain);
  const taken = { ...shared, chain: chain.name ?? '', speaks: manager === undefined ? 'TCP' : 'HTTP' } as const;
  const connection = connectionOf(call, speech, tls);
  const notes = notesOf(call, manager !== undefined);
  if (manager === undefined) {
    if (leadsNowhere(chain))
      return { ...taken, ...plainVerdict('denied', `nobody may call port ${server.port} of a sidecar`), notes };
    return { ...taken, ...verdictOf(call, workload, runTcp(chain, connection), 'TCP'), notes };
  }
  if (question.protocol === 'tcp' || speech.announced)
    return {
      ...taken,
      ...plainVerdict('denied', `port ${server.port} takes HTTP alone: other bytes are refused`),
      notes,
    };
  const jwt = tokenFilter(sent, manager);
  const { request, tokens } = requestOf(call, speech, jwt);
  const trail = runHttp(manager, {
    connection,
    request,
    tokens,
    now: call.now,
    behaviour: call.behaviour,
    keysAssumed: call.keysAssumed === true,
    extension: (filter) => sent.find('extension', filter)?.typedConfig,
  });
  return { ...taken, ...verdictOf(call, workload, trail, 'HTTP'), notes };
}

/** Whether an address that no service owns ends in the client's own sidecar. */
function blocked({ sent, destination }: Call): boolean {
  if (sent === undefined || destination.service !== undefined) return false;
  const listener = sent.find('listener', virtualOutbound);
  const chain = listener && chooseChain(listener, { port: destination.port, bytes: 'other', alpn: [] });
  return chain !== undefined && leadsNowhere(chain);
}

/** Where no sidecar is, TLS of the client's is the application's to end: what comes of the request isn't known. */
function bare(name: string, { protocol }: Question, { tls }: Speech): Verdict & Rest {
  return {
    ...plainVerdict('allowed', `${name} has no sidecar: nothing is enforced there`),
    status: protocol === 'http' && tls === undefined ? 200 : undefined,
    notes: tls === undefined ? [] : ['the TLS of the call reaches the application as it is'],
  };
}

/** Addresses that no service owns pass through as they are. */
function spoken({ sent, client, destination, server, question }: Call): Speech {
  const { host, port, service } = destination;
  if (sent === undefined || service === undefined) return asTheyAre;
  const addresses = service.headless ? [server.address] : service.addresses;
  // What a gateway listens on are its servers, and none of them is on its way out.
  const protocol = client.envoy === 'router' ? 'tcp' : question.protocol;
  return speechOf(sent, { cluster: outboundCluster(port, host), addresses, port, protocol }, server);
}

function arrivalText({ tls }: Speech, identity: string | undefined): string {
  if (tls === undefined) return 'plaintext';
  if (identity !== undefined) return `mTLS as ${identity.replace('spiffe://', '')}`;
  return tls.certificate === 'none' ? 'TLS without a certificate' : 'TLS with a certificate that is not of the mesh';
}

function refused(
  { snapshot, server, client }: Call,
  workload: Workload,
  { tls }: Speech,
  why: Refusal,
): Verdict & Rest {
  const by = mtlsOf(snapshot, workload, server.port);
  switch (why) {
    case 'no-chain':
    case 'no-certificate': {
      const sends =
        tls !== undefined
          ? 'this call comes with TLS that is not'
          : client.identity === undefined
            ? 'a client without a sidecar sends plaintext'
            : 'this call is plaintext';
      const reason = `the connection is reset, because port ${server.port} takes mTLS only (STRICT), and ${sends}`;
      return plainVerdict('denied', reason, by === undefined ? [] : [by]);
    }
    case 'unreadable':
      return plainVerdict(
        'denied',
        `port ${server.port} reads HTTP in plaintext, and this call is TLS`,
        by === undefined ? [] : [by],
      );
    case 'untrusted':
      return plainVerdict('denied', `the certificate of ${client.identity} is of a trust domain that isn't trusted`);
  }
}

function connectionOf({ client, question, server }: Call, speech: Speech, tls: boolean): Connection {
  const sni = question.sni !== '' ? question.sni : (speech.tls?.sni ?? '');
  return {
    peerNames: tls && client.identity !== undefined ? [client.identity] : undefined,
    destination: { address: server.address, port: server.port },
    peerAddress: client.address,
    // As Envoy's inspector reads it.
    sni: tls ? sni.toLowerCase() : '',
    tls,
  };
}

function notesOf({ client, question, server }: Call, http: boolean): readonly string[] {
  return [
    ...(client.address === '' ? ['the address of the client is not known: it counts as in no range'] : []),
    ...(!http && question.protocol === 'http'
      ? [`port ${server.port} is TCP to the sidecar: method, path, headers and tokens are not seen there`]
      : []),
  ];
}
