/** Ways in which applications read the path that they get. What a policy must match depends on which of them a mode does first. */

type Habit = (path: string) => string;

/** Percent-encodings of characters that `which` names, taken off. */
function decode(path: string, which: (byte: number) => boolean): string {
  return path.replace(/%([0-9a-f]{2})/gi, (text, hex: string) => {
    const byte = Number.parseInt(hex, 16);
    return which(byte) ? String.fromCharCode(byte) : text;
  });
}

const isSlash = (byte: number): boolean => byte === 0x2f || byte === 0x5c;
const isUnreserved = (byte: number): boolean => /[-A-Za-z0-9._~]/.test(String.fromCharCode(byte));

/** RFC 3986 section 5.2.4, on a path that may have doubled slashes; these are segments. */
function withoutDots(path: string): string {
  if (!path.startsWith('/')) return path;
  const kept: string[] = [];
  const segments = path.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (last) kept.push('');
  }
  return `/${kept.join('/')}`;
}

/** In the order in which an application does them: decoding, then splitting, then comparing. */
const habits = {
  'decodes everything twice': (path) =>
    decode(
      decode(path, () => true),
      () => true,
    ),
  'decodes everything': (path) => decode(path, () => true),
  'decodes letters, digits and marks': (path) => decode(path, isUnreserved),
  'decodes slashes': (path) => decode(path, isSlash),
  'ends at a NUL': (path) => path.replace(/(\0|%00).*$/s, ''),
  'cuts parameters': (path) => path.replace(/;[^/]*/g, ''),
  'reads backslashes as slashes': (path) => path.replaceAll('\\', '/'),
  'merges slashes': (path) => path.replace(/\/{2,}/g, '/'),
  'resolves dot segments': withoutDots,
  'ignores case': (path) => path.toLowerCase(),
  'ignores dots and blanks at the end': (path) => path.replace(/(?<=.)([.\s]|%20)+$/, ''),
  'ignores a slash at the end': (path) => path.replace(/(?<=.)\/+$/, ''),
} as const satisfies Readonly<Record<string, Habit>>;

export type HabitName = keyof typeof habits;

const names = Object.keys(habits).filter((name): name is HabitName => name in habits);
export const allHabits: readonly HabitName[] = names;

/** The path that an application with these habits takes a target for, without query and fragment. */
export function read(target: string, with_: ReadonlySet<HabitName>): string {
  const path = target.replace(/[?#].*$/s, '');
  return names.reduce((text, name) => (with_.has(name) ? habits[name](text) : text), path);
}

const base = ['decodes letters, digits and marks', 'reads backslashes as slashes', 'resolves dot segments'] as const;

/**
 * What each mode promises to have done (behaviour.md 3.5): an application with these habits reads the path that the policy
 * saw. That BASE takes encodings off letters, digits, `-`, `.`, `_` and `~` is Envoy's way (RFC 3986 section 6.2.2.2).
 */
export const promises = {
  NONE: [],
  BASE: base,
  MERGE_SLASHES: [...base, 'merges slashes'],
  DECODE_AND_MERGE_SLASHES: [...base, 'merges slashes', 'decodes slashes'],
} as const satisfies Readonly<Record<string, readonly HabitName[]>>;

export type Mode = keyof typeof promises;
