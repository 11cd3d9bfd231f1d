import { contentVersion } from '../lib/hash.ts';

/** Names a key set without repeating it. */
export function keySetName(jwks: string): string {
  return contentVersion(Buffer.from(jwks));
}
