import { hash } from 'node:crypto';

/**
 * Content version of some bytes: 12 characters of base64url (72 bits of SHA-256), the same on every replica. Short,
 * because each Envoy sends all of them back when it reconnects (`initial_resource_versions`).
 */
export function contentVersion(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url').slice(0, 12);
}
