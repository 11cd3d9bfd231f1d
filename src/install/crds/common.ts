import { list, map, object, rule, rules, type Schema, text, whole } from './schema.ts';

/** 1 to 65535, in decimal digits. */
const portPattern = '0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';

/** A port written as a string. */
export const portText: Schema = { type: 'string', pattern: `^${portPattern}$` };

/** A port number: 1 to 65535. */
export function port(description: string): Schema {
  return whole(description, 1, 65_535);
}

/** Keys of a map are ports. */
export const portKeys = rule('each key must be a port, 1 to 65535', `self.all(key, key.matches('^${portPattern}$'))`);

const labelPart = '[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?';

/** Labels that an object carries, by Kubernetes' rules. */
export function labels(description: string): Schema {
  return map(description, { type: 'string', maxLength: 63, pattern: `^(${labelPart})?$` }, { maxProperties: 256 });
}

/** Labels that a selector looks for: taken literally, so that a wildcard would match nothing. */
function wantedLabels(description: string): Schema {
  return map(
    description,
    { type: 'string', maxLength: 63, pattern: '^[^*]*$' },
    {
      maxProperties: 4096,
      ...rules(
        rule('label keys must not be empty or hold wildcards', "self.all(key, key != '' && !key.contains('*'))"),
      ),
    },
  );
}

/** `selector` of the security kinds (behaviour.md 1.0). */
export const workloadSelector = object('The workloads that this is about. Absent: all of the namespace.', {
  matchLabels: wantedLabels('Labels that a pod must carry, all of them.'),
});

/** `workloadSelector` of ServiceEntry and Sidecar, which has another field name. */
export const labelsSelector = object('The workloads that this is about, in the same namespace.', {
  labels: wantedLabels('Labels that a workload must carry, all of them.'),
});

const targetReference = object(
  'One object that the policy is attached to.',
  {
    group: text('API group; empty for the core group.', {
      maxLength: 253,
      pattern: '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
    }),
    kind: text('Kind, such as Gateway or Service.', {
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$',
    }),
    name: text('Name of the object.', { minLength: 1, maxLength: 253 }),
    namespace: text('Only the namespace of the policy: leave it empty.', { maxLength: 0 }),
  },
  { required: ['kind', 'name'] },
);

/** The three ways to say what a security policy is about; at most one of them (behaviour.md 1.0). */
export const scopeFields = {
  selector: workloadSelector,
  targetRef: { ...targetReference, description: 'The object that the policy is attached to, instead of a selector.' },
  targetRefs: list('The objects that the policy is attached to, instead of a selector.', targetReference, {
    maxItems: 16,
  }),
};

/** Who may see a networking object. */
export const exportTo = list(
  'Namespaces that see this; "." is its own one, "*" all, "~" none. Absent: all.',
  { type: 'string', maxLength: 63, pattern: '^([.*~]|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$' },
  {
    maxItems: 4096,
    ...rules(rule('"*" and "~" stand alone', "size(self) <= 1 || !self.exists(each, each == '*' || each == '~')")),
  },
);

const hostName = '[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?(\\.[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?)*\\.?';

/** A host name, as config/decode/host.ts takes it. */
export function hostText(description: string, more: Pick<Schema, 'minLength'> = {}): Schema {
  return text(description, { maxLength: 255, pattern: `^${hostName}$`, ...more });
}

/** The same, or one that begins with a wildcard. `*` alone is every host. */
export const hostOrWildcard: Schema = { type: 'string', maxLength: 255, pattern: `^(\\*|(\\*[-.]?)?${hostName})$` };

/** A full or short name, or an IP address; of IPv6 only the characters are looked at. */
export function hostOrAddress(description: string): Schema {
  return text(description, { maxLength: 255, pattern: `^(${hostName}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$` });
}

const time = { type: 'string', format: 'date-time' } as const;
const anyGeneration = { 'x-kubernetes-int-or-string': true } as const;

/** `status`: conditions merge by type, so that several controllers can write theirs; other fields are kept. */
export const status: Schema = {
  type: 'object',
  description: 'What controllers found and did about this object.',
  'x-kubernetes-preserve-unknown-fields': true,
  properties: {
    conditions: {
      type: 'array',
      description: 'One entry for each aspect, such as Accepted and Enforced.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type'],
        'x-kubernetes-preserve-unknown-fields': true,
        properties: {
          type: { type: 'string', description: 'The aspect.' },
          status: { type: 'string', description: 'True, False or Unknown.' },
          reason: { type: 'string', description: 'Why, in one word.' },
          message: { type: 'string', description: 'Why, for people.' },
          lastTransitionTime: { ...time, description: 'When the status last changed.' },
          lastProbeTime: { ...time, description: 'When this was last looked at.' },
          observedGeneration: { ...anyGeneration, description: 'Generation of the spec that this is about.' },
        },
      },
    },
    observedGeneration: { ...anyGeneration, description: 'Generation of the spec that this is about.' },
  },
};

/** The port of a service, by number. */
export const portSelector = object('The port of the service.', {
  number: whole('Its number.', 0, 4_294_967_295),
});
