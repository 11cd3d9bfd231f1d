import { MeshError } from '../lib/errors.ts';
import { serviceAddress } from './addressing.ts';
import { documentFile, type ManifestDocument } from './manifest-document.ts';
import type { ServiceSpec } from './pod-plan.ts';
import type { ConfigChange } from './protocol.ts';
import { withAddress } from './with-address.ts';
import { readService, readWorkload } from './workloads.ts';

/** What applying these objects means: one file for each, and an address for each service. */
export function configChanges(
  documents: readonly ManifestDocument[],
  services: readonly ServiceSpec[],
): readonly ConfigChange[] {
  const known = [...services];
  return documents.map((document) => {
    if (document.kind !== 'Pod' && readWorkload(document) === undefined) {
      const file = documentFile(document);
      const service = document.kind === 'Service' ? readService(document, addressFor(document, known)) : undefined;
      if (service === undefined) return { kind: 'write', file, text: document.text };
      known.push(service);
      return { kind: 'write', file, text: withAddress(document, service).text, service };
    }
    throw new MeshError('bad-argument', `${document.kind} ${document.name}: a running sandbox takes no new pods`, {
      hint: 'add it to the manifests and start the sandbox again',
    });
  });
}

/** Takes a file out; if it held a service, its address and names go too. */
export function removal(file: string, services: readonly ServiceSpec[]): ConfigChange {
  const service = services.find(({ name, namespace }) => documentFile({ kind: 'Service', namespace, name }) === file);
  return {
    kind: 'remove',
    file,
    ...(service === undefined ? {} : { service: { name: service.name, namespace: service.namespace } }),
  };
}

function addressFor(document: ManifestDocument, services: readonly ServiceSpec[]): string {
  const same = services.find((each) => each.name === document.name && each.namespace === document.namespace);
  if (same?.address !== undefined) return same.address;
  const taken = new Set(services.map((each) => each.address));
  for (let index = 0; ; index += 1) {
    const address = serviceAddress(index);
    if (!taken.has(address)) return address;
  }
}
