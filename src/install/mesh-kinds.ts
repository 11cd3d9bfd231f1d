/** The kinds of today's APIs that are read, and so can be wrong: plural names, by group. */
export const meshKinds = {
  'security.istio.io': ['authorizationpolicies', 'peerauthentications', 'requestauthentications'],
  'networking.istio.io': [
    'destinationrules',
    'gateways',
    'serviceentries',
    'sidecars',
    'virtualservices',
    'workloadentries',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;
