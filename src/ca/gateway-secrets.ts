import { type FindSecret, secretBehind } from '../model/credential.ts';
import type { Credentials } from '../model/credentials.ts';
import { compareText } from '../model/object.ts';
import type { Layer, Resource } from '../model/resource.ts';
import type { Secret } from '../model/secret.ts';
import { type SecretSource, secretResourceName } from '../model/secret-source.ts';
import { credentialResource } from './credential-secret.ts';

const empty: Layer = { key: 'secrets/gateway', resources: new Map() };

/**
 * The credentials of routers, as layers of SDS resources. A layer holds what the chains of a view name and no other Secret of the
 * namespace. Each Secret is one resource whoever reads it, so that a renewal sends that one alone; and what nobody holds any
 * more is forgotten with it.
 */
export class GatewaySecrets {
  readonly #layers = new WeakMap<Credentials, Layer>();
  readonly #resources = new WeakMap<Secret, Map<string, Resource | undefined>>();

  /** `find` must know the Secrets of the credentials' own namespace alone. */
  layer(credentials: Credentials, find: FindSecret): Layer {
    if (credentials.entries.length === 0) return empty;
    const known = this.#layers.get(credentials);
    if (known !== undefined) return known;
    const resources = credentials.entries.flatMap(({ source }) => this.#resource(source, find) ?? []);
    resources.sort((a, b) => compareText(a.name, b.name));
    const layer = { key: empty.key, resources: new Map(resources.map((each) => [each.name, each])) };
    this.#layers.set(credentials, layer);
    return layer;
  }

  #resource(source: SecretSource, find: FindSecret): Resource | undefined {
    const behind = secretBehind(source, find);
    if (behind === undefined) return undefined;
    if (behind === 'files') return credentialResource(source, behind);
    const known = this.#resources.get(behind) ?? new Map<string, Resource | undefined>();
    this.#resources.set(behind, known);
    const name = secretResourceName(source);
    const resource = known.get(name) ?? credentialResource(source, behind);
    known.set(name, resource);
    return resource;
  }
}
