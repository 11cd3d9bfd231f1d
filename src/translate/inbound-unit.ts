import type { AuthorizationPolicy } from '../model/authorization-policy.ts';
import { type Credentials, noCredentials } from '../model/credentials.ts';
import type { Finding } from '../model/finding.ts';
import type { Mesh } from '../model/mesh.ts';
import type { ProxyKind } from '../model/proxy.ts';
import { emptyLayer, type Layer, type Resource } from '../model/resource.ts';
import type { BuildCache } from './cache.ts';
import { customAuthorizeSlot, customMatchSlot, jwtSlot, rbacSlot } from './envoy/extension.ts';
import { connectionSettings } from './envoy/http-connection-manager.ts';
import { inboundApplicationCluster } from './envoy/inbound-cluster.ts';
import { rbacAllowFilter, rbacAuditFilter, rbacDenyFilter } from './envoy/names.ts';
import type { ActionRules } from './envoy/rbac.ts';
import { layer } from './envoy/resource.ts';
import type { TcpPolicy } from './envoy/tcp-policy.ts';
import { virtualInboundListener } from './envoy/virtual-inbound.ts';
import {
  type ActionPolicies,
  deniedForProvider,
  forHttp,
  namedForProvider,
  type PolicyRules,
} from './policy/authorization.ts';
import { forTcp } from './policy/authorization-tcp.ts';
import type { EffectiveInbound } from './policy/inbound.ts';

/** A proxy's own part of its configuration: what reaches it, and who may. */
export interface ProxyUnit {
  readonly listeners: Layer;
  readonly clusters: Layer;
  /** Of a router: what it has in place of clusters that all clients share, as it lacks a Secret that those name. */
  readonly withheld: Layer;
  /** Of a router; requests to a sidecar are routed within its listener. */
  readonly routes: Layer;
  readonly extensions: Layer;
  /** What a router shows to clients, and checks them with. */
  readonly credentials: Credentials;
  /** What of the objects that it was made from can't hold, and why. */
  readonly findings: readonly Finding[];
}

/** Differs from every real one. */
export const emptyUnit: ProxyUnit = {
  listeners: emptyLayer('listeners/inbound'),
  clusters: emptyLayer('clusters/inbound'),
  withheld: emptyLayer('clusters/withheld'),
  routes: emptyLayer('routes/inbound'),
  extensions: emptyLayer('extensions/inbound'),
  credentials: noCredentials,
  findings: [],
};

const noRoutes = emptyLayer('routes/inbound');
/** What all have that lack nothing. */
export const nothingWithheld = emptyLayer('clusters/withheld');

type Project = (policy: AuthorizationPolicy) => PolicyRules;

/**
 * Builds a workload's inbound side. Each layer is cached by just what it depends on, so that workloads alike share the
 * very same layers, and a policy edit that means nothing to TCP leaves the listener the object it was. So is each policy filter:
 * other keys of an issuer change that one alone.
 */
export function inboundUnit(cache: BuildCache, inbound: EffectiveInbound, mesh: Mesh): ProxyUnit {
  const trust = { trustDomain: mesh.trustDomain, trustDomainAliases: mesh.trustDomainAliases };
  const { ports, mode, extraPorts, applications } = inbound;
  const { authorizers } = inbound.custom;
  const tcp = tcpPolicyOf(inbound);
  const settings = connectionSettings(mesh);
  const idle = applications.flatMap(({ port, connectionPool }) => {
    const idleTimeoutMs = connectionPool?.tcpIdleTimeoutMs;
    return idleTimeoutMs === undefined ? [] : [{ port, idleTimeoutMs }];
  });
  const listenerKey = { ports, mode, extraPorts, idle, tcp, authorizers, settings, trust };
  return {
    listeners: cache.get('virtualInbound', listenerKey, (key) =>
      layer('listeners/inbound', [virtualInboundListener(key)]),
    ),
    withheld: nothingWithheld,
    clusters: cache.get('inboundClusters', applications, (key) =>
      layer('clusters/inbound', key.map(inboundApplicationCluster)),
    ),
    routes: noRoutes,
    extensions: policyFilterLayer(cache, inbound, trust, 'sidecar'),
    credentials: noCredentials,
    findings: [],
  };
}

type Trust = Pick<Mesh, 'trustDomain' | 'trustDomainAliases'>;

/** The HTTP policy filters of a proxy, for discovery by name. */
export function policyFilterLayer(cache: BuildCache, inbound: EffectiveInbound, trust: Trust, proxy: ProxyKind): Layer {
  const filters = policyFilters(cache, inbound, proxy, trust);
  return cache.get(
    'policyFilters',
    filters.map(({ name, version }) => ({ name, version })),
    () => layer('extensions/inbound', filters),
  );
}

function policyFilters(
  cache: BuildCache,
  inbound: EffectiveInbound,
  proxy: ProxyKind,
  trust: Trust,
): readonly Resource[] {
  const { authorization, custom, jwt } = inbound;
  const { audit, deny, allow } = authorization;
  const refused = custom.refused.map((policy) => deniedForProvider(forHttp(policy), policy.provider));
  const denied = actionRules(deny, forHttp, refused);
  const actions = [
    { name: rbacAuditFilter, action: 'AUDIT', rules: actionRules(audit, forHttp), trust },
    { name: rbacDenyFilter, action: 'DENY', rules: denied, trust },
    { name: rbacAllowFilter, action: 'ALLOW', rules: actionRules(allow, forHttp), trust },
  ] as const;
  const asked = new Map(custom.asked.map((each) => [each.provider.name, each]));
  const slots = custom.authorizers.flatMap((name) => {
    const { provider, policies = [] } = asked.get(name) ?? {};
    const rules = policies.map((policy) => namedForProvider(forHttp(policy), name));
    return [
      cache.get('customMatch', { name, policies: rules, trust }, customMatchSlot),
      cache.get('customAuthorize', { name, provider }, customAuthorizeSlot),
    ];
  });
  return [
    ...slots,
    cache.get('jwt', { providers: jwt, proxy }, jwtSlot),
    ...actions.map((key) => cache.get('httpPolicy', key, rbacSlot)),
  ];
}

/** Only gRPC can be asked about a connection; what HTTP alone could decide is denied there, as if nobody could be asked. */
export function tcpPolicyOf({ authorization, custom }: EffectiveInbound): TcpPolicy {
  const project: Project = (policy) => forTcp(policy).rules;
  const asked = custom.asked.filter(({ provider }) => provider.kind === 'grpc');
  const refused = [
    ...custom.refused,
    ...custom.asked.filter(({ provider }) => provider.kind !== 'grpc').flatMap(({ policies }) => policies),
  ].map((policy) => deniedForProvider(project(policy), policy.provider));
  return {
    custom: asked.map(({ provider, policies }) => ({
      provider,
      policies: policies.map((policy) => namedForProvider(project(policy), provider.name)),
    })),
    audit: actionRules(authorization.audit, project),
    deny: actionRules(authorization.deny, project, refused),
    allow: actionRules(authorization.allow, project),
  };
}

function actionRules(
  { enforced, dryRun }: ActionPolicies,
  project: Project,
  more: readonly PolicyRules[] = [],
): ActionRules {
  return { enforced: [...enforced.map(project), ...more], dryRun: dryRun.map(project) };
}
