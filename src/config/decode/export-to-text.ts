import type { ExportTo } from '../../model/export-to.ts';
import { readExportTo } from './export-to.ts';
import { Field } from './field.ts';

/** `exportTo` as a Service has it, in an annotation: namespaces with commas between (behaviour.md 7.7). */
export function readExportToText(field: Field, namespace: string): ExportTo {
  // What is no string was reported with the annotations.
  if (typeof field.value !== 'string') return 'all';
  const parts = field.value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const { value, clean } = field.report.attempt(() =>
    readExportTo(new Field(parts, field.path, field.report), namespace),
  );
  return clean ? value : 'all';
}
