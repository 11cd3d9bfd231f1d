import type { AuthorizationPolicy } from '../../model/authorization-policy.ts';
import { byAge, type Labels } from '../../model/object.ts';
import type { MtlsMode } from '../../model/peer-authentication.ts';
import type { ProxyKind } from '../../model/proxy.ts';
import type { RequestAuthentication } from '../../model/request-authentication.ts';
import type { Protocol, Service, ServicePort } from '../../model/service.ts';
import type { DefaultEndpoint, Sidecar } from '../../model/sidecar.ts';
import type { ConnectionPool } from '../../model/traffic-policy.ts';
import { type Pin, portOfName, serviceSelects } from '../../snapshot/indexes.ts';
import { inNamespace, type Snapshot } from '../../snapshot/snapshot.ts';
import { type EffectiveAuthorization, effectiveAuthorization } from './authorization.ts';
import { type EffectiveCustom, effectiveCustom } from './custom.ts';
import { effectiveJwt, type JwtProvider } from './jwt.ts';
import { type EffectiveMtls, effectiveMtls, modeOfPort } from './mtls.ts';
import { sidecarOf } from './sidecar-scope.ts';

/** What decides a workload's inbound configuration, of all that is known about it. */
export interface WorkloadFacts {
  readonly namespace: string;
  readonly labels: Labels;
  readonly namedPorts: Readonly<Record<string, number>>;
  readonly pinnedBy: readonly Pin[];
}

/** A workload with the proxy beside it: a gateway takes in nothing by a Sidecar. */
export interface ProxiedWorkload extends WorkloadFacts {
  readonly kind: ProxyKind;
}

/** One port that some service of the workload, or its Sidecar, names. */
export interface InboundPort {
  /** The target port: what the workload listens on. */
  readonly port: number;
  readonly servicePort: number;
  readonly protocol: Protocol;
  readonly mode: MtlsMode;
}

/** Where what comes in on a port is sent, and how much of it at a time. */
export interface InboundApplication {
  readonly port: number;
  /** Undefined: the address and port that the connection was meant for. */
  readonly at: DefaultEndpoint | undefined;
  readonly connectionPool: ConnectionPool | undefined;
}

/** Everything that a workload's inbound side depends on, and nothing else: builders get this and no snapshot. */
export interface EffectiveInbound {
  /** By target port, ascending. */
  readonly ports: readonly InboundPort[];
  /** One for each of `ports`, in the same order. */
  readonly applications: readonly InboundApplication[];
  /** Mode of all ports that no service and no port-level setting names. */
  readonly mode: MtlsMode;
  /** Ports with a setting of their own that no service names, ascending. */
  readonly extraPorts: readonly { readonly port: number; readonly mode: MtlsMode }[];
  readonly authorization: EffectiveAuthorization;
  readonly custom: EffectiveCustom;
  readonly jwt: readonly JwtProvider[];
}

/** Finds the policies that may hold for a workload, and perhaps some that don't. */
export interface PolicyFinder {
  authorization(namespace: string, labels: Labels): Iterable<AuthorizationPolicy>;
  requestAuthentication(namespace: string, labels: Labels): Iterable<RequestAuthentication>;
}

/** The services that lead to a workload, oldest first. */
export function servicesOf(snapshot: Snapshot, workload: WorkloadFacts): readonly Service[] {
  return [...inNamespace(snapshot.services, workload.namespace)]
    .filter((service) => serviceSelects(service, workload.labels) || pinOf(workload, service) !== undefined)
    .sort(byAge);
}

/**
 * One workload's ports, modes and policies. What its Sidecar takes in stands in place of what its services name
 * (behaviour.md 3.2).
 */
export function effectiveInbound(
  snapshot: Snapshot,
  workload: ProxiedWorkload,
  finder: PolicyFinder,
): EffectiveInbound {
  const mtls = effectiveMtls(snapshot, workload.namespace, workload.labels);
  const sidecar = sidecarOf(snapshot, workload);
  const ingress = ingressPorts(sidecar, mtls);
  const ports = (ingress.length > 0 ? ingress : servicePorts(snapshot, workload, mtls)).sort((a, b) => a.port - b.port);
  const named = new Set(ports.map(({ port }) => port));
  const { namespace, labels } = workload;
  const { rootNamespace } = snapshot.mesh;
  const scopes = [...new Set([rootNamespace, namespace])];
  const authorization = effectiveAuthorization(
    scopes.flatMap((scope) => [...finder.authorization(scope, labels)]),
    workload,
    rootNamespace,
  );
  const requests = scopes.flatMap((scope) => [...finder.requestAuthentication(scope, labels)]);
  return {
    ports,
    applications: ports.map(({ port }) => applicationOf(sidecar, port)),
    mode: mtls.mode,
    extraPorts: [...mtls.portLevel].filter(([port]) => !named.has(port)).map(([port, mode]) => ({ port, mode })),
    authorization,
    custom: effectiveCustom(authorization.custom, snapshot),
    jwt: effectiveJwt(requests, workload, snapshot),
  };
}

/** Where two services name the same target port, the oldest decides its protocol (behaviour.md 3.2). */
function servicePorts(snapshot: Snapshot, workload: WorkloadFacts, mtls: EffectiveMtls): InboundPort[] {
  const ports = new Map<number, InboundPort>();
  for (const service of servicesOf(snapshot, workload)) {
    for (const each of service.ports) {
      for (const port of targetPorts(workload, service, each)) {
        if (ports.has(port)) continue;
        ports.set(port, { port, servicePort: each.port, protocol: each.protocol, mode: modeOfPort(mtls, port) });
      }
    }
  }
  return [...ports.values()];
}

function ingressPorts(sidecar: Sidecar | undefined, mtls: EffectiveMtls): InboundPort[] {
  return (sidecar?.ingress ?? []).map(({ port: { number: port, protocol } }) => ({
    port,
    servicePort: port,
    protocol,
    mode: modeOfPort(mtls, port),
  }));
}

function applicationOf(sidecar: Sidecar | undefined, port: number): InboundApplication {
  const listener = sidecar?.ingress.find((each) => each.port.number === port);
  return {
    port,
    at: listener?.defaultEndpoint,
    connectionPool: listener?.connectionPool ?? sidecar?.inboundConnectionPool,
  };
}

function pinOf(workload: WorkloadFacts, service: Service): Pin | undefined {
  return workload.pinnedBy.find((pin) => pin.service === service.meta.name);
}

/** The ports of a workload that one port of a service leads to. */
function targetPorts(workload: WorkloadFacts, service: Service, { name, targetPort }: ServicePort): readonly number[] {
  const pin = pinOf(workload, service);
  if (pin !== undefined) return pin.ports.filter((each) => each.name === name).map(({ port }) => port);
  const port = typeof targetPort === 'number' ? targetPort : portOfName(workload.namedPorts, targetPort);
  return port === undefined ? [] : [port];
}
