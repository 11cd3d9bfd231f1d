/** Ends a switch over a closed union: a new member becomes a compile error here, never a silent default. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
