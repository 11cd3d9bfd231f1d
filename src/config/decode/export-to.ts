import type { ExportTo } from '../../model/export-to.ts';
import type { Field } from './field.ts';

const namespaceName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/**
 * Reads `exportTo` of a networking object in `namespace`: `.` is that namespace, `*` every one, `~` none (behaviour.md 4.5).
 * Absent or empty is every one.
 */
export function readExportTo(field: Field, namespace: string): ExportTo {
  const items = field.items() ?? [];
  const values = items.flatMap((item) => readNamespace(item) ?? []);
  if (items.length === 0 || values.includes('*')) {
    if (values.length > 1) field.error('mixed-export', '"*" already means every namespace', 'remove the others');
    return 'all';
  }
  if (values.includes('~')) {
    if (values.length > 1) field.error('mixed-export', '"~" means no namespace at all', 'remove it, or the others');
    return [];
  }
  return [...new Set(values.map((value) => (value === '.' ? namespace : value)))].sort();
}

function readNamespace(item: Field): string | undefined {
  item.refuseNull('a namespace');
  const text = item.text();
  if (text === undefined || ['*', '.', '~'].includes(text) || (text.length <= 63 && namespaceName.test(text)))
    return text;
  return item.error(
    'bad-namespace',
    `${JSON.stringify(text)} is no namespace`,
    'write a namespace, "." for this one, or "*"',
  );
}
