import { printable } from '../lib/printable.ts';
import type { Finding, Severity } from '../model/finding.ts';
import { findingWords } from '../model/finding-words.ts';
import { originText } from '../model/object.ts';

/** One finding on one line: `path:line: error field: message (hint: …)`, the form that editors and CI turn into links. */
export function findingText(
  finding: Finding,
  paint: (severity: Severity, text: string) => string = (_severity, text) => text,
): string {
  const { severity, origin, field } = finding;
  const gap = field === '' ? ': ' : ' ';
  return `${printable(originText(origin))}: ${paint(severity, severity)}${gap}${findingWords(finding)}`;
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
