import { printable } from '../lib/printable.ts';
import type { Finding } from './finding.ts';

/** `field: message (hint: …)`: the words of a finding, equal wherever it shows (command line, webhook, status). */
export function findingWords({ field, message, hint }: Pick<Finding, 'field' | 'message' | 'hint'>): string {
  const place = field === '' ? '' : `${printable(field)}: `;
  const advice = hint === '' ? '' : ` (hint: ${printable(hint)})`;
  return `${place}${printable(message)}${advice}`;
}
