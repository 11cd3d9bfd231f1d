import { contentVersion } from '../lib/hash.ts';
import type { AuthorizationPolicy } from '../model/authorization-policy.ts';
import { inNamespace, type Named, type Snapshot } from '../snapshot/snapshot.ts';

/** One content of a policy that reports are about: a dry run, or an AUDIT. Counts of two contents are never added up. */
export interface PolicyVersion {
  readonly namespace: string;
  readonly name: string;
  readonly action: 'ALLOW' | 'DENY' | 'AUDIT';
  /** The cluster's own generation; from files the number of contents seen. */
  readonly generation: number;
  /** Of what it means: the same on all replicas. */
  readonly content: string;
  /** ms since the epoch: when it was first seen here. */
  readonly since: number;
  /** When it was replaced, removed or enforced; undefined while it holds. */
  readonly until: number | undefined;
}

interface Entry {
  readonly content: string;
  readonly policy: AuthorizationPolicy;
  readonly number: number;
  /** The newest first; all but the first have ended. */
  readonly versions: readonly PolicyVersion[];
}

/** How long what a policy did is still shown after it changed or went away. */
const keptMs = 60 * 60_000;
const maxVersions = 4;

/** Follows which dry runs and AUDIT policies there are, and since when each has its content. */
export class PolicyVersions {
  readonly #entries = new Map<string, Entry>();
  #seen: Snapshot['authorizationPolicies'] = new Map();

  /** Looks at a new snapshot; namespaces whose policies are the same are not looked into. */
  follow({ authorizationPolicies }: Pick<Snapshot, 'authorizationPolicies'>, now: number): void {
    const before = this.#seen;
    if (authorizationPolicies === before) return;
    this.#seen = authorizationPolicies;
    for (const namespace of new Set([...before.keys(), ...authorizationPolicies.keys()])) {
      if (before.get(namespace) !== authorizationPolicies.get(namespace)) {
        this.#compare(before.get(namespace), inNamespace(authorizationPolicies, namespace), now);
      }
    }
  }

  /**
   * The version that decided at this time: what Envoy reports names no generation. Undefined for a policy that is neither a dry run nor
   * an AUDIT, and wasn't lately. One that begins later than `now` was there before the clock was put back.
   */
  at(namespace: string, name: string, time: number, now: number): PolicyVersion | undefined {
    const versions = this.#entries.get(`${namespace}/${name}`)?.versions ?? [];
    return versions.find(({ since }) => since <= time || since > now) ?? versions.at(-1);
  }

  /** All that are still kept, by name. */
  all(): readonly PolicyVersion[] {
    return [...this.#entries.values()].flatMap(({ versions }) => versions);
  }

  /** Forgets what ended long ago. */
  sweep(now: number): void {
    for (const [key, entry] of this.#entries) {
      const versions = entry.versions.filter(({ until }) => until === undefined || now - until < keptMs);
      if (versions.length === 0) this.#entries.delete(key);
      else if (versions.length < entry.versions.length) this.#entries.set(key, { ...entry, versions });
    }
  }

  #compare(before: Named<AuthorizationPolicy> | undefined, after: Iterable<AuthorizationPolicy>, now: number): void {
    const gone = new Set([...(before?.values() ?? [])].map(keyOf));
    for (const policy of after) {
      gone.delete(keyOf(policy));
      this.#take(policy, now);
    }
    for (const key of gone) this.#end(key, now);
  }

  #take(policy: AuthorizationPolicy, now: number): void {
    const key = keyOf(policy);
    const { action } = policy;
    if (action === 'CUSTOM' || !(policy.dryRun || action === 'AUDIT')) {
      this.#end(key, now);
      return;
    }
    const known = this.#entries.get(key);
    if (known?.policy === policy && current(known) !== undefined) return;
    const content = contentOf(policy);
    if (known?.content === content && current(known) !== undefined) {
      this.#entries.set(key, { ...known, policy });
      return;
    }
    const number = (known?.number ?? 0) + 1;
    const { namespace, name, generation } = policy.meta;
    const version: PolicyVersion = {
      namespace,
      name,
      action,
      generation: generation > 0 ? generation : number,
      content: contentVersion(Buffer.from(content)),
      since: now,
      until: undefined,
    };
    const versions = [version, ...ended(known?.versions ?? [], now)].slice(0, maxVersions);
    this.#entries.set(key, { content, policy, number, versions });
  }

  #end(key: string, now: number): void {
    const known = this.#entries.get(key);
    if (known !== undefined) this.#entries.set(key, { ...known, versions: ended(known.versions, now) });
  }
}

function current({ versions: [first] }: Entry): PolicyVersion | undefined {
  return first?.until === undefined ? first : undefined;
}

function ended(versions: readonly PolicyVersion[], now: number): readonly PolicyVersion[] {
  return versions.map((each) => (each.until === undefined ? { ...each, until: now } : each));
}

function keyOf({ meta }: AuthorizationPolicy): string {
  return `${meta.namespace}/${meta.name}`;
}

/** What a policy means; that it moved to another line of its file is no change. */
function contentOf({ action, selector, targets, rules }: AuthorizationPolicy): string {
  return JSON.stringify([action, selector, targets, rules]);
}
