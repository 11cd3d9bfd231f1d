import { MeshError } from '../lib/errors.ts';
import type { Finding } from '../model/finding.ts';
import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { Proxy } from '../model/proxy.ts';
import { emptyLayer, type Layer } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';
import type { Change } from '../snapshot/diff.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { affected, type Scope } from './affected.ts';
import { changedTypes } from './announce.ts';
import { BuildCache } from './cache.ts';
import { type InboundUnit, inboundUnit } from './inbound-unit.ts';
import { Outbound, type OutboundPart, outboundParts } from './outbound.ts';
import { effectiveInbound } from './policy/inbound.ts';
import { addressOwners, effectiveService } from './policy/outbound.ts';
import { type ServiceUnit, serviceUnit } from './service-unit.ts';
import { labelsRead, type View, viewOf } from './view.ts';

/** Hears which types may have other layers now. */
export type Listener = (changed: ReadonlySet<TypeUrl>) => void;

/** One proxy's window on the compiled configuration. */
export interface CompiledProxy extends Disposable {
  readonly view: ViewId;
  layers(type: TypeUrl): readonly Layer[];
}

interface ViewState {
  readonly view: View;
  readonly proxies: Set<Member>;
  inbound: InboundUnit;
}

interface Member {
  readonly proxy: Proxy;
  readonly listener: Listener;
  state: ViewState;
}

/** Differs from every real one. */
const nothing: InboundUnit = {
  listeners: emptyLayer('listeners/inbound'),
  clusters: emptyLayer('clusters/inbound'),
  extensions: emptyLayer('extensions/inbound'),
};

/**
 * Keeps the compiled configuration of all connected proxies current at a cost that follows the change: an event recompiles
 * the services and views that read it, and only members of views whose layers became other objects are told. Compiling
 * from scratch gives the same bytes (tests hold that).
 */
export class Compiler {
  readonly #cache: BuildCache;
  #snapshot: Snapshot;
  #outbound: Outbound;
  #owners: ReturnType<typeof addressOwners>;
  readonly #views = new Map<ViewId, ViewState>();
  readonly #byNamespace = new Map<string, Set<ViewState>>();
  readonly #members = new Map<string, Set<Member>>();
  readonly #labels = new Map<string, ReadonlySet<string>>();
  readonly #problems = new Map<string, Finding>();
  #viewsCompiled = 0;
  #unfinished = false;

  constructor(snapshot: Snapshot, cache: BuildCache = new BuildCache()) {
    this.#cache = cache;
    this.#snapshot = snapshot;
    this.#owners = addressOwners(snapshot);
    this.#outbound = this.#compileOutbound();
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** How much work was done, for tests and metrics: what a change didn't touch must not show up here. */
  stats(): { readonly views: number; readonly viewsCompiled: number; readonly cache: ReturnType<BuildCache['stats']> } {
    return { views: this.#views.size, viewsCompiled: this.#viewsCompiled, cache: this.#cache.stats() };
  }

  /** The views now, with the names of their proxies. */
  views(): readonly { readonly view: View; readonly proxies: readonly Proxy[] }[] {
    return [...this.#views.values()].map(({ view, proxies }) => ({
      view,
      proxies: [...proxies].map(({ proxy }) => proxy),
    }));
  }

  /** What could not be compiled: a bug of ours that cost one service or view its update, and no other. */
  get findings(): readonly Finding[] {
    return [...this.#problems.values()];
  }

  /** Compiles for a proxy, and tells `listener` whenever something it gets may have changed. */
  attach(proxy: Proxy, listener: Listener): CompiledProxy {
    const member: Member = { proxy, listener, state: this.#stateFor(proxy) };
    member.state.proxies.add(member);
    const key = `${proxy.namespace}/${proxy.name}`;
    const named = this.#members.get(key) ?? new Set();
    this.#members.set(key, named.add(member));
    const layers = (type: TypeUrl): readonly Layer[] => this.#layers(member.state, type);
    return {
      get view() {
        return member.state.view.id;
      },
      layers,
      [Symbol.dispose]: () => {
        this.#leave(member);
        named.delete(member);
        if (named.size === 0 && this.#members.get(key) === named) this.#members.delete(key);
      },
    };
  }

  /**
   * Takes over the next snapshot, whose difference to the current one is `changes`. Where that throws, which is a bug of
   * ours, what it didn't get to is not forgotten: the next call compiles everything anew and tells everybody.
   */
  update(snapshot: Snapshot, changes: readonly Change[]): void {
    const previous = this.#snapshot;
    this.#snapshot = snapshot;
    const unfinished = this.#unfinished;
    this.#unfinished = true;
    if (unfinished || snapshot.mesh !== previous.mesh) {
      const before = this.#recompileAll();
      this.#tell(
        new Set(outboundParts),
        new Map(),
        unfinished ? new Map([...before.keys()].map((member) => [member, nothing])) : before,
      );
    } else {
      this.#updateAffected(affected(previous, snapshot, changes));
    }
    this.#unfinished = false;
  }

  #updateAffected(scope: Scope): void {
    const parts = this.#updateServices(scope);
    const moved = this.#updateMembership(scope);
    const recompiled = new Map<ViewState, InboundUnit>();
    for (const state of this.#statesIn(scope)) {
      recompiled.set(state, state.inbound);
      state.inbound = this.#guard(`view ${state.view.id}`, () => this.#inbound(state.view), state.inbound);
    }
    this.#tell(parts, recompiled, moved);
  }

  /** `recompiled` and `moved` say what a view, or a proxy that came to its view only now, had before. */
  #tell(
    parts: ReadonlySet<OutboundPart>,
    recompiled: ReadonlyMap<ViewState, InboundUnit>,
    moved: ReadonlyMap<Member, InboundUnit>,
  ): void {
    const changed = ({ view, inbound }: ViewState, before: InboundUnit): ReadonlySet<TypeUrl> =>
      changedTypes(view, parts, before, inbound);
    for (const state of parts.size > 0 ? [...this.#views.values()] : recompiled.keys()) {
      const types = changed(state, recompiled.get(state) ?? state.inbound);
      if (types.size === 0) continue;
      for (const member of state.proxies) if (!moved.has(member)) member.listener(types);
    }
    for (const [member, before] of moved) {
      const types = changed(member.state, before);
      // Whoever was told before may have ended this proxy's stream.
      if (types.size > 0 && member.state.proxies.has(member)) member.listener(types);
    }
  }

  #compileOutbound(lastGood?: Outbound): Outbound {
    const outbound = new Outbound(this.#cache, this.#snapshot.mesh);
    const units = new Map<string, ServiceUnit>();
    for (const service of all(this.#snapshot.services)) {
      const key = `${service.meta.namespace}/${service.meta.name}`;
      const unit = this.#guard(`service ${key}`, () => this.#unit(service), lastGood?.units.get(key));
      if (unit !== undefined) units.set(key, unit);
    }
    outbound.set(units);
    return outbound;
  }

  #unit(service: Parameters<typeof effectiveService>[1]): ServiceUnit {
    const effective = effectiveService(this.#snapshot, service, this.#owners);
    return serviceUnit(this.#cache, effective, this.#snapshot.mesh.trustDomain);
  }

  /** Publishes whole or not at all: what fails to build keeps its last good state, and says so. */
  #guard<T, D>(what: string, build: () => T, lastGood: D): T | D {
    try {
      const built = build();
      this.#problems.delete(what);
      return built;
    } catch (thrown) {
      const { message } = MeshError.from(thrown);
      this.#problems.set(what, {
        severity: 'error',
        code: 'not-compiled',
        object: '',
        origin: { kind: 'cluster', cluster: 'compiled' },
        field: '',
        message: `${what} can't be compiled and keeps what it had: ${message}`,
        hint: 'this is a bug of Coxswain: please report it',
      });
      return lastGood;
    }
  }

  #updateServices(scope: Scope): ReadonlySet<OutboundPart> {
    const keys = new Set(scope.services);
    if (scope.servicesChanged) {
      const before = this.#owners;
      this.#owners = addressOwners(this.#snapshot);
      // An address that went from one service to another changes both.
      for (const owners of [before, this.#owners]) {
        for (const [address, owner] of owners) {
          const [was, is] = [before.get(address), this.#owners.get(address)];
          if (was?.meta.name !== is?.meta.name || was?.meta.namespace !== is?.meta.namespace) {
            keys.add(`${owner.meta.namespace}/${owner.meta.name}`);
          }
        }
      }
    }
    if (keys.size === 0) return new Set();
    const units = new Map<string, ServiceUnit | undefined>();
    for (const key of keys) {
      const [namespace = '', name = ''] = key.split('/');
      const service = this.#snapshot.services.get(namespace)?.get(name);
      const known = this.#outbound.units.get(key);
      if (service === undefined) this.#problems.delete(`service ${key}`);
      units.set(key, service && this.#guard(`service ${key}`, () => this.#unit(service), known));
    }
    return this.#outbound.set(units);
  }

  /** Moves proxies whose view is another one now; returns what each had in its old one, as it was before this change. */
  #updateMembership(scope: Scope): ReadonlyMap<Member, InboundUnit> {
    const moved = new Map<Member, InboundUnit>();
    for (const member of this.#candidates(scope)) {
      const state = this.#stateFor(member.proxy, member.state.inbound);
      if (state === member.state) continue;
      moved.set(member, member.state.inbound);
      this.#leave(member);
      this.#enter(member, state);
    }
    return moved;
  }

  /** The proxies whose view may be another one now. */
  #candidates(scope: Scope): ReadonlySet<Member> {
    const found = new Set<Member>();
    for (const key of scope.workloads) for (const member of this.#members.get(key) ?? []) found.add(member);
    for (const namespace of scope.selectorsChanged === 'all' ? [...this.#labels.keys()] : scope.selectorsChanged) {
      const before = this.#labels.get(namespace);
      if (before === undefined) continue;
      const after = labelsRead(this.#snapshot, namespace);
      this.#labels.set(namespace, after);
      const same = before.size === after.size && [...after].every((key) => before.has(key));
      if (same && !scope.pinsChanged.has(namespace)) continue;
      for (const state of this.#byNamespace.get(namespace) ?? []) for (const member of state.proxies) found.add(member);
    }
    return found;
  }

  *#statesIn(scope: Scope): Iterable<ViewState> {
    const candidates =
      scope.views.namespaces === 'all'
        ? [this.#views.values()]
        : [...scope.views.namespaces].map((namespace) => this.#byNamespace.get(namespace) ?? []);
    for (const states of candidates) for (const state of states) if (scope.views.reads(state.view)) yield state;
  }

  #inbound(view: View): InboundUnit {
    this.#viewsCompiled += 1;
    return inboundUnit(this.#cache, effectiveInbound(this.#snapshot, view), this.#snapshot.mesh);
  }

  /** Everything anew; returns what each proxy had. */
  #recompileAll(): ReadonlyMap<Member, InboundUnit> {
    this.#owners = addressOwners(this.#snapshot);
    this.#problems.clear();
    this.#outbound = this.#compileOutbound(this.#outbound);
    this.#labels.clear();
    const members = [...this.#members.values()].flatMap((named) => [...named]);
    const before = new Map(members.map((member) => [member, member.state.inbound]));
    this.#views.clear();
    this.#byNamespace.clear();
    for (const member of members) this.#enter(member, this.#stateFor(member.proxy, member.state.inbound));
    return before;
  }

  /** The state of a proxy's view. `lastGood` is what the proxy keeps where its view is new and can't be compiled. */
  #stateFor(proxy: Proxy, lastGood?: InboundUnit): ViewState {
    let read = this.#labels.get(proxy.namespace);
    if (read === undefined) {
      read = labelsRead(this.#snapshot, proxy.namespace);
      this.#labels.set(proxy.namespace, read);
    }
    const view = viewOf(this.#snapshot, proxy, read);
    const known = this.#views.get(view.id);
    if (known !== undefined) return known;
    const inbound =
      lastGood === undefined
        ? this.#inbound(view)
        : this.#guard(`view ${view.id}`, () => this.#inbound(view), lastGood);
    const state: ViewState = { view, proxies: new Set(), inbound };
    this.#views.set(view.id, state);
    const inNamespace = this.#byNamespace.get(view.namespace) ?? new Set();
    this.#byNamespace.set(view.namespace, inNamespace.add(state));
    return state;
  }

  #enter(member: Member, state: ViewState): void {
    member.state = state;
    state.proxies.add(member);
  }

  #leave(member: Member): void {
    const { state } = member;
    state.proxies.delete(member);
    if (state.proxies.size > 0 || this.#views.get(state.view.id) !== state) return;
    this.#views.delete(state.view.id);
    this.#problems.delete(`view ${state.view.id}`);
    const inNamespace = this.#byNamespace.get(state.view.namespace);
    inNamespace?.delete(state);
    if (inNamespace?.size === 0) {
      this.#byNamespace.delete(state.view.namespace);
      this.#labels.delete(state.view.namespace);
    }
  }

  #layers({ view, inbound }: ViewState, type: TypeUrl): readonly Layer[] {
    const sidecar = view.kind === 'sidecar';
    switch (type) {
      case types.cluster:
        return sidecar ? [this.#outbound.clusters, inbound.clusters] : [this.#outbound.clusters];
      case types.endpoint:
        return [this.#outbound.endpoints];
      case types.listener:
        return sidecar ? [this.#outbound.listeners, inbound.listeners] : [];
      case types.route:
        if (view.routes === 'inline') return [this.#outbound.inlineRoutes(view.namespace)];
        return [this.#outbound.routes];
      case types.virtualHost:
        return view.routes === 'vhds' ? [this.#outbound.virtualHosts(view.namespace)] : [];
      case types.extension:
        return sidecar ? [inbound.extensions] : [];
      default:
        return [];
    }
  }
}
