import { isRecord } from '../lib/is-record.ts';
import { toDocument } from './documents.ts';
import type { ManifestDocument } from './manifest-document.ts';
import type { ServiceSpec } from './pod-plan.ts';

/** A Service as an API server holds it: with the address that it was given. */
export function withAddress(document: ManifestDocument, service: ServiceSpec): ManifestDocument {
  const spec = isRecord(document.value['spec']) ? document.value['spec'] : {};
  if (service.address === undefined || spec['clusterIP'] === service.address) return document;
  return toDocument(document.file, { ...document.value, spec: { ...spec, clusterIP: service.address } });
}
