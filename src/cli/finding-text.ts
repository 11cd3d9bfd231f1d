import type { Finding, Severity } from '../model/finding.ts';
import { originText } from '../model/object.ts';
import { printable } from './table.ts';

/** One finding on one line: `path:line: error field: message (hint: …)`, the form that editors and CI turn into links. */
export function findingText(
  finding: Finding,
  paint: (severity: Severity, text: string) => string = (_severity, text) => text,
): string {
  const { severity, origin, field, message, hint } = finding;
  const place = field === '' ? '' : ` ${printable(field)}`;
  const advice = hint === '' ? '' : ` (hint: ${printable(hint)})`;
  return `${printable(originText(origin))}: ${paint(severity, severity)}${place}: ${printable(message)}${advice}`;
}

/** Findings by object, objects in the order of their first finding; those of a whole file first. */
export function groupByObject(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  return Map.groupBy(findings, (finding) => finding.object);
}

/** `2 errors, 1 warning`; '' if there is nothing. */
export function countText(findings: readonly Finding[]): string {
  return (['error', 'warning', 'info'] as const)
    .map((severity) => ({ severity, count: findings.filter((finding) => finding.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `${count} ${severity === 'info' ? 'note' : severity}${count === 1 ? '' : 's'}`)
    .join(', ');
}
