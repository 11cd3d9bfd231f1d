import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../kube/object.ts';
import { MeshError } from '../../lib/errors.ts';
import type { Finding, Severity } from '../../model/finding.ts';
import type { MeshObject } from '../../model/mesh-object.ts';
import { compareText, type Origin } from '../../model/object.ts';
import { type Decoded, decode, effectCodes } from '../decode.ts';
import type { SourceEvent } from '../source.ts';

/** One object of the cluster, and what is in force for it. */
interface Entry {
  readonly uid: string | undefined;
  readonly object: MeshObject | undefined;
  /** The last state without an error; what stays in force while the object is broken. */
  readonly lastGood: MeshObject | undefined;
  readonly findings: readonly Finding[];
}

const nothing: Entry = { uid: undefined, object: undefined, lastGood: undefined, findings: [] };

/**
 * Turns what a cluster says into one set of objects, by the rules that hold for files (catalog.ts): an object that is edited
 * into a broken state keeps its last good one, and one that never was good has its fail-closed form. Only the state of the
 * same object counts: one that was made anew under an old name never was good. Findings are scoped by the object's key.
 */
export class ClusterObjects {
  readonly #origin: Origin;
  readonly #entries = new Map<string, Entry>();

  constructor(cluster: string) {
    this.#origin = { kind: 'cluster', cluster };
  }

  /** Everything in force, ordered by key. */
  get objects(): readonly MeshObject[] {
    return this.#sorted().flatMap(([, { object }]) => object ?? []);
  }

  /** The findings about each object that has some. */
  get findings(): readonly SourceEvent[] {
    return this.#sorted().flatMap(([scope, { findings }]): readonly SourceEvent[] =>
      findings.length === 0 ? [] : [{ type: 'findings', scope, findings }],
    );
  }

  /** Takes an object over, and says what that changes. */
  put(kind: string, kubeObject: KubeObject): readonly SourceEvent[] {
    const { namespace = '', name, uid } = kubeObject.metadata;
    const key = keyOf(kind, namespace, name);
    const before = this.#entries.get(key);
    const decoded = this.#read(key, kubeObject);
    const [read] = decoded.objects;
    const broken = decoded.broken.length > 0 || decoded.unidentified;
    const kept = before?.uid === uid ? before?.lastGood : undefined;
    const wanted = broken ? (kept ?? read) : read;
    // Equal objects stay the same object: what holds on to it need not look again.
    const object = isDeepStrictEqual(wanted, before?.object) ? before?.object : wanted;
    const lastGood = broken && kept === undefined ? undefined : object;
    const findings =
      broken && kept !== undefined ? [...withoutEffect(decoded.findings), this.#lastGoodKept(key)] : decoded.findings;
    this.#entries.set(key, { uid, object, lastGood, findings });
    return this.#difference(key, before ?? nothing, { uid, object, lastGood, findings });
  }

  delete(kind: string, namespace: string, name: string): readonly SourceEvent[] {
    const key = keyOf(kind, namespace, name);
    const before = this.#entries.get(key);
    this.#entries.delete(key);
    return before === undefined ? [] : this.#difference(key, before, nothing);
  }

  /** A bug of ours that one object brings to light must not stop the others from being followed. */
  #read(key: string, kubeObject: KubeObject): Pick<Decoded, 'objects' | 'findings' | 'broken' | 'unidentified'> {
    try {
      return decode(kubeObject, { origin: this.#origin });
    } catch (thrown) {
      const message = `the object can not be read: ${MeshError.from(thrown).message}`;
      const finding = { ...this.#finding(key, 'error', 'unreadable-object', message), hint: 'this is a bug of ours' };
      return { objects: [], findings: [finding], broken: [], unidentified: true };
    }
  }

  #difference(key: string, before: Entry, after: Entry): readonly SourceEvent[] {
    const events: SourceEvent[] = [];
    if (after.object !== undefined && after.object !== before.object) {
      events.push({ type: 'apply', object: after.object });
    } else if (after.object === undefined && before.object !== undefined) {
      const { kind, meta } = before.object;
      events.push({ type: 'delete', ref: { kind, namespace: meta.namespace, name: meta.name } });
    }
    if (!isDeepStrictEqual(after.findings, before.findings)) {
      events.push({ type: 'findings', scope: key, findings: after.findings });
    }
    return events;
  }

  #sorted(): readonly (readonly [string, Entry])[] {
    return [...this.#entries].sort(([a], [b]) => compareText(a, b));
  }

  #lastGoodKept(key: string): Finding {
    return this.#finding(key, 'warning', 'last-good-kept', 'the object has errors: its last good state stays in force');
  }

  #finding(object: string, severity: Severity, code: string, message: string): Finding {
    return { severity, code, object, origin: this.#origin, field: '', message, hint: '' };
  }
}

/** As `objectKey` and decode's findings name it. */
function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

function withoutEffect(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter((finding) => !effectCodes.includes(finding.code));
}
