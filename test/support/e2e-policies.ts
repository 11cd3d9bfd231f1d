/** Policies as short expressions, so that a matrix reads as a table. */

export type Mode = 'STRICT' | 'PERMISSIVE' | 'DISABLE' | 'UNSET';
type Ports = Readonly<Record<number, Mode>>;

interface Scope {
  readonly name: string;
  readonly namespace: string;
  readonly app?: string;
  /** Which of two is older, where that decides. */
  readonly created?: string;
}

/** A policy as a document. */
export interface PolicyObject {
  readonly apiVersion: string;
  readonly kind:
    | 'PeerAuthentication'
    | 'AuthorizationPolicy'
    | 'RequestAuthentication'
    | 'DestinationRule'
    | 'ServiceEntry'
    | 'Sidecar'
    | 'VirtualService';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly creationTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: object;
}

const api = 'security.istio.io/v1';

function metadata({ name, namespace, created }: Scope): PolicyObject['metadata'] {
  return { name, namespace, ...(created === undefined ? {} : { creationTimestamp: created }) };
}

function selector(app: string | undefined): object {
  return app === undefined ? {} : { selector: { matchLabels: { app } } };
}

function peerAuthentication(scope: Scope, mode: Mode, portLevelMtls?: Ports): PolicyObject {
  const levels = Object.entries(portLevelMtls ?? {}).map(([port, each]) => [port, { mode: each }] as const);
  const spec = {
    ...selector(scope.app),
    mtls: { mode },
    ...(portLevelMtls === undefined ? {} : { portLevelMtls: Object.fromEntries(levels) }),
  };
  return { apiVersion: api, kind: 'PeerAuthentication', metadata: metadata(scope), spec };
}

/** For the whole mesh: in the root namespace, without a selector. */
export const meshMode = (mode: Mode, more: Partial<Scope> = {}): PolicyObject =>
  peerAuthentication({ name: 'default', namespace: 'istio-system', ...more }, mode);

/** For one namespace. */
export const namespaceMode = (namespace: string, mode: Mode, more: Partial<Scope> = {}): PolicyObject =>
  peerAuthentication({ name: 'default', namespace, ...more }, mode);

/** For the pods of one app in `foo`, with settings for single ports. */
export const workloadMode = (app: string, mode: Mode, ports?: Ports, more: Partial<Scope> = {}): PolicyObject =>
  peerAuthentication({ name: `${app}-mtls`, namespace: 'foo', app, ...more }, mode, ports);

/** One rule: `from` and `to` as lists of sources and operations. */
export interface Rule {
  readonly from?: readonly object[];
  readonly to?: readonly object[];
  readonly when?: readonly object[];
}

/** What a source proves, and what an operation is: each a rule of one condition. */
export const from = (...sources: readonly object[]): Rule => ({ from: sources.map((source) => ({ source })) });
export const to = (...operations: readonly object[]): Rule => ({ to: operations.map((operation) => ({ operation })) });

export const when = (...conditions: readonly Condition[]): Rule => ({ when: conditions });

/** One entry of `when`. */
export interface Condition {
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}

function authorization(
  action: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM',
  rules: readonly Rule[] | undefined,
  scope: Partial<Scope>,
): PolicyObject {
  const { app, ...rest } = scope;
  const where = { name: action.toLowerCase(), namespace: 'foo', ...rest };
  const spec = { ...selector(app), action, ...(rules === undefined ? {} : { rules }) };
  return { apiVersion: api, kind: 'AuthorizationPolicy', metadata: metadata(where), spec };
}

/** For the pods of app `server` in `foo`, unless told otherwise. */
export const allow = (rules: readonly Rule[] | undefined, scope: Partial<Scope> = { app: 'server' }): PolicyObject =>
  authorization('ALLOW', rules, scope);
export const deny = (rules: readonly Rule[], scope: Partial<Scope> = { app: 'server' }): PolicyObject =>
  authorization('DENY', rules, scope);
/** Records what it matches, and decides nothing. */
export const audit = (rules: readonly Rule[], scope: Partial<Scope> = { app: 'server' }): PolicyObject =>
  authorization('AUDIT', rules, scope);

/** Leaves what it matches to an external authorizer. */
export const custom = (
  provider: string,
  rules: readonly Rule[],
  scope: Partial<Scope> = { app: 'server' },
): PolicyObject => {
  const policy = authorization('CUSTOM', rules, scope);
  return { ...policy, spec: { ...policy.spec, provider: { name: provider } } };
};

/** The same policy on trial. */
export const dryRun = (policy: PolicyObject): PolicyObject => ({
  ...policy,
  metadata: { ...policy.metadata, annotations: { 'istio.io/dry-run': 'true' } },
});

/** The same policy attached to a gateway, instead of chosen by labels. */
export const onGateway = (policy: PolicyObject, gateway: string): PolicyObject => ({
  ...policy,
  spec: {
    ...policy.spec,
    targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: gateway }],
  },
});
