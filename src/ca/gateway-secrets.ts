import { compareText } from '../model/object.ts';
import type { Layer, Resource } from '../model/resource.ts';
import type { Secret } from '../model/secret.ts';
import { type SecretSource, secretResourceName } from '../model/secret-source.ts';
import { credentialResource, type FindSecret, secretBehind } from './credential-secret.ts';

interface Made {
  readonly behind: Secret | 'files';
  readonly resource: Resource | undefined;
}

/**
 * The credentials of one view of routers, as a layer of SDS resources. It holds what the view's chains name and no other
 * Secret of the namespace. A Secret that changed is one other resource, so that a renewal sends that one and nothing else; where
 * none changed, the layer is the same object.
 */
export class GatewaySecrets {
  readonly #key: string;
  #made = new Map<string, Made>();
  #layer: Layer;

  constructor(view: string) {
    this.#key = `secrets/gateway/${view}`;
    this.#layer = { key: this.#key, resources: new Map() };
  }

  /** `find` must know the Secrets of the proxies' own namespace alone. */
  update(sources: readonly SecretSource[], find: FindSecret): Layer {
    const made = new Map<string, Made>();
    for (const source of sources) {
      const behind = secretBehind(source, find);
      if (behind === undefined) continue;
      const name = secretResourceName(source);
      const known = this.#made.get(name);
      made.set(name, known?.behind === behind ? known : { behind, resource: anew(source, behind, known?.resource) });
    }
    this.#made = made;
    const resources = [...made]
      .sort(([a], [b]) => compareText(a, b))
      .flatMap(([name, { resource }]) => (resource === undefined ? [] : [[name, resource] as const]));
    const before = this.#layer.resources;
    const same =
      resources.length === before.size && resources.every(([name, resource]) => before.get(name) === resource);
    if (!same) this.#layer = { key: this.#key, resources: new Map(resources) };
    return this.#layer;
  }
}

/** The resource of a Secret that is another object now; the one that was, where it means the same. */
function anew(source: SecretSource, behind: Secret | 'files', known: Resource | undefined): Resource | undefined {
  const resource = credentialResource(source, behind);
  return resource !== undefined && resource.version === known?.version ? known : resource;
}
