import type { Service } from '../model/service.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import type { Scope } from './affected.ts';
import type { BuildCache } from './cache.ts';
import { Outbound, type OutboundPart } from './outbound.ts';
import { addressOwners, effectiveService } from './policy/outbound.ts';
import type { Problems } from './problems.ts';
import { type ServiceUnit, serviceUnit } from './service-unit.ts';

const keyOf = ({ meta }: Service): string => `${meta.namespace}/${meta.name}`;

/** Keeps what clients get of the mesh's services current, a service at a time. */
export class Services {
  readonly #cache: BuildCache;
  readonly #problems: Problems;
  #owners: ReadonlyMap<string, Service>;
  #outbound: Outbound;

  constructor(snapshot: Snapshot, cache: BuildCache, problems: Problems) {
    this.#cache = cache;
    this.#problems = problems;
    this.#owners = addressOwners(snapshot);
    this.#outbound = this.#compile(snapshot, undefined);
  }

  get outbound(): Outbound {
    return this.#outbound;
  }

  /** Everything anew, as for other mesh settings. */
  rebuild(snapshot: Snapshot): void {
    this.#owners = addressOwners(snapshot);
    this.#outbound = this.#compile(snapshot, this.#outbound);
  }

  /** What the changes in `scope` touch; tells which parts are other layers now. */
  update(snapshot: Snapshot, scope: Scope): ReadonlySet<OutboundPart> {
    const keys = new Set(scope.services);
    if (scope.servicesChanged) for (const key of this.#newOwners(snapshot)) keys.add(key);
    if (keys.size === 0) return new Set();
    const units = new Map<string, ServiceUnit | undefined>();
    for (const key of keys) {
      const [namespace = '', name = ''] = key.split('/');
      const service = snapshot.services.get(namespace)?.get(name);
      if (service === undefined) this.#problems.forget(`service ${key}`);
      units.set(key, service && this.#unit(snapshot, service, this.#outbound));
    }
    return this.#outbound.set(units);
  }

  /** An address that went from one service to another changes both. */
  #newOwners(snapshot: Snapshot): readonly string[] {
    const before = this.#owners;
    this.#owners = addressOwners(snapshot);
    return [before, this.#owners].flatMap((owners) =>
      [...owners].flatMap(([address, owner]) => {
        const [was, is] = [before.get(address), this.#owners.get(address)];
        return (was && keyOf(was)) === (is && keyOf(is)) ? [] : [keyOf(owner)];
      }),
    );
  }

  #compile(snapshot: Snapshot, lastGood: Outbound | undefined): Outbound {
    const outbound = new Outbound(this.#cache, snapshot.mesh);
    const units = new Map<string, ServiceUnit>();
    for (const service of all(snapshot.services)) {
      const unit = this.#unit(snapshot, service, lastGood);
      if (unit !== undefined) units.set(keyOf(service), unit);
    }
    outbound.set(units);
    return outbound;
  }

  #unit(snapshot: Snapshot, service: Service, lastGood: Outbound | undefined): ServiceUnit | undefined {
    const key = keyOf(service);
    const build = (): ServiceUnit =>
      serviceUnit(this.#cache, effectiveService(snapshot, service, this.#owners), snapshot.mesh);
    return this.#problems.guard(`service ${key}`, build, lastGood?.units.get(key));
  }
}
