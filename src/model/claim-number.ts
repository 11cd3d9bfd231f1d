/** A text that a JSON number can be written as. */
export interface ClaimNumber {
  readonly value: number;
  /**
   * It's the spelling that the number has in JSON, and no other integer reads as the same number: Envoy keeps numbers as doubles, to
   * which 9007199254740993 is 9007199254740992.
   */
  readonly exact: boolean;
}

/** Reads a value of a policy as the number that a claim may hold (RFC 8259 section 6); undefined for every other text. */
export function claimNumber(text: string): ClaimNumber | undefined {
  if (!/^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/.test(text)) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  return { value, exact: String(value) === text && (!Number.isInteger(value) || Number.isSafeInteger(value)) };
}
