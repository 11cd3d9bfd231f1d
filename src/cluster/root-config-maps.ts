import type { KubeClient } from '../kube/client.ts';
import type { Duty } from '../kube/duty.ts';
import { isKubeObject, type KubeObject } from '../kube/object.ts';
import type { ReflectEvent } from '../kube/reflector.ts';
import { MeshError } from '../lib/errors.ts';
import { contentVersion } from '../lib/hash.ts';
import { isRecord } from '../lib/is-record.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import { fieldManagers, rootConfigMapLabel, rootConfigMapName } from '../model/cluster-names.ts';
import type { Labels } from '../model/object.ts';
import { followAll } from './follow-all.ts';
import { KeyedWork } from './keyed-work.ts';

const rootKey = 'root-cert.pem';
/** Shorter than what a leader has to end its duties. */
const timeoutMs = 4_000;

export interface RootConfigMapOptions extends Surroundings {
  readonly client: KubeClient;
  /** The mesh's roots now, PEM. */
  readonly roots: () => readonly string[];
  /** Whether a namespace with these labels belongs to the mesh. */
  readonly selected: (labels: Labels) => boolean;
  /** Calls back when `roots` or `selected` have other answers than before. */
  readonly changed?: (listener: () => void) => Disposable;
  /** Writes at once; 8 by default. */
  readonly parallel?: number;
}

/**
 * The mesh's root in each selected namespace, as ConfigMap `istio-ca-root-cert` (behaviour.md section 6.4): pods verify the
 * control plane with it. A duty of the leader: what is missing or was edited is put right by server-side apply, which
 * leaves the keys of others alone; what is right is not written; what we wrote goes when its namespace is deselected.
 */
export function rootConfigMaps(options: RootConfigMapOptions): Duty {
  return async (signal) => {
    const { client, clock, random, log } = options;
    const source = { client, clock, random, log };
    await using maps = new RootConfigMaps(options);
    using _changed = options.changed?.(() => maps.checkAll());
    const fieldSelector = `metadata.name=${rootConfigMapName}`;
    await followAll(signal, [
      {
        options: { ...source, path: '/api/v1/namespaces', trim: trimNamespace },
        take: (event) => maps.namespace(event),
      },
      {
        options: { ...source, path: '/api/v1/configmaps', fieldSelector, trim: trimConfigMap },
        take: (event) => maps.configMap(event),
      },
    ]);
  };
}

/** What is held of one ConfigMap. */
interface Known {
  readonly uid: string | undefined;
  /** Hash of the root in it; '' without one. */
  readonly root: string;
  readonly labelled: boolean;
  /** Whether we wrote the root that is in it. */
  readonly ours: boolean;
  /** Whether it holds anything else. */
  readonly shared: boolean;
  /** Whether it can't be edited any more: who may write there could keep a foreign root in it that way. */
  readonly immutable: boolean;
}

/** What there is, what there should be, and the work that makes them one. */
export class RootConfigMaps implements AsyncDisposable {
  readonly #options: RootConfigMapOptions;
  readonly #work: KeyedWork;
  /** Labels of those that live and aren't being deleted. */
  readonly #namespaces = new Map<string, Labels>();
  readonly #configMaps = new Map<string, Known>();
  readonly #synced = { namespaces: false, configMaps: false };

  constructor(options: RootConfigMapOptions) {
    this.#options = options;
    this.#work = new KeyedWork({
      ...options,
      parallel: options.parallel ?? 8,
      run: (name, signal) => this.#reconcile(name, signal),
    });
  }

  namespace(event: ReflectEvent): void {
    if (event.type === 'put') {
      const { name, labels = {} } = event.object.metadata;
      if (event.object['ending'] === true) this.#namespaces.delete(name);
      else this.#namespaces.set(name, labels);
      this.#check(name);
    } else if (event.type === 'delete') {
      this.#namespaces.delete(event.name);
    } else if (event.type === 'synced') {
      this.#synced.namespaces = true;
      this.checkAll();
    }
  }

  configMap(event: ReflectEvent): void {
    if (event.type === 'put') {
      const { namespace = '' } = event.object.metadata;
      this.#configMaps.set(namespace, knownOf(event.object));
      this.#check(namespace);
    } else if (event.type === 'delete') {
      this.#configMaps.delete(event.namespace);
      this.#check(event.namespace);
    } else if (event.type === 'synced') {
      this.#synced.configMaps = true;
      this.checkAll();
    }
  }

  checkAll(): void {
    for (const name of this.#namespaces.keys()) this.#check(name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#work[Symbol.asyncDispose]();
  }

  /** Nothing is decided before both lists are whole: what is not known yet would look like what is missing. */
  #check(name: string): void {
    if (this.#synced.namespaces && this.#synced.configMaps && this.#needed(name) !== 'nothing') this.#work.touch(name);
  }

  #needed(name: string): 'apply' | 'remove' | 'nothing' {
    const labels = this.#namespaces.get(name);
    const known = this.#configMaps.get(name);
    if (labels === undefined) return 'nothing';
    if (!this.#options.selected(labels)) return known?.ours === true ? 'remove' : 'nothing';
    return known?.labelled === true && known.root === version(this.#root()) ? 'nothing' : 'apply';
  }

  #root(): string {
    return this.#options.roots().join('');
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<'wrote' | 'equal'> {
    const needed = this.#needed(name);
    if (needed === 'nothing') return 'equal';
    try {
      await (needed === 'apply' ? this.#apply(name, signal) : this.#remove(name, signal));
      return 'wrote';
    } catch (thrown) {
      const { code } = MeshError.from(thrown);
      // Its namespace has gone meanwhile, or it changed: what the watch says next decides.
      if (code === 'not-found' || (code === 'conflict' && needed === 'remove')) return 'equal';
      throw thrown;
    }
  }

  async #apply(name: string, signal: AbortSignal): Promise<void> {
    if (this.#configMaps.get(name)?.immutable === true) await this.#delete(name, signal);
    const labels = { [rootConfigMapLabel]: 'true' };
    await this.#write(name, { metadata: { labels }, data: { [rootKey]: this.#root() } }, signal);
  }

  async #remove(name: string, signal: AbortSignal): Promise<void> {
    // Where others have keys in it only our fields go, and then it is theirs.
    if (this.#configMaps.get(name)?.shared === true) return await this.#write(name, {}, signal);
    await this.#delete(name, signal);
  }

  async #delete(name: string, signal: AbortSignal): Promise<void> {
    const uid = this.#configMaps.get(name)?.uid;
    const preconditions = uid === undefined ? {} : { uid };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    await this.#options.client.request('DELETE', configMapPath(name), { body, signal, timeoutMs });
    this.#configMaps.delete(name);
  }

  /** Server-side apply: the object holds all that we want there. */
  async #write(
    namespace: string,
    { metadata, data }: { readonly metadata?: object; readonly data?: object },
    signal: AbortSignal,
  ): Promise<void> {
    const named = { ...metadata, name: rootConfigMapName, namespace };
    const written = await this.#options.client.request('PATCH', configMapPath(namespace), {
      query: { fieldManager: fieldManagers.controlPlane, force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: named, ...(data && { data }) },
      signal,
      timeoutMs,
    });
    if (isKubeObject(written)) this.#configMaps.set(namespace, knownOf(trimConfigMap(written)));
  }
}

const configMapPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps/${rootConfigMapName}`;

const version = (text: string): string => contentVersion(Buffer.from(text));

function trimNamespace({ metadata, status }: KubeObject): KubeObject {
  const { name, resourceVersion, uid, labels = {}, deletionTimestamp } = metadata;
  const ending = deletionTimestamp !== undefined || (isRecord(status) && status['phase'] === 'Terminating');
  return { metadata: { name, labels, ...versionOf(resourceVersion, uid) }, ending };
}

function trimConfigMap({ metadata, ...rest }: KubeObject): KubeObject {
  const { name, namespace = '', resourceVersion, uid, labels = {} } = metadata;
  const data = isRecord(rest['data']) ? rest['data'] : {};
  const root = data[rootKey];
  return {
    metadata: { name, namespace, ...versionOf(resourceVersion, uid) },
    root: typeof root === 'string' ? version(root) : '',
    labelled: labels[rootConfigMapLabel] === 'true',
    ours: managesRoot(metadata),
    shared: Object.keys(data).some((key) => key !== rootKey) || isRecord(rest['binaryData']),
    immutable: rest['immutable'] === true,
  };
}

/** Reads what {@link trimConfigMap} left. */
function knownOf({ metadata, root, labelled, ours, shared, immutable }: KubeObject): Known {
  return {
    uid: metadata.uid,
    root: typeof root === 'string' ? root : '',
    labelled: labelled === true,
    ours: ours === true,
    shared: shared === true,
    immutable: immutable === true,
  };
}

function versionOf(resourceVersion: string | undefined, uid: string | undefined): object {
  return { ...(resourceVersion !== undefined && { resourceVersion }), ...(uid !== undefined && { uid }) };
}

/** Whether the API server has us down as who set the root (managedFields, KEP-555). */
function managesRoot(metadata: object): boolean {
  const entries: readonly unknown[] =
    'managedFields' in metadata && Array.isArray(metadata.managedFields) ? metadata.managedFields : [];
  return entries.some((entry) => {
    if (!isRecord(entry) || entry['manager'] !== fieldManagers.controlPlane) return false;
    const fields = isRecord(entry['fieldsV1']) ? entry['fieldsV1']['f:data'] : undefined;
    return isRecord(fields) && `f:${rootKey}` in fields;
  });
}
