import { type InjectResult, inject } from '../inject/inject.ts';
import { difference, jsonPatch } from '../inject/json-patch.ts';
import type { InjectSettings } from '../inject/settings.ts';
import { assertNever } from '../lib/assert-never.ts';
import { isRecord } from '../lib/is-record.ts';
import { findingWords } from '../model/finding-words.ts';
import type { Labels } from '../model/object.ts';
import type { AdmissionAnswer, AdmissionRequest } from './admission.ts';

/** What injection by webhook needs to know. */
export interface InjectSources {
  readonly settings: () => InjectSettings;
  /** Labels of a namespace as far as they are known here; undefined for one that isn't. */
  readonly namespaceLabels: (namespace: string) => Labels | undefined;
  /** Asks the API server for them; undefined for a namespace that is not there. */
  readonly fetchNamespaceLabels: (namespace: string, signal: AbortSignal) => Promise<Labels | undefined>;
}

/** How the question about one pod ended: for metrics. */
export type InjectOutcome = 'injected' | 'skipped' | 'refused';

/**
 * Answers for one pod. Labels that we know may be older than those that made the API server call us: before a pod is let by
 * without a sidecar, the API server is asked for them.
 */
export async function answerInject(
  request: AdmissionRequest,
  sources: InjectSources,
  signal: AbortSignal,
): Promise<{ readonly answer: AdmissionAnswer; readonly outcome: InjectOutcome }> {
  const { object, kind, operation } = request;
  const isNewPod = kind.group === '' && kind.kind === 'Pod' && operation === 'CREATE' && request.subResource === '';
  if (!isNewPod) return { answer: { kind: 'allowed', warnings: [] }, outcome: 'skipped' };
  if (!isRecord(object))
    return { answer: { kind: 'denied', message: 'there is no pod', warnings: [] }, outcome: 'refused' };
  const { namespace } = request;
  const settings = sources.settings();
  const decideWith = (namespaceLabels: Labels): InjectResult =>
    inject(
      { metadata: object['metadata'], spec: object['spec'], namespace, policy: { kind: 'labels', namespaceLabels } },
      settings,
    );
  const known = sources.namespaceLabels(namespace);
  let result = known === undefined ? undefined : decideWith(known);
  if (result === undefined || result.kind === 'skipped')
    result = decideWith((await sources.fetchNamespaceLabels(namespace, signal)) ?? {});
  switch (result.kind) {
    case 'injected': {
      const { metadata, spec, warnings } = result;
      const patch = jsonPatch(difference(object, { ...object, metadata, spec }));
      return { answer: { kind: 'allowed', warnings, patch }, outcome: 'injected' };
    }
    case 'skipped':
      return { answer: { kind: 'allowed', warnings: result.warnings }, outcome: 'skipped' };
    case 'refused':
      return {
        answer: {
          kind: 'denied',
          message: `no sidecar for this pod: ${result.problems.map(findingWords).join('; ')}`,
          warnings: [],
        },
        outcome: 'refused',
      };
    default:
      return assertNever(result);
  }
}
