import type { KubeClient } from '../../kube/client.ts';
import { ifFound } from '../../kube/if-found.ts';
import { MeshError } from '../../lib/errors.ts';
import { isRecord } from '../../lib/is-record.ts';

/** A kind as the API server serves it. */
export interface RestKind {
  /** `/api/v1` or `/apis/GROUP/VERSION`. */
  readonly base: string;
  /** Plural name. */
  readonly resource: string;
  readonly namespaced: boolean;
}

/** Finds out from the API server where objects of a kind are (API discovery), and remembers it. */
export class RestMapper {
  readonly #client: KubeClient;
  readonly #known = new Map<string, RestKind>();
  readonly #asked = new Map<string, Promise<void>>();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** Throws `not-found` where the server knows no such kind. */
  async find(apiVersion: string, kind: string): Promise<RestKind> {
    const key = `${apiVersion} ${kind}`;
    if (!this.#known.has(key)) {
      const asked = this.#asked.get(apiVersion) ?? this.#discover(apiVersion);
      this.#asked.set(apiVersion, asked);
      // A kind that was not there may come; who asks later asks again.
      await asked.finally(() => this.#asked.delete(apiVersion));
    }
    const found = this.#known.get(key);
    if (found !== undefined) return found;
    throw new MeshError('not-found', `no kind ${kind} in ${apiVersion}`, {
      hint: 'is its CustomResourceDefinition installed?',
    });
  }

  /** Path of one object. */
  async path(object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  }): Promise<string> {
    const { base, resource, namespaced } = await this.find(object.apiVersion, object.kind);
    const scope = namespaced ? `/namespaces/${object.namespace}` : '';
    return `${base}${scope}/${resource}/${object.name}`;
  }

  async #discover(apiVersion: string): Promise<void> {
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const answer = await ifFound(this.#client.request('GET', base));
    const resources = isRecord(answer) ? answer['resources'] : undefined;
    if (!Array.isArray(resources)) return;
    for (const each of resources) {
      if (!isRecord(each)) continue;
      const { name, kind, namespaced } = each;
      if (typeof name !== 'string' || typeof kind !== 'string' || name.includes('/')) continue;
      this.#known.set(`${apiVersion} ${kind}`, { base, resource: name, namespaced: namespaced === true });
    }
  }
}
