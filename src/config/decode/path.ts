/** Where a value stands in its document: object keys and list indexes from the root. */
export type Path = readonly (string | number)[];

const plainKey = /^[A-Za-z0-9_-]+$/;

/** `spec.rules[0].to[1].operation`; a key that isn't a plain word is quoted: `metadata.labels["app.kubernetes.io/name"]`. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!plainKey.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}
