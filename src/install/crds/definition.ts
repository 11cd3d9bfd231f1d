import { status } from './common.ts';
import { object, type Schema } from './schema.ts';

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 0: always shown; above: with `-o wide`. */
  readonly priority?: number;
}

/** What is said about one kind; the rest of its CustomResourceDefinition follows from that. */
export interface Kind {
  readonly group: 'security.istio.io' | 'networking.istio.io';
  readonly kind: string;
  readonly plural: string;
  readonly shortName?: string;
  readonly description: string;
  readonly columns: readonly Column[];
  readonly spec: Schema;
  /** The API refuses an object of this kind without a spec. */
  readonly specRequired?: boolean;
}

/** One version of a CustomResourceDefinition. */
export interface CrdVersion {
  readonly name: string;
  readonly served: true;
  readonly storage: boolean;
  readonly subresources: { readonly status: object };
  readonly additionalPrinterColumns: readonly Column[];
  readonly schema: { readonly openAPIV3Schema: Schema };
}

/** A CustomResourceDefinition as the API takes it, without labels. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced';
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames?: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly CrdVersion[];
  };
}

/** Versions that users have, the stored one first. All have one schema, so that none needs a conversion. */
const versionsOf = {
  'security.istio.io': ['v1', 'v1beta1'],
  'networking.istio.io': ['v1', 'v1beta1', 'v1alpha3'],
} as const;

const categoryOf = {
  'security.istio.io': 'security-istio-io',
  'networking.istio.io': 'networking-istio-io',
} as const;

const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'How long ago this was created.',
};

const conditionColumn = (type: string, description: string): Column => ({
  name: type,
  type: 'string',
  jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
  description,
});

/** What the control plane says about an object whose proxies it doesn't count, for `kubectl get`. */
export const acceptedColumn = conditionColumn('Accepted', 'All of it can be read, and can hold.');

/** What it says about an object that selects proxies. */
export const conditionColumns: readonly Column[] = [
  acceptedColumn,
  conditionColumn('Enforced', 'All proxies concerned hold it.'),
];

/** The CustomResourceDefinition of a kind: names, versions and columns as users of the API know them. */
export function definitionOf(kind: Kind): CustomResourceDefinition {
  const schema = object(
    kind.description,
    {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: kind.spec,
      status,
    },
    kind.specRequired === true ? { required: ['spec'] } : {},
  );
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${kind.group}` },
    spec: {
      group: kind.group,
      scope: 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        ...(kind.shortName === undefined ? {} : { shortNames: [kind.shortName] }),
        categories: ['istio-io', categoryOf[kind.group]],
      },
      versions: versionsOf[kind.group].map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        subresources: { status: {} },
        additionalPrinterColumns: [...kind.columns, age],
        schema: { openAPIV3Schema: schema },
      })),
    },
  };
}
