import type { TypeUrl } from '../model/ids.ts';
import { types } from '../model/type-urls.ts';
import { diffLayers, findResource, type Layers, sameLayers, transitions } from './layers.ts';
import type { NameSet } from './name-set.ts';
import type { Payload } from './state.ts';
import { type Held, noExceptions, type ParkedNames, type StepEnv, type TypeState } from './state.ts';
import { covers, resolve } from './subscription.ts';

/**
 * `updates` is the first pass over a stream's types; `rest` the second, in reverse order, when removals go out: nothing is
 * taken away before what used it was told (make before break, architecture decision 10).
 */
export type Pass = 'updates' | 'rest';

/** What a type's state asks for. */
export type Plan =
  | { readonly kind: 'send'; readonly payload: Payload; readonly target: Held; readonly rest: Rest }
  | { readonly kind: 'idle'; readonly held: Held }
  /** Only removals are left. */
  | { readonly kind: 'removals' };

/** What is left to do once the response is on its way. */
export interface Rest {
  readonly retry: TypeState['retry'];
  readonly refresh: NameSet;
}

/** Compares what a client holds with the layers that it should have. Incremental: for delta, and for SotW types whose responses may be partial. */
export function plan(state: TypeState, layers: Layers, env: StepEnv, pass: Pass): Plan {
  const retry = planRetry(state, layers, env, pass);
  if (retry !== undefined) {
    return retry;
  }
  const { held, subscription } = state;
  if (upToDate(state, layers) && !awaitsAnswer(state)) {
    return { kind: 'idle', held };
  }
  const fast = planFast(state, layers, env);
  if (fast === undefined) {
    return planSlow(state, layers, env, pass);
  }
  if (env.parked.size > 0 && holdsParked(fast.all, env.parked)) {
    return planSlow(state, layers, env, pass);
  }
  const leftovers = held.leftovers;
  return finish(
    state,
    { layers, wildcard: subscription.wildcard, names: subscription.names, exceptions: noExceptions, leftovers },
    fast,
    pass,
    env,
  );
}

/** Whether the client is to be told even that there is nothing for it. */
function awaitsAnswer({ owed, mode, subscription }: TypeState): boolean {
  return owed && mode === 'delta' && subscription.wildcard;
}

/** Pointers are equal: the answer to most questions, in no time. */
function upToDate({ held, subscription, refresh }: TypeState, layers: Layers): boolean {
  return (
    sameLayers(held.layers, layers) &&
    held.names === subscription.names &&
    held.wildcard === subscription.wildcard &&
    refresh.names.size === 0 &&
    held.exceptions.size === 0 &&
    held.leftovers.length === 0 &&
    (held.layers.length > 0 || held.wildcard || held.names.names.size > 0)
  );
}

interface Candidate {
  readonly all: Payload;
  /** The same without removals. */
  updates(): Payload;
}

/** The cases that all clients of a view are in at the same time; undefined: none of them. */
function planFast(state: TypeState, layers: Layers, env: StepEnv): Candidate | undefined {
  const { held, subscription, type, mode } = state;
  if (
    held.exceptions.size > 0 ||
    held.leftovers.length > 0 ||
    (subscription.wildcard && held.layers.length > 0 && !held.wildcard)
  ) {
    return undefined;
  }
  const { sets, payloads } = env;
  const asked = sets.with(sets.minus(subscription.names, held.names), state.refresh);
  const fresh = held.layers.length === 0 && !held.wildcard && held.names.names.size === 0;
  if (fresh && subscription.wildcard) {
    if (asked.names.size > 0) {
      return undefined;
    }
    const arg = { type, mode, from: [], to: layers, subscription };
    return { all: payloads.transition(arg), updates: () => payloads.transition({ ...arg, updatesOnly: true }) };
  }
  if (fresh || (asked.names.size > 0 && sameLayers(held.layers, layers))) {
    const arg = { type, mode, layers, names: asked, removed: sets.empty };
    return { all: payloads.subset(arg), updates: () => payloads.subset({ ...arg, updatesOnly: true }) };
  }
  if (asked.names.size > 0 || held.wildcard !== subscription.wildcard) {
    return undefined;
  }
  const arg = { type, mode, from: held.layers, to: layers, subscription };
  return { all: payloads.transition(arg), updates: () => payloads.transition({ ...arg, updatesOnly: true }) };
}

function holdsParked(payload: Payload, parked: ParkedNames): boolean {
  return (
    payload.content.resources.some((resource) => parked.has(resource.name, resource.version)) ||
    payload.content.removed.some((name) => parked.has(name, ''))
  );
}

/** Name by name: what differs from the layers on either side, what was asked for, and never what is parked. */
function planSlow(state: TypeState, layers: Layers, env: StepEnv, pass: Pass): Plan {
  const { held, subscription, type, mode } = state;
  const known = new Map(held.exceptions);
  if (held.leftovers.length > 0 && sameLayers(held.layers, layers) && known.size === 0 && nothingAsked(state, env)) {
    return planLeftovers(state, env, pass);
  }
  for (const name of held.leftovers) {
    known.set(name, undefined);
  }
  const send = new Set<string>();
  const removed = new Set<string>();
  collectChanges(state, layers, known, send, removed);
  collectAsked(state, layers, env, send, removed);
  for (const [name, version] of known) {
    if (covers(subscription, type, name)) {
      const current = findResource(layers, name);
      if (current !== undefined && current.version !== version) {
        send.add(name);
      } else if (current === undefined && version !== '') {
        removed.add(name);
      }
    }
  }
  const exceptions = setParkedAside(layers, env.parked, known, send, removed);
  const arg = { type, mode, layers, names: env.sets.of(send), removed: env.sets.of(removed) };
  const target = { layers, wildcard: subscription.wildcard, names: subscription.names, exceptions, leftovers: [] };
  const candidate = {
    all: env.payloads.subset(arg),
    updates: () => env.payloads.subset({ ...arg, updatesOnly: true }),
  };
  return finish(state, target, candidate, pass, env);
}

function nothingAsked(state: TypeState, env: StepEnv): boolean {
  return (
    state.refresh.names.size === 0 &&
    env.sets.minus(state.subscription.names, state.held.names).names.size === 0 &&
    state.subscription.wildcard === state.held.wildcard
  );
}

function planLeftovers(state: TypeState, env: StepEnv, pass: Pass): Plan {
  const { held, type, mode, subscription } = state;
  const target: Held = { ...held, leftovers: [] };
  const left = held.leftovers.filter((name) => covers(subscription, type, name) && !env.parked.has(name, ''));
  if (left.length === 0) {
    return { kind: 'idle', held: target };
  }
  if (pass === 'updates') {
    return { kind: 'removals' };
  }
  const removed = env.sets.of(left);
  const payload = env.payloads.subset({ type, mode, layers: held.layers, names: env.sets.empty, removed });
  return { kind: 'send', payload, target, rest: nothingLeft(env) };
}

function collectChanges(
  state: TypeState,
  layers: Layers,
  known: ReadonlyMap<string, unknown>,
  send: Set<string>,
  removed: Set<string>,
): void {
  const { held, subscription, type } = state;
  const changes = diffLayers(held.layers, layers, transitions(held.layers, layers));
  for (const { name } of changes.resources) {
    if (!known.has(name) && covers(subscription, type, name)) {
      send.add(name);
    }
  }
  for (const name of changes.removed) {
    if (!known.has(name) && covers(subscription, type, name)) {
      removed.add(name);
    }
  }
}

function collectAsked(state: TypeState, layers: Layers, env: StepEnv, send: Set<string>, removed: Set<string>): void {
  const { held, subscription, type } = state;
  const asked = env.sets.with(env.sets.minus(subscription.names, held.names), state.refresh);
  const { found, missing } = resolve(asked, type, layers);
  for (const { name } of found) {
    send.add(name);
  }
  for (const name of missing) {
    removed.add(name);
  }
  if (subscription.wildcard && !held.wildcard) {
    for (const layer of layers) {
      for (const name of layer.resources.keys()) {
        send.add(name);
      }
    }
  }
}

/** Takes parked resources out of a response, and notes that the client is without them. */
function setParkedAside(
  layers: Layers,
  parked: ParkedNames,
  known: ReadonlyMap<string, string | undefined>,
  send: Set<string>,
  removed: Set<string>,
): ReadonlyMap<string, string | undefined> {
  if (parked.size === 0) {
    return noExceptions;
  }
  const aside = new Map<string, string | undefined>();
  for (const name of send) {
    if (parked.has(name, findResource(layers, name)?.version ?? '')) {
      send.delete(name);
      aside.set(name, known.get(name));
    }
  }
  for (const name of removed) {
    if (parked.has(name, '')) {
      removed.delete(name);
      aside.set(name, known.get(name));
    }
  }
  return aside;
}

/** The next part of a response that was taken apart. */
function planRetry(state: TypeState, layers: Layers, env: StepEnv, pass: Pass): Plan | undefined {
  for (const [index, group] of state.retry.entries()) {
    const { held, type, mode } = state;
    const { send, removed } = retriable(state, group, layers, env.parked);
    const payload = env.payloads.subset({
      type,
      mode,
      layers,
      names: env.sets.of(send),
      removed: env.sets.of(removed),
    });
    if (payload.content.resources.length + payload.content.removed.length > 0) {
      if (pass === 'updates' && send.length === 0) {
        return { kind: 'removals' };
      }
      const exceptions = new Map(held.exceptions);
      for (const name of [...send, ...removed]) {
        settle(exceptions, held, name, findResource(layers, name)?.version ?? '');
      }
      const rest = { retry: state.retry.slice(index + 1), refresh: state.refresh };
      return { kind: 'send', payload, target: { ...held, exceptions }, rest };
    }
  }
  return undefined;
}

/** What of a rejected part is still wanted, and not parked by now. */
function retriable(state: TypeState, group: readonly string[], layers: Layers, parked: ParkedNames) {
  const send: string[] = [];
  const removed: string[] = [];
  for (const name of group) {
    const current = findResource(layers, name);
    if (covers(state.subscription, state.type, name) && !parked.has(name, current?.version ?? '')) {
      (current === undefined ? removed : send).push(name);
    }
  }
  return { send, removed };
}

/** Notes that a client holds a version: no exception where the layers say the same. */
function settle(exceptions: Map<string, string | undefined>, held: Held, name: string, version: string): void {
  if ((findResource(held.layers, name)?.version ?? '') === version) {
    exceptions.delete(name);
  } else {
    exceptions.set(name, version);
  }
}

/** Turns a payload into a plan: nothing to say, removals later, or a response. */
function finish(state: TypeState, target: Held, candidate: Candidate, pass: Pass, env: StepEnv): Plan {
  const rest = nothingLeft(env);
  const { resources, removed } = candidate.all.content;
  if (resources.length === 0 && removed.length === 0) {
    return awaitsAnswer(state)
      ? { kind: 'send', payload: candidate.all, target, rest }
      : { kind: 'idle', held: target };
  }
  if (resources.length === 0 && pass === 'updates') {
    return { kind: 'removals' };
  }
  if (resources.length > 0 && removed.length > 0 && removesLate(state.type)) {
    return { kind: 'send', payload: candidate.updates(), target: { ...target, leftovers: removed }, rest };
  }
  return { kind: 'send', payload: candidate.all, target, rest };
}

export function nothingLeft(env: StepEnv): Rest {
  return { retry: [], refresh: env.sets.empty };
}

/**
 * Listeners, routes and the like are swapped in one response (a new listener may take the address of the one that goes);
 * clusters and endpoints stay until what named them has been told.
 */
function removesLate(type: TypeUrl): boolean {
  return type === types.cluster || type === types.endpoint;
}

/** Names that were asked for and that stand for nothing. */
export function unanswered(names: NameSet, type: TypeUrl, layers: Layers): readonly string[] {
  return names.names.size === 0 ? [] : resolve(names, type, layers).missing;
}
