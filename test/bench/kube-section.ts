import { grid } from './report.ts';

/** A table of its own: what is measured against a Kubernetes API has other columns than the world of a thousand clients. */
export interface Section {
  readonly id: string;
  readonly title: string;
  /** Titles of the columns; the first one names the row. */
  readonly columns: readonly string[];
  readonly cells: readonly (readonly string[])[];
  /** What one must know to read the figures. */
  readonly notes: readonly string[];
  /** The figures as numbers, for `--json`. */
  readonly figures: unknown;
}

export function sectionText({ title, columns, cells, notes }: Section): string {
  return [title, '', grid(columns, cells), ...notes.map((note) => `· ${note}`)].join('\n');
}
