import type { Field } from './field.ts';

const maxBytes = 16_384;

/** A text that Envoy puts into a header: no control characters, and not too long, or it refuses everything around it. */
export function readHeaderText(field: Field): string | undefined {
  const text = field.string();
  if (text === undefined) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for.
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text))
    return field.error('bad-text', 'holds a control character, which no header can', 'remove it');
  if (Buffer.byteLength(text) > maxBytes)
    return field.error('too-long', `is longer than ${maxBytes} bytes`, 'shorten it');
  return text;
}
