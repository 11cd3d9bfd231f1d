import { type JsonObject, objectIn, objectsIn, textIn, textsIn } from '../lib/json-fields.ts';
import type { Labels } from '../model/object.ts';
import { withField } from './json.ts';
import { proxyContainerName, revisionLabel, statusAnnotation, tlsModeLabel } from './names.ts';

const canonicalName = 'service.istio.io/canonical-name';
const canonicalRevision = 'service.istio.io/canonical-revision';

/** What injection says of a pod in its metadata. */
export interface MetadataChange {
  readonly status: string;
  readonly revision: string;
  /** False where nothing is intercepted: callers must not be told that the pod takes mTLS. */
  readonly takesMtls: boolean;
  /** Name of the Deployment or the like, where it is known. */
  readonly workloadName: string | undefined;
}

/** Labels and annotations of an injected pod (behaviour.md 9.4); what its author set stays. */
export function injectedMetadata(metadata: JsonObject, spec: JsonObject, change: MetadataChange): JsonObject {
  const labels = textsIn(metadata, 'labels');
  const annotations = textsIn(metadata, 'annotations');
  const app = objectsIn(spec, 'containers').find((each) => textIn(each, 'name') !== proxyContainerName);
  // A gateway has no other.
  const main = app === undefined ? proxyContainerName : textIn(app, 'name');
  const name =
    labels['app.kubernetes.io/name'] ?? labels['app'] ?? change.workloadName ?? workloadName(metadata, labels);
  const newLabels = {
    ...(change.takesMtls ? { [tlsModeLabel]: 'istio' } : {}),
    ...(name === '' ? {} : { [canonicalName]: labelValue(name) }),
    [canonicalRevision]: labels['app.kubernetes.io/version'] ?? labels['version'] ?? 'latest',
  };
  const newAnnotations = {
    'kubectl.kubernetes.io/default-container': main,
    'kubectl.kubernetes.io/default-logs-container': main,
  };
  const withLabels = withField(metadata, 'labels', added(objectIn(metadata, 'labels'), newLabels));
  const own = { ...added(objectIn(metadata, 'annotations'), newAnnotations) };
  const status = { [revisionLabel]: annotations[revisionLabel] ?? change.revision, [statusAnnotation]: change.status };
  return withField(withLabels, 'annotations', { ...own, ...status });
}

/** Name of the workload that made the pod: the owner's, without what a Deployment adds for its ReplicaSets. */
function workloadName(metadata: JsonObject, labels: Labels): string {
  const owner = objectsIn(metadata, 'ownerReferences').find((each) => each['controller'] === true);
  const made = textIn(metadata, 'name') || textIn(metadata, 'generateName').replace(/-$/, '');
  const name = owner === undefined ? made : textIn(owner, 'name');
  const hash = labels['pod-template-hash'];
  return hash !== undefined && name.endsWith(`-${hash}`) ? name.slice(0, -hash.length - 1) : name;
}

/** Label values end at 63 characters, and at a letter or digit. */
function labelValue(text: string): string {
  return text.slice(0, 63).replace(/[^A-Za-z0-9]+$/, '');
}

function added(own: JsonObject, more: Labels): JsonObject {
  return { ...own, ...Object.fromEntries(Object.entries(more).filter(([name]) => own[name] === undefined)) };
}
