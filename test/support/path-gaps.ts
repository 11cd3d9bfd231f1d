import type { HabitName, Mode } from './path-readings.ts';

/** One path for each mode, the weakest first; each goes on for the next ones until another is named. */
function paths(none: string, base = none, merge = base, decode = merge): Readonly<Record<Mode, string>> {
  return { NONE: none, BASE: base, MERGE_SLASHES: merge, DECODE_AND_MERGE_SLASHES: decode };
}

/** What the application gets for a target, where no policy has a say. `refused`: Envoy takes it for no request. */
export const normalized: Readonly<Record<string, Readonly<Record<Mode, string>>>> = {
  '/x/y': paths('/x/y'),
  '/x?y=/../z': paths('/x?y=/../z'),
  '/x#y': paths('refused'),
  '/X/Y': paths('/X/Y'),
  '/x;p=1/y': paths('/x;p=1/y'),
  '/x/y/': paths('/x/y/'),
  '/x/../y': paths('/x/../y', '/y'),
  '/x/./y': paths('/x/./y', '/x/y'),
  '/../y': paths('/../y', '/y'),
  '/x/%2e%2E/y': paths('/x/%2e%2E/y', '/y'),
  '/%78/%7E%2d': paths('/%78/%7E%2d', '/x/~-'),
  '/x%3f%3By': paths('/x%3f%3By'),
  '/x%00y': paths('/x%00y', 'refused'),
  '/x\\y': paths('/x\\y', '/x/y'),
  '/x\\..\\y': paths('/x\\..\\y', '/y'),
  '/x//y': paths('/x//y', '/x//y', '/x/y'),
  // Dot segments go first: `..` takes the empty segment between the slashes with it.
  '/x//../y': paths('/x//../y', '/x/y'),
  '/x%2Fy': paths('/x%2Fy', '/x%2Fy', '/x%2Fy', '/x/y'),
  '/x%5cy': paths('/x%5cy', '/x%5cy', '/x%5cy', '/x/y'),
  '/x/..%2fy': paths('/x/..%2fy', '/x/..%2fy', '/x/..%2fy', '/y'),
  '/x%252fy': paths('/x%252fy'),
  '/x%252e%252e/y': paths('/x%252e%252e/y'),
};

type Gaps = Readonly<Partial<Record<HabitName, readonly string[]>>>;

const admin = ['/admin*', '/admin', '/admin/{**}'] as const;
const secret = '/api/{*}/secret';
const places = ['/public/*', '/public/{**}'] as const;

/** No mode does these things for an application. */
const always: Gaps = {
  'cuts parameters': [...admin, secret, ...places, '*.txt'],
  'ignores case': [...admin, secret],
  'ignores dots and blanks at the end': ['/admin'],
  'ignores a slash at the end': ['/admin', secret, ...places],
};

const undecodedSlashes: Gaps = {
  'decodes everything twice': [...admin, secret, ...places],
  'decodes everything': [...admin, secret, ...places],
  'decodes slashes': [...admin, secret, ...places],
};

/**
 * Habits of applications that a mode doesn't promise to share, and the rules that such an application sees passed by, each
 * habit by itself. Where an application has one of them, use a mode that promises it, or say with ALLOW what is open.
 */
export const knownGaps: Readonly<Record<Mode, Gaps>> = {
  NONE: {
    'decodes everything twice': [...admin, secret],
    'decodes everything': [...admin, secret],
    'decodes letters, digits and marks': [...admin, secret],
    'decodes slashes': ['/admin/{**}', secret],
    'ends at a NUL': ['/admin', secret, '*.txt'],
    'cuts parameters': ['/admin', '/admin/{**}', secret, '*.txt'],
    'reads backslashes as slashes': ['/admin/{**}'],
    'merges slashes': [...admin, secret],
    'resolves dot segments': ['/admin*', '/admin', secret, ...places],
    'ignores case': [...admin, secret],
    'ignores dots and blanks at the end': ['/admin'],
    'ignores a slash at the end': ['/admin', secret, ...places],
  },
  BASE: { ...always, ...undecodedSlashes, 'merges slashes': [...admin, secret] },
  MERGE_SLASHES: { ...always, ...undecodedSlashes },
  DECODE_AND_MERGE_SLASHES: {
    ...always,
    'decodes everything twice': [...admin, ...places],
    'decodes everything': [...admin, ...places],
  },
};
