import { establishedReason } from '../../install/crd-state.ts';
import { pollUntil } from '../../install/poll.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { MeshError } from '../../lib/errors.ts';
import { isRecord } from '../../lib/is-record.ts';
import { pause } from '../../lib/pause.ts';
import type { RestMapper } from './rest-mapper.ts';

/** An object to apply: its manifest, and what names it. */
export interface ApplyObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** kubectl's own, so that `kubectl apply --server-side` of the same objects owns the same fields. */
const fieldManager = 'kubectl';
const patienceMs = 20_000;

/** What must be there before the rest, in this order; all else comes last. */
const phases: readonly ReadonlySet<string>[] = [
  new Set(['Namespace', 'CustomResourceDefinition']),
  new Set([
    'ServiceAccount',
    'ConfigMap',
    'Secret',
    'Service',
    'Role',
    'ClusterRole',
    'RoleBinding',
    'ClusterRoleBinding',
  ]),
];

/**
 * Applies objects as `kubectl apply --server-side` does, and remembers, by the name of a file, which ones: what a file no
 * longer holds is deleted, as if the cluster followed a folder.
 */
export class Applied {
  readonly #client: KubeClient;
  readonly #mapper: RestMapper;
  readonly #clock: Clock;
  readonly #files = new Map<string, ReadonlySet<string>>();

  constructor(client: KubeClient, mapper: RestMapper, clock: Clock) {
    this.#client = client;
    this.#mapper = mapper;
    this.#clock = clock;
  }

  /** Names of the files whose objects are there. */
  get files(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  /** Applies all these objects, in an order in which they can be. */
  async apply(objects: readonly ApplyObject[]): Promise<readonly string[]> {
    const paths: string[] = [];
    const phaseOf = ({ kind }: ApplyObject): number => phases.findIndex((each) => each.has(kind));
    for (const phase of [...phases.keys(), -1]) {
      const now = objects.filter((each) => phaseOf(each) === phase);
      paths.push(...(await Promise.all(now.map((each) => this.#applyOne(each)))));
    }
    return paths;
  }

  /** Puts objects in the place of those that their files held. */
  async write(files: readonly { readonly file: string; readonly documents: readonly ApplyObject[] }[]): Promise<void> {
    const next = await Promise.all(
      files.map(async ({ file, documents }) => ({
        file,
        before: this.#files.get(file) ?? new Set<string>(),
        paths: new Set(await Promise.all(documents.map((each) => this.#path(each)))),
      })),
    );
    // Held before it is tried: what is half applied when one of them is refused must not be forgotten.
    for (const { file, before, paths } of next) this.#files.set(file, new Set([...before, ...paths]));
    await this.apply(files.flatMap((each) => each.documents));
    const kept = new Set(next.flatMap((each) => [...each.paths]));
    const left = next.flatMap(({ before }) => [...before].filter((path) => !kept.has(path)));
    await Promise.all(left.map((path) => this.#client.remove(path)));
    for (const { file, paths } of next) {
      if (paths.size === 0) this.#files.delete(file);
      else this.#files.set(file, paths);
    }
  }

  /** Deletes the objects of a file. */
  async remove(file: string): Promise<void> {
    const paths = this.#files.get(file) ?? new Set<string>();
    await Promise.all([...paths].map((path) => this.#client.remove(path)));
    this.#files.delete(file);
  }

  #path({ kind, namespace, name, value }: ApplyObject): Promise<string> {
    return this.#mapper.path({ apiVersion: String(value['apiVersion']), kind, namespace, name });
  }

  async #applyOne(object: ApplyObject): Promise<string> {
    const path = await this.#path(object);
    const { namespaced } = await this.#mapper.find(String(object.value['apiVersion']), object.kind);
    const body = namespaced ? object.value : withoutNamespace(object.value);
    const deadline = this.#clock.now() + patienceMs;
    for (;;) {
      try {
        await this.#client.apply(path, body, { fieldManager, force: true });
        break;
      } catch (thrown) {
        // A new namespace gets its default service account from a controller, in its own time.
        const early =
          thrown instanceof MeshError &&
          /error looking up service account|serviceaccount "default" not found/.test(thrown.message);
        if (!early || this.#clock.now() >= deadline) throw thrown;
        await pause(this.#clock, 50);
      }
    }
    if (object.kind === 'CustomResourceDefinition') await this.#established(path);
    return path;
  }

  async #established(path: string): Promise<void> {
    const patience = { clock: this.#clock, timeoutMs: patienceMs, intervalMs: 100 };
    await pollUntil(path, patience, async () => establishedReason(await this.#client.get(path)));
  }
}

function withoutNamespace(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (!isRecord(value['metadata'])) return value;
  const { namespace: _, ...metadata } = value['metadata'];
  return { ...value, metadata };
}
