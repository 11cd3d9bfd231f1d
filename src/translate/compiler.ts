import type { Finding } from '../model/finding.ts';
import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { Proxy } from '../model/proxy.ts';
import { emptyLayer, type Layer } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';
import type { Change } from '../snapshot/diff.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { affected, type Scope } from './affected.ts';
import { changedTypes } from './announce.ts';
import { BuildCache } from './cache.ts';
import { type InboundUnit, inboundUnit } from './inbound-unit.ts';
import { type OutboundPart, outboundParts } from './outbound.ts';
import { Policies } from './policies.ts';
import { effectiveInbound } from './policy/inbound.ts';
import { Problems } from './problems.ts';
import { Services } from './services.ts';
import type { View } from './view.ts';
import { type Member, problemOf, type ViewState, Views } from './views.ts';

/** Hears which types may have other layers now. */
export type Listener = (changed: ReadonlySet<TypeUrl>) => void;

/** One proxy's window on the compiled configuration. */
export interface CompiledProxy extends Disposable {
  readonly view: ViewId;
  layers(type: TypeUrl): readonly Layer[];
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
  readonly #problems = new Problems();
  readonly #services: Services;
  readonly #views: Views;
  #snapshot: Snapshot;
  #policies: Policies;
  #viewsCompiled = 0;
  #unfinished = false;
  #generation: number;

  constructor(snapshot: Snapshot, cache: BuildCache = new BuildCache()) {
    this.#cache = cache;
    this.#snapshot = snapshot;
    this.#policies = new Policies(snapshot);
    this.#generation = snapshot.generation;
    this.#services = new Services(snapshot, cache, this.#problems);
    this.#views = new Views({
      problems: this.#problems,
      snapshot: () => this.#snapshot,
      policies: () => this.#policies,
      inbound: (view) => this.#inbound(view),
    });
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Generation of the last snapshot that was compiled without a problem, and that everybody concerned was told of. */
  get generation(): number {
    return this.#generation;
  }

  /** How much work was done, for tests and metrics: what a change didn't touch must not show up here. */
  stats(): { readonly views: number; readonly viewsCompiled: number; readonly cache: ReturnType<BuildCache['stats']> } {
    return { views: this.#views.size, viewsCompiled: this.#viewsCompiled, cache: this.#cache.stats() };
  }

  /** The views now, with the names of their proxies. */
  views(): readonly { readonly view: View; readonly proxies: readonly Proxy[] }[] {
    return this.#views.all().map(({ view, proxies }) => ({
      view,
      proxies: [...proxies].map(({ proxy }) => proxy),
    }));
  }

  /** What could not be compiled. */
  get findings(): readonly Finding[] {
    return this.#problems.findings;
  }

  /** Compiles for a proxy, and tells `listener` whenever something it gets may have changed. */
  attach(proxy: Proxy, listener: Listener): CompiledProxy {
    const member = this.#views.join(proxy, listener);
    return {
      get view() {
        return member.state.view.id;
      },
      layers: (type) => this.#layers(member.state, type),
      [Symbol.dispose]: () => this.#views.leave(member),
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
      this.#policies = new Policies(snapshot);
      this.#problems.clear();
      this.#services.rebuild(snapshot);
      const before = this.#views.rebuild();
      this.#tell(
        new Set(outboundParts),
        new Map(),
        unfinished ? new Map([...before.keys()].map((member) => [member, nothing])) : before,
      );
    } else {
      this.#policies.update(changes);
      this.#updateAffected(affected(previous, snapshot, changes));
    }
    this.#unfinished = false;
    if (this.#problems.findings.length === 0) this.#generation = snapshot.generation;
  }

  #updateAffected(scope: Scope): void {
    const parts = this.#services.update(this.#snapshot, scope);
    const moved = this.#views.move(scope);
    const recompiled = new Map<ViewState, InboundUnit>();
    for (const state of this.#views.in(scope)) {
      recompiled.set(state, state.inbound);
      state.inbound = this.#problems.guard(problemOf(state.view), () => this.#inbound(state.view), state.inbound);
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
    for (const state of parts.size > 0 ? this.#views.all() : recompiled.keys()) {
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

  #inbound(view: View): InboundUnit {
    this.#viewsCompiled += 1;
    return inboundUnit(this.#cache, effectiveInbound(this.#snapshot, view, this.#policies), this.#snapshot.mesh);
  }

  #layers({ view, inbound }: ViewState, type: TypeUrl): readonly Layer[] {
    const { outbound } = this.#services;
    const sidecar = view.kind === 'sidecar';
    switch (type) {
      case types.cluster:
        return sidecar ? [outbound.clusters, inbound.clusters] : [outbound.clusters];
      case types.endpoint:
        return [outbound.endpoints];
      case types.listener:
        return sidecar ? [outbound.listeners, inbound.listeners] : [];
      case types.route:
        if (view.routes === 'inline') return [outbound.inlineRoutes(view.namespace)];
        return [outbound.routes];
      case types.virtualHost:
        return view.routes === 'vhds' ? [outbound.virtualHosts(view.namespace)] : [];
      case types.extension:
        return sidecar ? [inbound.extensions] : [];
      default:
        return [];
    }
  }
}
