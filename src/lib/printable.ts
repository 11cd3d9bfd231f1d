const unprintable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced here
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;

/** Text from outside, made safe to show on one line of a terminal: nothing in it moves, turns or hides what stands there. */
export function printable(text: string): string {
  return text.replace(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
