import { text } from './json.ts';
import { sortRows, type View } from './view.ts';

/** Filters that came by extension config discovery (behaviour.md 8.2). */
export function extensionView(extensions: readonly unknown[]): View {
  const rows = extensions.map((extension) => [
    text(extension, 'name'),
    text(extension, 'typed_config', '@type').replace(/^type\.googleapis\.com\//, ''),
  ]);
  return { headers: ['ECDS NAME', 'TYPE'], rows: sortRows(rows) };
}
