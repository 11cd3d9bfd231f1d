import type { Labels } from '../model/object.ts';
import { annotationField, type InjectProblem } from './problem.ts';

/** What injection makes of a pod: a workload with a sidecar beside it, or Envoy alone at the edge of the mesh. */
export type InjectTemplate = 'sidecar' | 'gateway';

/** Annotation in which a pod names its template. */
export const templatesAnnotation = 'inject.istio.io/templates';
/** The word in place of an image by which a gateway's manifest leaves the choice to the injector. */
export const autoImage = 'auto';

/** The template of a pod, or what is wrong with its wish. */
export type TemplateChoice =
  | { readonly ok: true; readonly template: InjectTemplate }
  | { readonly ok: false; readonly problem: InjectProblem };

/**
 * Reads a pod's template (behaviour.md 9.4). One that isn't known is refused: whoever asks for another kind of proxy is not
 * served with a sidecar.
 */
export function chooseTemplate(annotations: Labels): TemplateChoice {
  const text = annotations[templatesAnnotation]?.trim();
  if (text === undefined || text === 'sidecar') return { ok: true, template: 'sidecar' };
  if (text === 'gateway') return { ok: true, template: 'gateway' };
  return {
    ok: false,
    problem: {
      field: annotationField(templatesAnnotation),
      message: `${JSON.stringify(text)} is no template`,
      hint: 'use "gateway" for an Envoy at the edge, or leave the annotation out for a sidecar',
    },
  };
}
