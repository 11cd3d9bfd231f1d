import { printable } from '../lib/printable.ts';

/**
 * A text that others sent, to be kept: printable, of bounded length, and copied. V8 cuts a text by pointing into the one that it was cut
 * from, so a few letters of a message would otherwise hold on to all of it, and to the secrets around them.
 */
export function ownText(text: string, most: number): string {
  const shown = printable(text.slice(0, most));
  const whole = text.length <= most && shown.length <= most;
  return Buffer.from(whole ? shown : `${shown.slice(0, most - 1)}…`).toString();
}
