import type { OutputFormat } from '../output.ts';

/** Flags of `authz explain`. */
export interface ExplainFlags {
  readonly from: string;
  readonly to: string;
  readonly method: string;
  readonly path: string;
  readonly header: readonly (readonly [string, string])[];
  readonly host?: string;
  readonly jwtClaim?: Readonly<Record<string, unknown>>;
  readonly jwt?: string;
  readonly sni?: string;
  readonly tcp?: true;
  readonly plaintext?: true;
  readonly file?: readonly string[];
  readonly mesh?: string;
  readonly admin?: string;
  readonly sandbox?: string;
  readonly output: OutputFormat;
}
