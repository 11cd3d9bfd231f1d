import { ownText } from './own-text.ts';

const maxSegments = 6;
const maxClassSegment = 40;
const maxPath = 256;

/**
 * The path without its query, and without what a caller may have hidden elsewhere in it: fragments and the parameters of
 * segments (`;jsessionid=…`) go too, because tokens are sent in both, also where somebody encoded the sign before them.
 */
function segments(path: string): readonly string[] {
  const [bare = ''] = path.split(/[?#]|%3f|%23/i, 1);
  return bare.split('/').map((segment) => segment.split(/;|%3b/i, 1)[0] ?? '');
}

/** A path as an example shows it: printable, no query, and nothing that may be a secret in a segment. */
export function examplePath(path: string): string {
  const shown = segments(path.slice(0, 8_192))
    .map((segment) => (looksSecret(segment) ? '{token}' : segment))
    .join('/');
  return ownText(shown, maxPath);
}

/**
 * What paths have in common that lead to one thing: numbers and other names of single objects are one class, `/users/{id}`.
 * Deep paths end in `**`, so that a caller who invents paths doesn't invent classes without end.
 */
export function pathClass(path: string): string {
  const all = segments(path.slice(0, 2_048));
  const shown = all
    .slice(0, maxSegments + 1)
    .map((segment) => (looksLikeId(segment) ? '{id}' : ownText(segment, maxClassSegment)));
  return all.length > maxSegments + 1 ? [...shown, '**'].join('/') : shown.join('/');
}

const uuid = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;

function looksLikeId(segment: string): boolean {
  return (
    /^\d+$/.test(segment) ||
    uuid.test(segment) ||
    (/\d/.test(segment) && (/^[0-9a-f]{8,}$/i.test(segment) || segment.length >= 16)) ||
    segment.length > maxClassSegment
  );
}

/**
 * Longer than a word, with digits and letters mixed as in no name, or longer than any name. A UUID as it is usually written names an
 * object; without its dashes it may as well be somebody's key.
 */
function looksSecret(segment: string): boolean {
  if (uuid.test(segment) && segment.includes('-')) return false;
  const mixed = /\d/.test(segment) && /[a-z]/i.test(segment);
  return segment.length >= 40 || (segment.length >= 20 && mixed) || /^eyJ[\w-]+/.test(segment);
}
