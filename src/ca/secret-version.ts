import { createHmac, timingSafeEqual } from 'node:crypto';
import { spiffeId, type WorkloadIdentity } from '../model/ids.ts';
import type { Authority } from './authority.ts';

/** What is known of a workload certificate without its bytes. Times are ms since the epoch, whole seconds. */
export interface SecretGeneration {
  readonly serial: Uint8Array;
  readonly notAfter: number;
  readonly renewAt: number;
}

/** Writes and reads the xDS version of a workload's certificate. */
export interface VersionSeal {
  seal(generation: SecretGeneration, identity: WorkloadIdentity): string;
  /** undefined for what we didn't seal: for another identity, under another signing certificate, or by a stranger. */
  open(version: string, identity: WorkloadIdentity): SecretGeneration | undefined;
}

const timeBytes = 5;
const serialAt = 2 * timeBytes;
const macAt = serialAt + 16;
const length = macAt + 16;

/**
 * A certificate is the one resource whose version can't be the hash of its content: after a restart the control plane
 * has no copy to hash. So the version tells what must be known to leave the certificate with its owner (until when, and
 * when to renew), sealed with a secret of the authority, identity and signing certificate included: a version from
 * before a restart is believed exactly if this authority would still stand by it.
 */
export function createVersionSeal(authority: Authority): VersionSeal {
  const key = authority.derive('secret version');
  const mac = (payload: Uint8Array, identity: WorkloadIdentity): Buffer =>
    createHmac('sha256', key.reveal())
      .update(`${authority.fingerprint} ${spiffeId(identity)} `)
      .update(payload)
      .digest()
      .subarray(0, length - macAt);
  return {
    seal({ serial, notAfter, renewAt }, identity) {
      const bytes = Buffer.alloc(length);
      bytes.writeUIntBE(notAfter / 1000, 0, timeBytes);
      bytes.writeUIntBE(renewAt / 1000, timeBytes, timeBytes);
      bytes.set(serial, serialAt);
      bytes.set(mac(bytes.subarray(0, macAt), identity), macAt);
      return bytes.toString('base64url');
    },
    open(version, identity) {
      const bytes = Buffer.from(version, 'base64url');
      // The decoder skips what it doesn't know; only what it would write itself counts.
      if (bytes.length !== length || bytes.toString('base64url') !== version) return undefined;
      if (!timingSafeEqual(mac(bytes.subarray(0, macAt), identity), bytes.subarray(macAt))) return undefined;
      return {
        serial: new Uint8Array(bytes.subarray(serialAt, macAt)),
        notAfter: bytes.readUIntBE(0, timeBytes) * 1000,
        renewAt: bytes.readUIntBE(timeBytes, timeBytes) * 1000,
      };
    },
  };
}
