import { MeshError } from '../lib/errors.ts';
import type { ViewId } from '../model/ids.ts';
import type { Proxy, ProxyKind } from '../model/proxy.ts';
import { proxyName } from '../model/proxy.ts';
import type { Workload } from '../model/workload.ts';
import { secretsIn } from '../snapshot/indexes.ts';
import type { Compiler } from '../translate/compiler.ts';
import { virtualInbound } from '../translate/envoy/names.ts';
import { accountIdentity, expectedEnvoy, identityOf } from './client.ts';
import { sentTo } from './compiled.ts';
import type { EdgeReceiver } from './gateway-meeting.ts';
import type { Receiver } from './tls-meeting.ts';

type Listener = Extract<Receiver, { readonly kind: 'sidecar' }>['listener'];

/** What a TLS check needs: the compiled configuration, and who is connected, where anybody can be. */
export interface TlsWorld {
  readonly compiler: Pick<Compiler, 'attach' | 'snapshot'>;
  readonly connected?: (name: string) => Proxy | undefined;
  /** Seconds since the epoch, by which certificates of Secrets are judged. */
  readonly now?: number;
}

/** Which kind of Envoy a workload has; undefined for none. */
export function envoyOf({ compiler: { snapshot }, connected }: TlsWorld, workload: Workload): ProxyKind | undefined {
  return connected?.(proxyName(workload.meta))?.kind ?? expectedEnvoy(snapshot, workload);
}

/** Finds who receives connections to a port of a workload. */
export type FindReceiver = (workload: Workload | undefined, address: string, port: number) => Receiver;

/** What equal sidecars were sent is read once. */
export function receiverFinder(world: TlsWorld): FindReceiver {
  const { compiler } = world;
  const byView = new Map<ViewId, Listener>();
  const byWorkload = new Map<Workload, Listener>();
  const listenerOf = (workload: Workload): Listener => {
    const known = byWorkload.get(workload);
    if (known !== undefined) return known;
    using sent = sentTo(compiler, workload);
    const listener = byView.get(sent.view) ?? sent.find('listener', virtualInbound);
    if (listener === undefined)
      throw new MeshError('not-found', `${proxyName(workload.meta)} is sent no ${virtualInbound} listener`);
    byView.set(sent.view, listener);
    byWorkload.set(workload, listener);
    return listener;
  };
  return (workload, address, port) => {
    if (workload === undefined) return { kind: 'outside' };
    const envoy = envoyOf(world, workload);
    if (envoy === undefined) return { kind: 'bare' };
    if (envoy === 'router') return edgeOf(world, workload, address, port);
    const identity = identityOf(compiler.snapshot, workload);
    return { kind: 'sidecar', listener: listenerOf(workload), port, identity };
  };
}

/** Pages that every Envoy has by its bootstrap: readiness and metrics. */
const ownPages: ReadonlySet<number> = new Set([15021, 15090]);

/** Which listener of a gateway takes what is sent to an address of it: one that is bound to it goes before one for all. */
export function edgeOf(
  { compiler, now }: Pick<TlsWorld, 'compiler' | 'now'>,
  workload: Workload,
  address: string,
  port: number,
): EdgeReceiver {
  const { snapshot } = compiler;
  const { meta, serviceAccount } = workload;
  using sent = sentTo(compiler, workload, 'router');
  const [listener] = [address, '0.0.0.0', '::'].flatMap((bound) => sent.find('listener', `${bound}_${port}`) ?? []);
  const identity = serviceAccount === '' ? undefined : accountIdentity(snapshot, meta.namespace, serviceAccount);
  const end = { who: 'the gateway', identity, secrets: secretsIn(snapshot, meta.namespace), now };
  return { kind: 'gateway', listener, ownPage: ownPages.has(port), end };
}
