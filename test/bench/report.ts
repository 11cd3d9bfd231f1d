import type { Goal, Row } from './figures.ts';

const columns = [
  'scenario',
  'touched',
  'bytes',
  'resources',
  'server CPU',
  'last ACK',
  'peak RSS',
  'floor CPU · ACK',
  'clients CPU',
];

/** Each row as text: a figure, its goal, and whether it is reached. */
export function table(rows: readonly Row[]): string {
  return grid(columns, rows.map(cellsOf));
}

/** Columns as wide as they must be; all but the first to the right. */
export function grid(columns: readonly string[], cells: readonly (readonly string[])[]): string {
  const widths = columns.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return [line(columns), widths.map((width) => '─'.repeat(width)).join('  '), ...cells.map(line)].join('\n');
}

/** The figures that miss their goal, in words. */
export function missed(rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ title, goal, figures }) =>
    (Object.keys(goal) as (keyof Goal)[]).flatMap((key) => {
      const [got, want] = [figures[key], goal[key]];
      return got === undefined || want === undefined || reached(key, got, want)
        ? []
        : [`${title}: ${words[key](got)}, goal ${words[key](want)} (× ${(got / want).toFixed(2)})`];
    }),
  );
}

const words: Readonly<Record<keyof Goal, (value: number) => string>> = {
  touched: (value) => `${value} touched`,
  bytes,
  cpuSeconds: (value) => `${seconds(value)} of CPU`,
  lastAckMs: (value) => `last ACK after ${ms(value)}`,
  lagP50Ms: (value) => `lag p50 ${ms(value)}`,
  lagMaxMs: (value) => `lag max ${ms(value)}`,
  rss: (value) => `${bytes(value)} resident`,
};

function cellsOf({ title, goal, figures, floor }: Row): readonly string[] {
  const lag = figures.lagP50Ms !== undefined;
  const resources = Object.entries(figures.resources ?? {}).map(([type, count]) => `${type} ${count}`);
  const ratio = (ours: number | undefined, bare: number): string => `${((ours ?? 0) / bare).toFixed(1)}×`;
  return [
    title,
    cell('touched', figures.touched, goal.touched, String),
    cell('bytes', figures.bytes, goal.bytes, bytes),
    resources.join(' ') || (figures.resources === undefined ? '' : 'none'),
    cell('cpuSeconds', figures.cpuSeconds, goal.cpuSeconds, seconds),
    lag
      ? `p50 ${cell('lagP50Ms', figures.lagP50Ms, goal.lagP50Ms, ms)} max ${cell('lagMaxMs', figures.lagMaxMs, goal.lagMaxMs, ms)}`
      : cell('lastAckMs', figures.lastAckMs, goal.lastAckMs, ms),
    figures.rss === undefined
      ? cell('rss', figures.peakRss, undefined, bytes)
      : cell('rss', figures.rss, goal.rss, bytes),
    floor === undefined
      ? ''
      : `${seconds(floor.cpuSeconds)} ${ratio(figures.cpuSeconds, floor.cpuSeconds)} · ${ms(floor.lastAckMs)} ${ratio(figures.lastAckMs, floor.lastAckMs)}`,
    figures.clientCpuSeconds === undefined ? '' : seconds(figures.clientCpuSeconds),
  ];
}

function cell(
  key: keyof Goal,
  got: number | undefined,
  want: number | undefined,
  text: (value: number) => string,
): string {
  if (got === undefined) return '';
  if (want === undefined) return text(got);
  const [sign, relation] = [reached(key, got, want) ? '✓' : '✗', key === 'touched' ? '=' : '≤'];
  return `${text(got)} (${relation} ${text(want)}) ${sign}`;
}

function reached(key: keyof Goal, got: number, want: number): boolean {
  return key === 'touched' ? got === want : got <= want;
}

export function bytes(value: number): string {
  return value >= 1e6
    ? `${(value / 1e6).toFixed(value >= 1e8 ? 0 : 2)} MB`
    : value >= 1e3
      ? `${(value / 1e3).toFixed(1)} kB`
      : `${value} B`;
}

export function seconds(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : 2)} s`;
}

export function ms(value: number): string {
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)} s` : `${value.toFixed(value < 100 ? 1 : 0)} ms`;
}
