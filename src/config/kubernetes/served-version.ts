import type { KubeClient } from '../../kube/client.ts';
import { ifFound } from '../../kube/if-found.ts';
import { isRecord } from '../../lib/is-record.ts';
import { objectsIn, textIn } from '../../lib/json-fields.ts';
import type { WatchedKind } from './kinds.ts';

/** Asks a Kubernetes API what it serves (its discovery documents). Kinds that ask at the same time share an answer. */
export class Discovery {
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;
  readonly #asked = new Map<string, Promise<unknown>>();

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /**
   * The version in which to read a kind: the newest that our readers know, else any that is served, as its objects are
   * better refused one by one than not seen. Undefined where the server has no such kind. Throws when it can't tell.
   */
  async versionOf({ group, plural, versions }: WatchedKind): Promise<string | undefined> {
    const served = namesIn(await this.#ask(`/apis/${group}`), 'versions', 'version');
    const ordered = [...versions.filter((each) => served.includes(each)), ...served];
    for (const version of new Set(ordered)) {
      const resources = namesIn(await this.#ask(`/apis/${group}/${version}`), 'resources', 'name');
      if (resources.includes(plural)) return version;
    }
    return undefined;
  }

  /** The document at this path; undefined where there is none. */
  async #ask(path: string): Promise<unknown> {
    const known = this.#asked.get(path);
    if (known !== undefined) return await known;
    const answer = ifFound(this.#client.request('GET', path, { signal: this.#signal }));
    this.#asked.set(path, answer);
    try {
      return await answer;
    } finally {
      this.#asked.delete(path);
    }
  }
}

/** The string `field` of each item of a list in the document. */
function namesIn(document: unknown, list: string, field: string): readonly string[] {
  const items = isRecord(document) ? objectsIn(document, list) : [];
  return items.map((item) => textIn(item, field)).filter((name) => name !== '');
}
