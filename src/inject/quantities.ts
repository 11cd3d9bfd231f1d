const number = String.raw`(?:\d{1,18}(?:\.\d{0,9})?|\.\d{1,9})`;
const cpu = new RegExp(`^${number}m?$`);
const memory = new RegExp(`^${number}(?:[kMGTPE]|[KMGTPE]i|e\\d{1,2})?$`);

/** A CPU quantity of Kubernetes: cores, or thousandths of one (`100m`). */
export function isCpu(text: string): boolean {
  return cpu.test(text);
}

/** A memory quantity of Kubernetes: bytes, with a decimal or binary suffix. */
export function isMemory(text: string): boolean {
  return memory.test(text);
}

/** A reference to an image: repository, then tag or digest or both. */
export function isImage(text: string): boolean {
  const host = String.raw`[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(?::\d{1,5})?`;
  const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
  const shape = new RegExp(
    `^(?:${host}/)?${part}(?:/${part})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
  );
  return text.length <= 512 && shape.test(text);
}
