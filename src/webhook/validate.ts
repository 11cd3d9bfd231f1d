import { isDeepStrictEqual } from 'node:util';
import { decode } from '../config/decode.ts';
import { lint } from '../config/lint.ts';
import { isRecord } from '../lib/is-record.ts';
import type { Finding } from '../model/finding.ts';
import { findingWords } from '../model/finding-words.ts';
import type { Mesh } from '../model/mesh.ts';
import type { MeshKind, MeshObject } from '../model/mesh-object.ts';
import { objectKey } from '../model/object.ts';
import type { AdmissionAnswer, AdmissionRequest } from './admission.ts';

/** What validation knows beside the object. */
export interface ValidateSources {
  readonly mesh: () => Mesh;
  /** What is in force now, for warnings that one object alone doesn't show. */
  readonly knownObjects: () => readonly MeshObject[];
}

/** Longer warnings lose their hint: they show on one line of a terminal. */
const handyWarning = 120;

/**
 * Answers for one object, with the parser that reads it later: what is let in can be read, and what it says can be enforced.
 * Lets by what can't make anything worse: deletions, what is being deleted, and changes beside the spec.
 */
export function answerValidate(request: AdmissionRequest, sources: ValidateSources): AdmissionAnswer {
  const { operation, object, subResource } = request;
  if ((operation !== 'CREATE' && operation !== 'UPDATE') || subResource !== '')
    return { kind: 'allowed', warnings: [] };
  if (!isRecord(object)) return { kind: 'denied', message: 'there is no object', warnings: [] };
  const decoded = decode(object, {
    origin: { kind: 'cluster', cluster: 'Kubernetes' },
    defaultNamespace: request.namespace === '' ? 'default' : request.namespace,
  });
  const errors = decoded.findings.filter(({ severity }) => severity === 'error');
  const harmless = decoded.unknown.length > 0 || isDeleted(object) || sameSpec(object, request.oldObject);
  if (errors.length > 0 && !harmless)
    return { kind: 'denied', message: errors.map(findingWords).join('; '), warnings: [] };
  if (isDeleted(object)) return { kind: 'allowed', warnings: [] };
  const risky = decoded.findings.filter(({ severity }) => severity !== 'info');
  return { kind: 'allowed', warnings: [...risky, ...inContext(decoded.objects, sources)].map(warningText) };
}

/** Kinds that name objects of other namespaces, or share hosts and ports with them. */
const farSeeing: readonly MeshKind[] = ['DestinationRule', 'Gateway', 'ServiceEntry', 'Sidecar', 'VirtualService'];
/** What those can mean there. */
const seenFromAfar: readonly MeshKind[] = [...farSeeing, 'Pod', 'Service', 'WorkloadEntry'];

/** What the object means among the others: only what is said of it, not what was wrong before. */
function inContext(objects: readonly MeshObject[], sources: ValidateSources): readonly Finding[] {
  if (objects.length === 0) return [];
  const mesh = sources.mesh();
  const keys = objects.map(objectKey);
  const namespaces = [mesh.rootNamespace, ...objects.map(({ meta }) => meta.namespace)];
  const everything = objects.some(({ meta }) => meta.namespace === mesh.rootNamespace);
  const wide = objects.some(({ kind }) => farSeeing.includes(kind));
  // A policy sees its own namespace and the mesh's; the rest of a large cluster needn't be looked at.
  const seen = sources
    .knownObjects()
    .filter(
      ({ kind, meta }) =>
        everything ||
        kind === 'Namespace' ||
        namespaces.includes(meta.namespace) ||
        (wide && seenFromAfar.includes(kind)),
    )
    .filter((each) => !keys.includes(objectKey(each)));
  return lint([...seen, ...objects], mesh).filter(
    (finding) => finding.severity === 'warning' && keys.includes(finding.object),
  );
}

function warningText(finding: Finding): string {
  const whole = findingWords(finding);
  return whole.length <= handyWarning ? whole : findingWords({ ...finding, hint: '' });
}

function isDeleted(object: unknown): boolean {
  return isRecord(object) && isRecord(object['metadata']) && object['metadata']['deletionTimestamp'] !== undefined;
}

function sameSpec(object: unknown, before: unknown): boolean {
  return isRecord(object) && isRecord(before) && isDeepStrictEqual(object['spec'], before['spec']);
}
