/** A kind that gets conditions. */
export interface StatusKind {
  readonly group: keyof typeof statusVersions;
  readonly kind: string;
  readonly plural: string;
  /** It is counted on how many proxies each holds; of the others it is only told whether they can be read. */
  readonly counted: boolean;
}

/** Versions of the API groups of those kinds, newest first. */
export const statusVersions = {
  'security.istio.io': ['v1', 'v1beta1'],
  'networking.istio.io': ['v1', 'v1beta1', 'v1alpha3'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const security = { group: 'security.istio.io', counted: true } as const;
const networking = { group: 'networking.istio.io' } as const;

/** Every kind that gets conditions of the control plane, which its removal takes away again. */
export const statusKinds: readonly StatusKind[] = [
  { ...security, kind: 'PeerAuthentication', plural: 'peerauthentications' },
  { ...security, kind: 'AuthorizationPolicy', plural: 'authorizationpolicies' },
  { ...security, kind: 'RequestAuthentication', plural: 'requestauthentications' },
  { ...networking, kind: 'Gateway', plural: 'gateways', counted: true },
  { ...networking, kind: 'Sidecar', plural: 'sidecars', counted: true },
  { ...networking, kind: 'VirtualService', plural: 'virtualservices', counted: false },
  { ...networking, kind: 'DestinationRule', plural: 'destinationrules', counted: false },
  { ...networking, kind: 'ServiceEntry', plural: 'serviceentries', counted: false },
];
