import { isRecord } from '../lib/is-record.ts';
import { type JsonObject, objectIn, textIn } from '../lib/json-fields.ts';
import { type InjectRequest, type InjectResult, inject } from './inject.ts';
import { difference, type PatchStep } from './json-patch.ts';
import type { InjectProblem } from './problem.ts';
import type { InjectSettings } from './settings.ts';

/** Where the pod stands in each kind that makes pods; by `apiVersion/kind` without the version, since Kubernetes keeps them. */
const templates: Readonly<Record<string, readonly string[]>> = {
  '/Pod': [],
  '/ReplicationController': ['spec', 'template'],
  'apps/Deployment': ['spec', 'template'],
  'apps/StatefulSet': ['spec', 'template'],
  'apps/DaemonSet': ['spec', 'template'],
  'apps/ReplicaSet': ['spec', 'template'],
  'batch/Job': ['spec', 'template'],
  'batch/CronJob': ['spec', 'jobTemplate', 'spec', 'template'],
};

/** What injection does to one manifest. `object` is `Kind/namespace/name`, the namespace as far as it is written. */
export type ManifestResult =
  | {
      readonly kind: 'injected';
      readonly object: string;
      readonly steps: readonly PatchStep[];
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'skipped'; readonly object: string; readonly reason: string; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly object: string; readonly problems: readonly InjectProblem[] };

/** Injects a manifest, or each item of a List. What makes no pods gives nothing. */
export function injectManifest(
  manifest: unknown,
  settings: InjectSettings,
  policy: InjectRequest['policy'],
): readonly ManifestResult[] {
  return injectAt(manifest, [], settings, policy);
}

function injectAt(
  manifest: unknown,
  path: readonly (string | number)[],
  settings: InjectSettings,
  policy: InjectRequest['policy'],
): readonly ManifestResult[] {
  if (!isRecord(manifest)) return [];
  const kind = textIn(manifest, 'kind');
  const { items } = manifest;
  if (kind.endsWith('List') && Array.isArray(items))
    return items.flatMap((item: unknown, index) => injectAt(item, [...path, 'items', index], settings, policy));
  const group = /^(?:(.*)\/)?[^/]*$/.exec(textIn(manifest, 'apiVersion'))?.[1] ?? '';
  const below = templates[`${group}/${kind}`];
  if (below === undefined) return [];
  const template = below.reduce<unknown>((value, field) => (isRecord(value) ? value[field] : undefined), manifest);
  const metadata = objectIn(manifest, 'metadata');
  const name = textIn(metadata, 'name') || textIn(metadata, 'generateName');
  const object = [kind, textIn(metadata, 'namespace'), name].filter((part) => part !== '').join('/');
  const at = [...path, ...below];
  if (!isRecord(template))
    return [
      { kind: 'refused', object, problems: [{ field: at.join('.'), message: 'there is no pod template', hint: '' }] },
    ];
  const result = inject(
    {
      metadata: template['metadata'],
      spec: template['spec'],
      namespace: textIn(metadata, 'namespace'),
      policy,
      ...(below.length === 0 || name === '' ? {} : { workloadName: name }),
    },
    settings,
  );
  return [manifestResult(result, object, template, at)];
}

function manifestResult(
  result: InjectResult,
  object: string,
  template: JsonObject,
  path: readonly (string | number)[],
): ManifestResult {
  switch (result.kind) {
    case 'injected': {
      const { metadata, spec, warnings } = result;
      return { kind: 'injected', object, steps: difference(template, { ...template, metadata, spec }, path), warnings };
    }
    case 'skipped':
      return { ...result, object };
    case 'refused': {
      const prefix = path.length === 0 ? '' : `${path.join('.')}.`;
      const problems = result.problems.map((each) => ({ ...each, field: `${prefix}${each.field}` }));
      return { kind: 'refused', object, problems };
    }
    default:
      return result satisfies never;
  }
}
