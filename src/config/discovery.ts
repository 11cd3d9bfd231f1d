import { assertNever } from '../lib/assert-never.ts';
import type { Finding } from '../model/finding.ts';
import { isSelected, type LabelSelector } from '../model/label-selector.ts';
import type { MeshKind, MeshObject } from '../model/mesh-object.ts';
import { compareText, type Labels, objectKey } from '../model/object.ts';
import { refKey } from './file-content.ts';
import type { ConfigSource, SourceEvent } from './source.ts';

/** A source that shows only what lies in selected namespaces. */
export interface SelectedSource extends ConfigSource {
  /**
   * New selectors, at any time: what they hide comes as deletes and what they show as applies, in one batch of its own (in
   * the first batch, if that was not given yet).
   */
  select(selectors: readonly LabelSelector[]): void;
}

/**
 * Hides the objects of namespaces that are not selected, and the findings about them. Labels may change at any time: what a
 * namespace hides or shows then comes in the batch that changed it. Objects without a namespace always pass, Namespaces among them;
 * the root namespace is a namespace like others. A namespace of which no object is known has its name for a label, as
 * the API server labels each one, and no other.
 */
export function selectNamespaces(source: ConfigSource, selectors: readonly LabelSelector[]): SelectedSource {
  const selection = new Selection(selectors);
  let wake: (() => void) | undefined;
  return {
    select(next) {
      selection.select(next);
      wake?.();
    },
    async *events(signal) {
      const stop = new AbortController();
      const batches = source.events(AbortSignal.any([signal, stop.signal]))[Symbol.asyncIterator]();
      try {
        let next = batches.next();
        for (;;) {
          const result = await new Promise<IteratorResult<readonly SourceEvent[]> | undefined>((resolve, reject) => {
            wake = () => resolve(undefined);
            next.then(resolve, reject);
            if (selection.stale) wake();
          });
          if (result?.done === true) return;
          const events = selection.take(result?.value ?? []);
          if (events.length > 0) yield events;
          if (result !== undefined) next = batches.next();
        }
      } finally {
        stop.abort();
        await batches.return?.();
      }
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

const nameLabel = 'kubernetes.io/metadata.name';

/** What a batch is about. */
interface Touched {
  /** Applies and deletes by object, the last of each. */
  readonly events: Map<string, SourceEvent>;
  /** Namespaces whose visibility may be another now. */
  readonly names: Set<string>;
  readonly scopes: Set<string>;
}

class Selection {
  #selectors: readonly LabelSelector[];
  #started = false;
  #stale = false;
  /** By namespace, '' for none, then by key. Held for hidden ones, too: a label is all that keeps them out. */
  readonly #objects = new Map<string, Map<string, MeshObject>>();
  readonly #findings = new Map<string, readonly Finding[]>();
  /** Whether the consumer sees the namespace. */
  readonly #shown = new Map<string, boolean>();

  constructor(selectors: readonly LabelSelector[]) {
    this.#selectors = selectors;
  }

  /** Selectors have changed, and the consumer was not told yet what that means. */
  get stale(): boolean {
    return this.#stale;
  }

  select(selectors: readonly LabelSelector[]): void {
    this.#selectors = selectors;
    this.#stale = this.#started;
  }

  /** What a batch of the source means to the consumer. */
  take(batch: readonly SourceEvent[]): readonly SourceEvent[] {
    this.#started = true;
    const touched: Touched = { events: new Map(), names: new Set(), scopes: new Set() };
    for (const event of batch) this.#note(event, touched);
    const flipped = this.#evaluate(this.#stale ? this.#names() : touched.names);
    this.#stale = false;
    const events = batch.some((event) => event.type === 'reset')
      ? [{ type: 'reset', objects: this.#visible() } as const]
      : [...this.#ofTouched(touched.events, flipped), ...this.#ofFlipped(flipped)];
    for (const [scope, findings] of this.#findings) if (concerns(findings, flipped)) touched.scopes.add(scope);
    return [...events, ...this.#ofScopes(touched.scopes), ...batch.filter((event) => event.type === 'synced')];
  }

  #note(event: SourceEvent, { events, names, scopes }: Touched): void {
    switch (event.type) {
      case 'apply':
        this.#put(event.object);
        events.set(objectKey(event.object), event);
        noteNames(event.object.kind, event.object.meta, names);
        break;
      case 'delete':
        this.#objects.get(event.ref.namespace)?.delete(refKey(event.ref));
        events.set(refKey(event.ref), event);
        noteNames(event.ref.kind, event.ref, names);
        break;
      case 'reset':
        this.#objects.clear();
        for (const object of event.objects) this.#put(object);
        this.#stale = true;
        break;
      case 'findings':
        if (event.findings.length === 0) this.#findings.delete(event.scope);
        else this.#findings.set(event.scope, event.findings);
        for (const { object } of event.findings) names.add(namespaceOf(object));
        scopes.add(event.scope);
        break;
      case 'synced':
        break;
      default:
        assertNever(event);
    }
  }

  #put(object: MeshObject): void {
    const { namespace } = object.meta;
    const known = this.#objects.get(namespace) ?? new Map<string, MeshObject>();
    this.#objects.set(namespace, known.set(objectKey(object), object));
  }

  /** Every namespace that is heard of. */
  #names(): ReadonlySet<string> {
    const found = [...this.#findings.values()].flatMap((findings) => findings.map(({ object }) => namespaceOf(object)));
    return new Set([...this.#objects.keys(), ...this.#shown.keys(), ...found]);
  }

  /** Looks at these namespaces anew; the ones whose visibility changed. */
  #evaluate(names: ReadonlySet<string>): ReadonlySet<string> {
    const flipped = new Set<string>();
    for (const name of names) {
      const shown = name === '' || isSelected(this.#labels(name), this.#selectors);
      if (this.#shown.has(name) && this.#shown.get(name) !== shown) flipped.add(name);
      this.#shown.set(name, shown);
    }
    return flipped;
  }

  #labels(namespace: string): Labels {
    const object = this.#objects.get('')?.get(`Namespace//${namespace}`);
    return { [nameLabel]: namespace, ...object?.meta.labels };
  }

  #visible(): readonly MeshObject[] {
    const shown = [...this.#objects].filter(([namespace]) => this.#shown.get(namespace) === true);
    return shown
      .flatMap(([, objects]) => [...objects.values()])
      .sort((a, b) => compareText(objectKey(a), objectKey(b)));
  }

  /** Events of namespaces that were seen and still are; the others' are hidden, or part of {@link #ofFlipped}. */
  #ofTouched(touched: ReadonlyMap<string, SourceEvent>, flipped: ReadonlySet<string>): readonly SourceEvent[] {
    return [...touched].flatMap(([, event]) => {
      const namespace = event.type === 'apply' ? event.object.meta.namespace : refNamespace(event);
      if (event.type === 'delete' && flipped.has(namespace) && this.#shown.get(namespace) === false) return [event];
      return this.#shown.get(namespace) === true && !flipped.has(namespace) ? [event] : [];
    });
  }

  #ofFlipped(flipped: ReadonlySet<string>): readonly SourceEvent[] {
    return [...flipped].sort(compareText).flatMap((namespace) =>
      [...(this.#objects.get(namespace)?.values() ?? [])].map((object): SourceEvent => {
        if (this.#shown.get(namespace) === true) return { type: 'apply', object };
        return { type: 'delete', ref: { kind: object.kind, namespace, name: object.meta.name } };
      }),
    );
  }

  #ofScopes(scopes: ReadonlySet<string>): readonly SourceEvent[] {
    return [...scopes].map((scope) => {
      const findings = this.#findings.get(scope) ?? [];
      const shown = findings.filter(({ object }) => this.#shown.get(namespaceOf(object)) !== false);
      return { type: 'findings', scope, findings: shown };
    });
  }
}

function noteNames(
  kind: MeshKind,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  names: Set<string>,
): void {
  names.add(namespace);
  if (kind === 'Namespace') names.add(name);
}

function refNamespace(event: SourceEvent): string {
  return event.type === 'delete' ? event.ref.namespace : '';
}

function concerns(findings: readonly Finding[], namespaces: ReadonlySet<string>): boolean {
  return namespaces.size > 0 && findings.some(({ object }) => namespaces.has(namespaceOf(object)));
}

/** Of `Kind/namespace/name`; '' where the finding is about no object. */
function namespaceOf(object: string): string {
  return object.split('/')[1] ?? '';
}
