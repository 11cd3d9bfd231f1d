import { portText, scopeFields } from './common.ts';
import { conditionColumns, type Kind } from './definition.ts';
import { atMostOne, choice, list, object, rule, rules, type Schema, text } from './schema.ts';

const word: Schema = { type: 'string', minLength: 1 };
/** A DNS-1123 label: it becomes part of filter names. */
const providerName = { minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' };
/** At most one `*`, anywhere: what a namespace can be (src/config/decode/authorization-values.ts). */
const namespaceName: Schema = { type: 'string', minLength: 1, maxLength: 63, pattern: '^[^*]*\\*?[^*]*$' };
/** Braces only as the path templates `{*}` and `{**}`. */
const path: Schema = { type: 'string', minLength: 1, pattern: '^([^{}]|\\{\\*\\*?\\})*$' };
const serviceAccount: Schema = { type: 'string', minLength: 1, maxLength: 320 };

/** A predicate and its negation: values of one field are alternatives. */
function both(name: string, what: string, item: Schema, maxItems?: number): Readonly<Record<string, Schema>> {
  const limits = { minItems: 1, ...(maxItems === undefined ? {} : { maxItems }) };
  return {
    [name]: list(`${what}; one of them.`, item, limits),
    [`not${name.slice(0, 1).toUpperCase()}${name.slice(1)}`]: list(`${what}; none of them.`, item, limits),
  };
}

const source = object(
  'Who sends the request; all fields must match.',
  {
    ...both('principals', 'Identities of the mTLS peer, without "spiffe://"', word),
    ...both('requestPrincipals', 'Identities of the JWT, as issuer/subject', word),
    ...both('namespaces', 'Namespaces of the mTLS peer', namespaceName),
    ...both('serviceAccounts', 'Service accounts of the mTLS peer, as namespace/name or name', serviceAccount, 16),
    ...both('trustDomains', 'Trust domains of the mTLS peer', word),
    ...both('ipBlocks', 'Addresses or CIDR blocks of the connection', word),
    ...both('remoteIpBlocks', 'Addresses or CIDR blocks of the client, where proxies told about it', word),
  },
  {
    minProperties: 1,
    ...rules(
      rule(
        'serviceAccounts can not be combined with principals or namespaces',
        '!(has(self.serviceAccounts) || has(self.notServiceAccounts)) || !(has(self.principals) || has(self.notPrincipals) || has(self.namespaces) || has(self.notNamespaces))',
      ),
    ),
  },
);

const operation = object(
  'What is asked for; all fields must match.',
  {
    ...both('hosts', 'Host headers, without regard to case', word),
    ...both('ports', 'Ports that the workload listens on', portText),
    ...both('methods', 'HTTP methods', word),
    ...both('paths', 'Paths, without the query', path),
  },
  { minProperties: 1 },
);

const condition = object(
  'A further condition on one attribute.',
  {
    key: text('The attribute, such as source.ip or request.headers[x].', { minLength: 1 }),
    values: list('Values; one of them.', word),
    notValues: list('Values; none of them.', word),
  },
  { required: ['key'] },
);

const authorizationRule = object(
  'Matches if one of from, one of to, and all of when match. An empty rule matches everything.',
  {
    from: list('Sources; one of them.', object('One source.', { source }, { required: ['source'] }), {
      minItems: 1,
      maxItems: 512,
    }),
    to: list('Operations; one of them.', object('One operation.', { operation }, { required: ['operation'] }), {
      minItems: 1,
    }),
    when: list('Conditions; all of them.', condition),
  },
);

/** AuthorizationPolicy (behaviour.md 1.3). */
export const authorizationPolicy: Kind = {
  group: 'security.istio.io',
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  shortName: 'ap',
  description: 'Says which requests workloads answer.',
  columns: [
    {
      name: 'Action',
      type: 'string',
      jsonPath: '.spec.action',
      description: 'What happens to a request that matches.',
    },
    ...conditionColumns,
  ],
  spec: object(
    'An action, and the requests that it is for.',
    {
      ...scopeFields,
      action: choice('ALLOW (the default), DENY, AUDIT, or CUSTOM: ask a provider.', [
        'ALLOW',
        'DENY',
        'AUDIT',
        'CUSTOM',
      ]),
      provider: object(
        'Who decides for action CUSTOM.',
        { name: text('Name of a provider in the mesh settings.', providerName) },
        { required: ['name'] },
      ),
      rules: list('Requests; one of them. ALLOW without rules allows nothing.', authorizationRule, { maxItems: 512 }),
    },
    rules(
      atMostOne('selector', 'targetRef', 'targetRefs'),
      rule(
        'a DENY policy needs rules; "rules: [{}]" denies every request',
        "!has(self.action) || self.action != 'DENY' || (has(self.rules) && size(self.rules) > 0)",
      ),
      rule(
        'a CUSTOM policy needs rules',
        "!has(self.action) || self.action != 'CUSTOM' || (has(self.rules) && size(self.rules) > 0)",
      ),
      rule(
        'provider belongs to action CUSTOM, and CUSTOM needs a provider',
        "has(self.provider) == (has(self.action) && self.action == 'CUSTOM')",
      ),
    ),
  ),
};
