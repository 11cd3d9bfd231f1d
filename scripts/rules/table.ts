/**
 * Who may import whom, below `src/`. A target is a folder, or a file without its suffix; `types:` in front allows
 * `import type` only. `*` is everything; `@envoyproxy/protos` is the generated package. A layer may always import itself.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  model: ['lib'],
  // The Kubernetes API as such: it knows no object of ours.
  kube: ['lib'],
  config: ['types:kube/client', 'kube/backoff', 'kube/if-found', 'kube/object', 'kube/reflector', 'model', 'lib'],
  snapshot: ['types:config/source', 'model', 'lib'],
  translate: ['snapshot', 'model', 'lib', '@envoyproxy/protos'],
  xds: ['model/ids', 'model/object', 'model/proxy', 'model/resource', 'model/type-urls', 'lib', '@envoyproxy/protos'],
  // What sidecars tell: it reads what the builders of filters and logs made them say, and takes a stream as the xDS server does.
  telemetry: [
    'types:admin/shadow-report',
    'snapshot/indexes',
    'snapshot/snapshot',
    'translate/envoy/access-log',
    'translate/envoy/jwt-authn',
    'translate/envoy/metadata-matcher',
    'translate/envoy/rbac',
    'translate/policy/authorization',
    'xds/admission',
    'xds/connections',
    'xds/identity',
    'xds/node',
    'types:xds/provider',
    'xds/wire',
    'model',
    'lib',
    '@envoyproxy/protos',
  ],
  // What the server asks of an authenticator is the server's interface; only its types cross.
  ca: [
    'types:xds/provider',
    'model/cluster-names',
    'model/credential',
    'types:model/credentials',
    'model/ids',
    'model/object',
    'model/proxy',
    'model/resource',
    'model/secret',
    'model/secret-source',
    'model/type-urls',
    'lib',
    '@envoyproxy/protos',
  ],
  agent: ['ca/private-files', 'types:model/object', 'types:model/proxy', 'lib', '@envoyproxy/protos'],
  // Evaluates what was compiled, as Envoy would.
  explain: [
    'types:translate/compiler',
    'translate/envoy/names',
    'translate/policy/mtls',
    'snapshot',
    'model',
    'lib',
    '@envoyproxy/protos',
  ],
  // What a cluster is asked (who holds this token?) and told (status, root certificates, webhook bundles).
  cluster: [
    'types:kube/client',
    'types:kube/duty',
    'kube/backoff',
    'kube/if-found',
    'kube/object',
    'kube/reflector',
    'ca/authority',
    'ca/authority-material',
    'ca/open-authority',
    'types:ca/template',
    'types:xds/provider',
    'snapshot/snapshot',
    'model',
    'lib',
  ],
  inject: [
    'agent/app-probe',
    'agent/envoy-process',
    'agent/interception-scope',
    'agent/ports',
    'agent/proxy-id',
    'model',
    'lib',
  ],
  install: ['types:kube/client', 'kube/if-found', 'kube/list', 'types:kube/object', 'model', 'lib'],
  webhook: [
    'config/decode',
    'config/lint',
    'inject/inject',
    'inject/json-patch',
    'types:inject/settings',
    'model',
    'lib',
  ],
  // Fetches issuers' keys: it is sent to addresses that whoever writes a policy chooses.
  jwks: ['model', 'lib'],
  admin: ['model', 'lib'],
  cli: ['*'],
  sandbox: ['*'],
  main: ['*'],
  runtime: ['*'],
  settings: ['*'],
};

/** Parts of a layer that are closed to others, or may use less than their layer does. */
export const PARTS: readonly {
  readonly part: string;
  readonly onlyFrom?: string;
  readonly never?: readonly string[];
}[] = [
  { part: 'config/legacy', onlyFrom: 'config' },
  // The one parser: a webhook and the command line run it without a cluster.
  { part: 'config/decode', never: ['kube', 'config/kubernetes'] },
  { part: 'config/lint', never: ['kube', 'config/kubernetes'] },
  { part: 'translate/policy', never: ['@envoyproxy/protos', 'translate/envoy'] },
];

/** One door for each outside package: the files or folders that may import it. To add a package, give it a door here. */
export const DOORS: Readonly<Record<string, readonly string[]>> = {
  '@grpc/grpc-js': [
    'lib/grpc',
    'agent/server',
    'ca/server',
    'telemetry/incoming',
    'webhook/server',
    'xds/server',
    'xds/services',
    'admin/server',
  ],
  '@kubernetes/client-node': ['kube/client'],
  '@peculiar/x509': ['ca/x509'],
  commander: ['cli', 'main'],
  'ipaddr.js': ['lib/ip'],
  jose: ['ca/join-token', 'ca/join-keys', 'explain/token'],
  'js-yaml': ['lib/yaml'],
  'lru-cache': ['translate/cache', 'cluster/token-reviewer'],
  picocolors: ['cli'],
  pino: ['lib/log'],
  'prom-client': ['admin/metrics'],
  'reflect-metadata': ['ca/x509'],
  yaml: ['lib/yaml', 'lib/yaml-edit', 'cli/output', 'sandbox/documents'],
};

/** What must be a pure function of its arguments: tested by value, cached, replayed and run offline for free. */
export const PURE: readonly string[] = [
  'model',
  'translate',
  'explain/answer-at',
  'explain/answer',
  'explain/arrival',
  'explain/callee',
  'explain/asked-request',
  'explain/call',
  'explain/certificate-check',
  'explain/client-socket',
  'explain/client',
  'explain/compiled',
  'explain/connection',
  'explain/envoy-version',
  'explain/explain',
  'explain/peer-words',
  'explain/world',
  'explain/filter-chain',
  'explain/gateway-answer',
  'explain/gateway-chain',
  'explain/gateway-meeting',
  'explain/meeting',
  'explain/headers',
  'explain/http-chain',
  'explain/http-request',
  'explain/jwt-locations',
  'explain/jwt',
  'explain/key-set-name',
  'explain/key-sets',
  'explain/matchers',
  'explain/origin',
  'explain/outcome',
  'explain/path',
  'explain/question',
  'explain/rbac-filter',
  'explain/rbac',
  'explain/receivers',
  'explain/rule-name',
  'explain/server',
  'explain/speech',
  'explain/tcp-chain',
  'explain/tls-calls',
  'explain/tls-check',
  'explain/tls-context',
  'explain/tls-meeting',
  'explain/tls-rows',
  'explain/verdict',
  'snapshot/diff',
  'snapshot/indexes',
  'snapshot/snapshot',
  'telemetry/attribution',
  'telemetry/caller',
  'telemetry/in-force',
  'telemetry/ledger',
  'telemetry/path-class',
  'telemetry/report',
  'telemetry/shadow-report',
  'telemetry/verdict',
  'telemetry/versions',
  'xds/delta',
  'xds/resource',
  'xds/sotw',
  'xds/subscription',
  'ca/credential-secret',
  'ca/rotation',
  'ca/template',
  'ca/verify',
];

/** What pure code must not mention, and where it comes from instead. */
export const IMPURE: readonly { readonly code: RegExp; readonly instead: string }[] = [
  {
    // `new Date(milliseconds)` only converts.
    code: /\bDate\s*\.\s*now\b|\bnew\s+Date\b(?!\s*\(\s*[^\s)])|(?<!\bnew\s+)\bDate\s*\(/,
    instead: 'take the time as an argument',
  },
  { code: /\bMath\s*\.\s*random\b/, instead: 'take the number as an argument' },
  { code: /\b(?:randomUUID|randomBytes|randomInt|getRandomValues)\b/, instead: 'take the value as an argument' },
  { code: /(?<![.\w])process\b(?!\s*[:?(])/, instead: 'take the setting as an argument' },
  { code: /(?<![.\w])console\b/, instead: 'return a finding' },
  { code: /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/, instead: 'wait in the caller' },
  { code: /(?<![.\w])(?:performance|fetch)\b(?=\s*[.(])/, instead: 'measure or fetch in the caller' },
  { code: /(?<![.\w])await\b/, instead: 'wait in the caller' },
];

/** Node modules that compute only; a pure file may import no other. */
export const PURE_NODE_MODULES: readonly string[] = ['node:assert', 'node:crypto', 'node:net', 'node:util'];

/** Modules of `lib` that do I/O, and so are closed to pure files. */
export const IMPURE_LIB: readonly string[] = ['lib/grpc', 'lib/log'];
