import type { Mesh } from '../../model/mesh.ts';
import { compareText, objectKey } from '../../model/object.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';
import { bounded, maxRefusals, type Policy, type Refusal, type Spread, type ViewFacts } from './facts.ts';
import type { ProxyFacts } from './proxies.ts';
import { Reach, type Reached } from './reach.ts';

/** Everything at one moment. */
export interface Moment {
  readonly snapshot: Snapshot;
  readonly views: Iterable<ViewFacts>;
  readonly proxies: readonly ProxyFacts[];
}

/** A policy in force, and since which generation of the snapshot it has been what it is. */
interface InForce {
  readonly policy: Policy;
  readonly mesh: Mesh;
  readonly since: number;
}

/** A proxy's view, and the one that it belonged to at the generation that it acknowledged. */
interface Place {
  readonly view: ViewFacts;
  readonly since: number;
  readonly acknowledged: ViewFacts | undefined;
}

/** Proxies that nothing here tells apart. */
interface Group {
  readonly place: Place;
  readonly generation: number;
  readonly refusing: boolean;
  readonly proxies: ProxyFacts[];
}

interface Tally {
  applied: number;
  enforced: number;
  rejected: number;
  overridden: number;
  readonly refusing: ProxyFacts[];
}

/**
 * Counts how far policies have spread. Enforced on a proxy: it has acknowledged everything that was compiled at a generation
 * in which the policy was what it is now. What changed later and is still under way takes nothing back.
 * The cost is policies times groups of proxies alike, not times proxies.
 */
export class Enforcement {
  readonly #reach = new Reach();
  #inForce = new Map<string, InForce>();
  #places = new Map<string, Place>();
  #looked: readonly unknown[] = [];

  /** The spread of every policy in force, by key. */
  spread(moment: Moment): ReadonlyMap<string, Spread> {
    this.#look(moment.snapshot);
    const tallies = new Map<string, Tally>();
    for (const group of this.#groups(moment)) this.#count(group, moment.snapshot, tallies);
    const found = new Map<string, Spread>();
    for (const [key, { policy }] of this.#inForce) found.set(key, spreadOf(key, policy, tallies.get(key)));
    return found;
  }

  #look(snapshot: Snapshot): void {
    const { peerAuthentications, requestAuthentications, authorizationPolicies, mesh, generation } = snapshot;
    const { gateways, sidecars } = snapshot;
    const policies = [peerAuthentications, requestAuthentications, authorizationPolicies, gateways, sidecars];
    const looked = [...policies, mesh];
    if (looked.every((each, index) => each === this.#looked[index])) return;
    this.#looked = looked;
    const inForce = new Map<string, InForce>();
    for (const policy of policies.flatMap((each) => [...all<Policy>(each)])) {
      const key = objectKey(policy);
      const known = this.#inForce.get(key);
      const same = known !== undefined && known.mesh === mesh && sameGeneration(known.policy, policy);
      inForce.set(key, { policy, mesh, since: same ? known.since : generation });
    }
    this.#inForce = inForce;
  }

  #groups({ snapshot, views, proxies }: Moment): Iterable<Group> {
    const byId = new Map([...views].map((view) => [view.id, view]));
    const places = new Map<string, Place>();
    const groups = new Map<string, Group>();
    for (const proxy of proxies) {
      const view = byId.get(proxy.view);
      if (view === undefined) continue;
      const place = placeOf(this.#places.get(proxy.id), view, proxy.generation, snapshot.generation);
      places.set(proxy.id, place);
      const refusing = proxy.refused !== '';
      const key = `${view.id}\n${place.acknowledged?.id}\n${proxy.generation}\n${refusing}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { place, generation: proxy.generation, refusing, proxies: [proxy] });
      else group.proxies.push(proxy);
    }
    this.#places = places;
    return groups.values();
  }

  #count({ place, generation, refusing, proxies }: Group, snapshot: Snapshot, tallies: Map<string, Tally>): void {
    const now = this.#reach.of(place.view, snapshot);
    const then = this.#acknowledged(place, now, snapshot);
    for (const key of now.applied) {
      const tally = tallyOf(tallies, key);
      const since = this.#inForce.get(key)?.since ?? Number.POSITIVE_INFINITY;
      tally.applied += proxies.length;
      if (generation >= since && then?.applied.has(key) === true) tally.enforced += proxies.length;
      else if (refusing) {
        tally.rejected += proxies.length;
        tally.refusing.push(...proxies);
      }
    }
    for (const key of now.overridden) tallyOf(tallies, key).overridden += proxies.length;
  }

  #acknowledged({ view, acknowledged }: Place, now: Reached, snapshot: Snapshot): Reached | undefined {
    if (acknowledged === undefined) return undefined;
    return acknowledged === view ? now : this.#reach.of(acknowledged, snapshot);
  }
}

/** A proxy may have come to its view at any moment since the last look, so what it acknowledged counts from this one. */
function placeOf(known: Place | undefined, view: ViewFacts, acknowledged: number, generation: number): Place {
  const stayed = known?.view === view;
  const since = stayed ? known.since : generation;
  return { view, since, acknowledged: acknowledged >= since ? view : known?.acknowledged };
}

function sameGeneration(a: Policy, b: Policy): boolean {
  return a === b || (a.meta.uid === b.meta.uid && a.meta.generation === b.meta.generation);
}

function tallyOf(tallies: Map<string, Tally>, key: string): Tally {
  const known = tallies.get(key);
  if (known !== undefined) return known;
  const tally: Tally = { applied: 0, enforced: 0, rejected: 0, overridden: 0, refusing: [] };
  tallies.set(key, tally);
  return tally;
}

function spreadOf(key: string, { meta }: Policy, tally: Tally | undefined): Spread {
  const { uid, generation } = meta;
  if (tally === undefined) {
    return { key, uid, generation, applied: 0, enforced: 0, rejected: 0, overridden: 0, refusals: [] };
  }
  const { applied, enforced, rejected, overridden, refusing } = tally;
  return { key, uid, generation, applied, enforced, rejected, overridden, refusals: firstOf(refusing) };
}

function firstOf(refusing: readonly ProxyFacts[]): readonly Refusal[] {
  return [...refusing]
    .sort((a, b) => compareText(a.name, b.name))
    .slice(0, maxRefusals)
    .map(({ name, refused }) => ({ proxy: bounded(name), words: bounded(refused) }));
}
