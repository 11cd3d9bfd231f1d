import type { Field } from './field.ts';
import { checkRe2, type Re2Facts } from './re2.ts';

/** Checks an RE2 expression; undefined where Envoy might not take it. */
export function checkRegex(field: Field, pattern: string): Re2Facts | undefined {
  const checked = checkRe2(pattern);
  if (checked.ok) return checked.value;
  return field.error(
    'bad-regex',
    `${JSON.stringify(pattern)} is no expression of RE2: it ${checked.error}`,
    'see https://github.com/google/re2/wiki/Syntax',
  );
}

/** Checks what stands for a match: a backslash begins the number of a group, or stands for itself if doubled. */
export function checkSubstitution(field: Field, text: string, groups: number): void {
  for (const [, char = ''] of text.matchAll(/\\([\s\S]?)/g)) {
    if (char === '\\') continue;
    if (!/^[0-9]$/.test(char))
      field.error('bad-substitution', 'has a backslash without the number of a group', 'double it to mean itself');
    else if (Number(char) > groups)
      field.error(
        'bad-substitution',
        `names group ${char}, which the expression has not`,
        'add "(...)" to the expression',
      );
  }
}
