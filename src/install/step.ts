import { assertNever } from '../lib/assert-never.ts';
import { type ManifestName, nameText } from './manifest.ts';

/** One thing that was done, or would be done, to a cluster. */
export type Step =
  | {
      readonly kind: 'created' | 'configured' | 'unchanged' | 'deleted';
      readonly object: ManifestName;
      readonly dryRun: boolean;
    }
  /** Something of that name is there which no installation of ours made. */
  | { readonly kind: 'left-alone'; readonly object: ManifestName; readonly reason: string }
  | { readonly kind: 'would-delete'; readonly object: ManifestName }
  | { readonly kind: 'kept'; readonly object: ManifestName; readonly reason: string }
  | { readonly kind: 'note'; readonly text: string };

/** One line for people. */
export function stepText(step: Step): string {
  switch (step.kind) {
    case 'created':
    case 'configured':
    case 'unchanged':
    case 'deleted':
      return `${nameText(step.object)} ${step.kind}${step.dryRun ? ' (dry run)' : ''}`;
    case 'left-alone':
      return `${nameText(step.object)} left alone: ${step.reason}`;
    case 'would-delete':
      return `${nameText(step.object)} would be deleted`;
    case 'kept':
      return `${nameText(step.object)} kept: ${step.reason}`;
    case 'note':
      return step.text;
    default:
      return assertNever(step);
  }
}
