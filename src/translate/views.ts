import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { Proxy } from '../model/proxy.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Scope } from './affected.ts';
import type { ProxyUnit } from './inbound-unit.ts';
import type { Outbound } from './outbound.ts';
import type { Policies } from './policies.ts';
import type { Problems } from './problems.ts';
import { labelsRead, type View, viewOf } from './view.ts';

/** What proxies of a view get: a side of their own, and one that all clients alike share. */
export interface Compiled {
  readonly own: ProxyUnit;
  readonly outbound: Outbound;
}

/** A view with the proxies that belong to it, and what is compiled for it. */
export interface ViewState {
  readonly view: View;
  readonly proxies: Set<Member>;
  compiled: Compiled;
}

/** A proxy that somebody listens for. */
export interface Member {
  readonly proxy: Proxy;
  /** Hears which types may have other layers now. */
  readonly listener: (changed: ReadonlySet<TypeUrl>) => void;
  state: ViewState;
}

/** What a table of views needs from its compiler. */
export interface ViewCompiler {
  readonly problems: Problems;
  readonly snapshot: () => Snapshot;
  readonly policies: () => Policies;
  readonly own: (view: View, outbound: Outbound) => ProxyUnit;
  readonly outbound: (view: View) => Outbound;
}

/** Who belongs to which view. A view is compiled when its first proxy comes, and forgotten with its last. */
export class Views {
  readonly #compiler: ViewCompiler;
  readonly #views = new Map<ViewId, ViewState>();
  readonly #byNamespace = new Map<string, Set<ViewState>>();
  readonly #members = new Map<string, Set<Member>>();
  /** The labels that selectors read, by namespace with a view. */
  readonly #labels = new Map<string, ReadonlySet<string>>();

  constructor(compiler: ViewCompiler) {
    this.#compiler = compiler;
  }

  get size(): number {
    return this.#views.size;
  }

  all(): readonly ViewState[] {
    return [...this.#views.values()];
  }

  /** The views that read a change. */
  *in(scope: Scope): Iterable<ViewState> {
    const candidates =
      scope.views.namespaces === 'all'
        ? [this.#views.values()]
        : [...scope.views.namespaces].map((namespace) => this.#byNamespace.get(namespace) ?? []);
    for (const states of candidates) for (const state of states) if (scope.views.reads(state.view)) yield state;
  }

  join(proxy: Proxy, listener: Member['listener']): Member {
    const member: Member = { proxy, listener, state: this.#stateFor(proxy) };
    this.#enter(member, member.state);
    const key = nameOf(proxy);
    this.#members.set(key, (this.#members.get(key) ?? new Set()).add(member));
    return member;
  }

  leave(member: Member): void {
    this.#exit(member);
    const key = nameOf(member.proxy);
    const named = this.#members.get(key);
    named?.delete(member);
    if (named?.size === 0) this.#members.delete(key);
  }

  /** Moves proxies whose view is another one now; returns what each had in its old one, as it was before this change. */
  move(scope: Scope): ReadonlyMap<Member, Compiled> {
    const moved = new Map<Member, Compiled>();
    for (const member of this.#candidates(scope)) {
      const state = this.#stateFor(member.proxy, member.state.compiled);
      if (state === member.state) continue;
      moved.set(member, member.state.compiled);
      this.#exit(member);
      this.#enter(member, state);
    }
    return moved;
  }

  /** Everything anew; returns what each proxy had. */
  rebuild(): ReadonlyMap<Member, Compiled> {
    const members = [...this.#members.values()].flatMap((named) => [...named]);
    const before = new Map(members.map((member) => [member, member.state.compiled]));
    this.#labels.clear();
    this.#views.clear();
    this.#byNamespace.clear();
    for (const member of members) this.#enter(member, this.#stateFor(member.proxy, member.state.compiled));
    return before;
  }

  /** Looks up anew which labels selectors of a namespace read; false where those are others now. */
  #readsTheSame(namespace: string): boolean {
    const before = this.#labels.get(namespace);
    if (before === undefined) return true;
    const after = labelsRead(this.#compiler.snapshot(), namespace, this.#compiler.policies());
    this.#labels.set(namespace, after);
    return before.size === after.size && [...after].every((key) => before.has(key));
  }

  /** The proxies whose view may be another one now. */
  #candidates(scope: Scope): ReadonlySet<Member> {
    const found = new Set<Member>();
    for (const key of scope.workloads) for (const member of this.#members.get(key) ?? []) found.add(member);
    for (const namespace of scope.selectorsChanged === 'all' ? [...this.#labels.keys()] : scope.selectorsChanged) {
      if (this.#readsTheSame(namespace) && !scope.pinsChanged.has(namespace)) continue;
      for (const state of this.#byNamespace.get(namespace) ?? []) for (const member of state.proxies) found.add(member);
    }
    const routers = scope.gatewaysChanged ? this.all().filter(({ view }) => view.kind === 'router') : [];
    for (const { proxies } of routers) for (const member of proxies) found.add(member);
    return found;
  }

  /** The state of a proxy's view. `lastGood` is what the proxy keeps where its view is new and can't be compiled. */
  #stateFor(proxy: Proxy, lastGood?: Compiled): ViewState {
    const { own, outbound, problems, snapshot, policies } = this.#compiler;
    let read = this.#labels.get(proxy.namespace);
    if (read === undefined) {
      read = labelsRead(snapshot(), proxy.namespace, policies());
      this.#labels.set(proxy.namespace, read);
    }
    const view = viewOf(snapshot(), proxy, read);
    const known = this.#views.get(view.id);
    if (known !== undefined) return known;
    const side = outbound(view);
    const build = (): ProxyUnit => own(view, side);
    const unit = lastGood === undefined ? build() : problems.guard(problemOf(view), build, lastGood.own);
    const state: ViewState = { view, proxies: new Set(), compiled: { own: unit, outbound: side } };
    this.#views.set(view.id, state);
    this.#byNamespace.set(view.namespace, (this.#byNamespace.get(view.namespace) ?? new Set()).add(state));
    return state;
  }

  #enter(member: Member, state: ViewState): void {
    member.state = state;
    state.proxies.add(member);
  }

  #exit(member: Member): void {
    const { state } = member;
    state.proxies.delete(member);
    const { id, namespace } = state.view;
    if (state.proxies.size > 0 || this.#views.get(id) !== state) return;
    this.#views.delete(id);
    this.#compiler.problems.forget(problemOf(state.view));
    const inNamespace = this.#byNamespace.get(namespace);
    inNamespace?.delete(state);
    if (inNamespace?.size === 0) {
      this.#byNamespace.delete(namespace);
      this.#labels.delete(namespace);
    }
  }
}

/** What a view is called where it can't be compiled. */
export const problemOf = (view: View): string => `view ${view.id}`;

const nameOf = ({ namespace, name }: Proxy): string => `${namespace}/${name}`;
