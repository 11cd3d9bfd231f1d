import { type Brand, brand } from '../lib/brand.ts';
import { err, ok, type Result } from '../lib/result.ts';

export type TrustDomain = Brand<string, 'TrustDomain'>;
export type SpiffeId = Brand<string, 'SpiffeId'>;
/** Names one view: the group of proxies that must get equal configuration. */
export type ViewId = Brand<string, 'ViewId'>;
/** A full protobuf type URL, `type.googleapis.com/…`. */
export type TypeUrl = Brand<string, 'TypeUrl'>;

export const trustDomain = (value: string): TrustDomain => brand<TrustDomain>(value);
export const viewId = (value: string): ViewId => brand<ViewId>(value);
export const typeUrl = (value: string): TypeUrl => brand<TypeUrl>(value);

/** The parts of a workload's SPIFFE ID. */
export interface WorkloadIdentity {
  readonly trustDomain: TrustDomain;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>` (product.md, SPIFFE-ID section 2). */
export function spiffeId(identity: WorkloadIdentity): SpiffeId {
  return brand<SpiffeId>(`spiffe://${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`);
}

const spiffePattern = /^spiffe:\/\/([a-z0-9._-]+)\/ns\/([A-Za-z0-9._-]+)\/sa\/([A-Za-z0-9._-]+)$/;

/** Reads a workload's SPIFFE ID; anything but the exact five-part form is refused (SPIFFE-ID section 2). */
export function parseSpiffeId(value: string): Result<WorkloadIdentity, string> {
  const match = spiffePattern.exec(value);
  if (match === null)
    return err(
      `not a workload SPIFFE ID (want spiffe://<trust domain>/ns/<namespace>/sa/<service account>): ${JSON.stringify(value)}`,
    );
  const [, domain = '', namespace = '', serviceAccount = ''] = match;
  return ok({ trustDomain: trustDomain(domain), namespace, serviceAccount });
}
