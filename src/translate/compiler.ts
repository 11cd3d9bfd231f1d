import { type Credentials, noCredentials } from '../model/credentials.ts';
import type { Finding } from '../model/finding.ts';
import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { Proxy } from '../model/proxy.ts';
import type { Layer } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';
import type { Change } from '../snapshot/diff.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { affected, type Scope } from './affected.ts';
import { changedTypes } from './announce.ts';
import { BuildCache } from './cache.ts';
import { edgeFindings, once } from './edge-findings.ts';
import { EdgeMemo } from './edge-memo.ts';
import { edgeRoutes } from './edge-routes.ts';
import { gatewayUnit } from './gateway-unit.ts';
import { emptyUnit, inboundUnit, type ProxyUnit } from './inbound-unit.ts';
import type { Outbound } from './outbound.ts';
import type { OutboundPart } from './outbound-parts.ts';
import { overlaid } from './overlaid.ts';
import { Policies } from './policies.ts';
import { clientOf } from './policy/client.ts';
import { effectiveInbound } from './policy/inbound.ts';
import { Problems } from './problems.ts';
import { Services } from './services.ts';
import type { View } from './view.ts';
import { type Compiled, type Member, problemOf, type ViewState, Views } from './views.ts';

/** Hears which types may have other layers now. */
export type Listener = (changed: ReadonlySet<TypeUrl>) => void;

/** One proxy's window on the compiled configuration. */
export interface CompiledProxy extends Disposable {
  readonly view: ViewId;
  layers(type: TypeUrl): readonly Layer[];
  /** The secrets of its namespace that a router's chains name: no layer has them, as nothing here may know a key. */
  readonly credentials: Credentials;
}

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
  /** What each router's edge was made of. */
  readonly #edges = new WeakMap<View, EdgeMemo>();
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
      own: (view, outbound) => this.#own(view, outbound),
      outbound: (view) => this.#services.for(clientOf(this.#snapshot, view)),
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

  /** What of the objects at the edge can't hold: each once, whichever routers would have it. */
  get edgeFindings(): readonly Finding[] {
    const connected = this.#views.all().flatMap(({ compiled }) => compiled.own.findings);
    return once([...connected, ...edgeFindings(this.#snapshot)]);
  }

  /** What connected routers show to clients. */
  get credentials(): readonly Credentials[] {
    return [...new Set(this.#views.all().map(({ compiled }) => compiled.own.credentials))];
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
      get credentials() {
        return member.state.compiled.own.credentials;
      },
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
      const known = (compiled: Compiled): Compiled => (unfinished ? { ...compiled, own: emptyUnit } : compiled);
      this.#tell(new Map(), new Map(), new Map([...before].map(([member, compiled]) => [member, known(compiled)])));
    } else {
      this.#policies.update(changes);
      this.#updateAffected(affected(previous, snapshot, changes));
    }
    this.#unfinished = false;
    if (this.#problems.findings.length === 0) this.#generation = snapshot.generation;
  }

  #updateAffected(scope: Scope): void {
    const parts = this.#services.update(this.#snapshot, scope);
    // First who moves, with what each had: what comes next changes that.
    const moved = this.#views.move(scope);
    const recompiled = new Map<ViewState, Compiled>();
    if (scope.clientsChanged) this.#followRules(recompiled);
    for (const state of new Set([...this.#views.in(scope), ...this.#otherCredentials(parts, recompiled)])) {
      const { compiled, view } = state;
      if (!recompiled.has(state)) recompiled.set(state, compiled);
      const own = this.#problems.guard(problemOf(view), () => this.#own(view, compiled.outbound), compiled.own);
      state.compiled = { ...compiled, own };
    }
    this.#tell(parts, recompiled, moved);
    if (scope.clientsChanged)
      this.#services.keepOnly(new Set(this.#views.all().map(({ compiled }) => compiled.outbound)));
  }

  /** Routers whose clusters name other Secrets than before. */
  #otherCredentials(
    parts: ReadonlyMap<Outbound, ReadonlySet<OutboundPart>>,
    recompiled: ReadonlyMap<ViewState, Compiled>,
  ): readonly ViewState[] {
    if (parts.size === 0 && recompiled.size === 0) return [];
    return this.#views.all().filter((state) => {
      if (state.view.kind !== 'router') return false;
      const { outbound } = state.compiled;
      const before = recompiled.get(state)?.outbound ?? outbound;
      return before.credentials !== outbound.credentials || parts.get(outbound)?.has('credentials') === true;
    });
  }

  /** Gives each view the outbound side of the client that it is now. */
  #followRules(recompiled: Map<ViewState, Compiled>): void {
    for (const state of this.#views.all()) {
      const outbound = this.#services.for(clientOf(this.#snapshot, state.view));
      if (outbound === state.compiled.outbound) continue;
      recompiled.set(state, state.compiled);
      state.compiled = { ...state.compiled, outbound };
    }
  }

  /** `recompiled` and `moved` say what a view, or a proxy that came to its view only now, had before. */
  #tell(
    parts: ReadonlyMap<Outbound, ReadonlySet<OutboundPart>>,
    recompiled: ReadonlyMap<ViewState, Compiled>,
    moved: ReadonlyMap<Member, Compiled>,
  ): void {
    const changed = ({ view, compiled }: ViewState, before: Compiled): ReadonlySet<TypeUrl> =>
      changedTypes(view, partsThatDiffer(view, parts, before, compiled), before.own, compiled.own);
    for (const state of parts.size > 0 ? this.#views.all() : recompiled.keys()) {
      const types = changed(state, recompiled.get(state) ?? state.compiled);
      if (types.size === 0) continue;
      for (const member of state.proxies) if (!moved.has(member)) member.listener(types);
    }
    for (const [member, before] of moved) {
      const types = changed(member.state, before);
      // Whoever was told before may have ended this proxy's stream.
      if (types.size > 0 && member.state.proxies.has(member)) member.listener(types);
    }
  }

  #own(view: View, outbound: Outbound): ProxyUnit {
    this.#viewsCompiled += 1;
    const inbound = effectiveInbound(this.#snapshot, view, this.#policies);
    if (view.kind === 'sidecar') return inboundUnit(this.#cache, inbound, this.#snapshot.mesh);
    const memo = this.#edges.get(view) ?? new EdgeMemo();
    this.#edges.set(view, memo);
    const edge = edgeRoutes(this.#snapshot, view, (port) => this.#services.routeTargets(view, port), memo);
    const unit = gatewayUnit(this.#cache, this.#snapshot, view, inbound, edge, outbound.credentials, memo);
    return view.registered ? unit : { ...unit, credentials: noCredentials };
  }

  #layers({ view, compiled: { own, outbound } }: ViewState, type: TypeUrl): readonly Layer[] {
    const sidecar = view.kind === 'sidecar';
    switch (type) {
      case types.cluster:
        return [overlaid(outbound.clusters, own.withheld), own.clusters];
      case types.endpoint:
        return [outbound.endpoints];
      case types.secret:
        return [outbound.secrets];
      case types.listener:
        return sidecar ? [outbound.listeners, own.listeners] : [own.listeners];
      case types.route:
        if (!sidecar) return [own.routes];
        if (view.routes === 'inline') return [outbound.inlineRoutes(view.namespace)];
        return [outbound.routes];
      case types.virtualHost:
        return sidecar && view.routes === 'vhds' ? [outbound.virtualHosts(view.namespace)] : [];
      case types.extension:
        return [own.extensions];
      default:
        return [];
    }
  }
}

const noParts: ReadonlySet<OutboundPart> = new Set();

/** The parts of the outbound side that a view had in another form, whether it changed or the view has another one now. */
function partsThatDiffer(
  { namespace, routes }: View,
  parts: ReadonlyMap<Outbound, ReadonlySet<OutboundPart>>,
  { outbound: before }: Compiled,
  { outbound: after }: Compiled,
): ReadonlySet<OutboundPart> {
  const changed = parts.get(before) ?? noParts;
  return before === after ? changed : new Set([...changed, ...after.differences(before, namespace, routes)]);
}
