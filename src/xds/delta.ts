import { types } from '../model/type-urls.ts';
import { takeApart } from './nack.ts';
import type { NameSet } from './name-set.ts';
import type { ErrorDetail } from './request.ts';
import { type Held, type InFlight, newState, type StepEnv, type TypeState } from './state.ts';
import type { Step, StreamInput, StreamOutput } from './step-types.ts';
import { covered, covers, hasLegacyWildcard, type Subscription, splitWildcard } from './subscription.ts';

type DeltaInput = Extract<StreamInput, { kind: 'delta-request' }>;

/** One DeltaDiscoveryRequest: changes of the subscription, and an answer to a response where it carries its nonce. */
export function deltaRequest(state: TypeState | undefined, input: DeltaInput, env: StepEnv): Step {
  const next = state === undefined ? open(input, env) : resubscribe(state, input, env);
  if (next.subscription.names.names.size > env.maxNames) {
    return tooManyNames(next, env);
  }
  if (state === undefined || input.nonce === '') {
    return [next, []];
  }
  return answered(next, input.nonce, input.error, env);
}

export function tooManyNames(state: TypeState, env: StepEnv): Step {
  const message = `more than ${env.maxNames} names in one subscription`;
  return [state, [{ kind: 'close', message }]];
}

/** First request of a type: a subscription, and what the client kept from an earlier stream. */
function open(input: DeltaInput, env: StepEnv): TypeState {
  const { type, initial, layers } = input;
  const asked = splitWildcard(input.subscribe, env.sets);
  let names = asked.names;
  let wildcard = asked.wildcard;
  if (input.subscribe.names.size === 0) {
    if (hasLegacyWildcard(type)) {
      wildcard = true;
    } else if (initial !== undefined) {
      names = env.sets.of(initial.names());
    }
  }
  const gone = splitWildcard(input.unsubscribe, env.sets);
  const subscription: Subscription = {
    wildcard: wildcard && !gone.wildcard,
    names: env.sets.change(names, [], gone.names.names),
  };
  const state = newState(type, 'delta', subscription, env.sets);
  if (initial === undefined || initial.count === 0) {
    return state;
  }
  const exceptions = initial.compare(layers, subscription, type);
  // One answer to each stream, be it empty: an Envoy that hears nothing waits longer before it opens the next one.
  const owed = type === types.cluster && subscription.wildcard;
  return { ...state, owed, held: { layers, ...subscription, exceptions, leftovers: [] } };
}

/** Later requests: names come and go. A name that is asked for again is sent again. */
function resubscribe(state: TypeState, input: DeltaInput, env: StepEnv): TypeState {
  if (input.subscribe.names.size === 0 && input.unsubscribe.names.size === 0) {
    return state;
  }
  const { sets } = env;
  const added = splitWildcard(input.subscribe, sets);
  const gone = splitWildcard(input.unsubscribe, sets);
  const { subscription } = state;
  const wildcard = (subscription.wildcard || added.wildcard) && !gone.wildcard;
  const dropped = sets.minus(gone.names, added.names);
  const names = sets.change(subscription.names, added.names.names, dropped.names);
  const known = state.inFlight?.target.names ?? state.held.names;
  // The client forgets a name that it unsubscribes from, although a wildcard or a namespace may still cover it.
  const next: Subscription = { wildcard, names };
  const again = [...dropped.names].filter(
    (name) => subscription.names.names.has(name) && covers(next, state.type, name),
  );
  const repeated = [...added.names.names].filter((name) => known.names.has(name));
  return {
    ...state,
    subscription: next,
    held: forget(state.held, dropped, wildcard, env),
    inFlight: state.inFlight && { ...state.inFlight, target: forget(state.inFlight.target, dropped, wildcard, env) },
    refresh: covered(next, state.type, sets.change(state.refresh, [...repeated, ...again], dropped.names), sets),
    // Everything is asked for anew: the client waits for the answer even if there is nothing.
    owed: state.owed || (added.wildcard && !subscription.wildcard),
  };
}

/** The client dropped these itself. */
export function forget(held: Held, dropped: NameSet, wildcard: boolean, env: StepEnv): Held {
  return { ...held, wildcard: held.wildcard && wildcard, names: env.sets.change(held.names, [], dropped.names) };
}

/** An ACK moves the pointer; a NACK is `error_detail`, and nothing else (xDS protocol, "ACK and NACK"). */
export function answered(state: TypeState, nonce: string, error: ErrorDetail | undefined, env: StepEnv): Step {
  const { inFlight } = state;
  if (inFlight === undefined || inFlight.payload.nonce !== nonce) {
    return [state, [{ kind: 'stale-nonce' }]];
  }
  return error === undefined ? acknowledged(state, inFlight) : rejected(state, inFlight, error, env);
}

export function acknowledged(state: TypeState, { payload, target }: InFlight): Step {
  const next: TypeState = {
    ...state,
    held: target,
    inFlight: undefined,
    exchange: { ...state.exchange, acked: payload.id, error: stillRefused(target) ? state.exchange.error : undefined },
  };
  return [next, [{ kind: 'acked', payload }]];
}

/** Some of a refused response is still out: an ACK of the rest does not make that good. */
function stillRefused(held: Held): boolean {
  return held.exceptions.values().some((version) => version === undefined);
}

/**
 * The client is where it was meant to be, but for the resources of the response: of those we can't know, because Envoy
 * applies the good ones of a bad response. A single one is to blame and gets parked; several are taken apart.
 */
function rejected(state: TypeState, { payload, target }: InFlight, error: ErrorDetail, env: StepEnv): Step {
  const { resources, removed } = payload.content;
  const names = [...resources.map((resource) => resource.name), ...removed];
  const outputs: StreamOutput[] = [{ kind: 'rejected', payload, error }];
  const [only] = names;
  if (only !== undefined && names.length === 1) {
    outputs.push({ kind: 'park', name: only, version: resources[0]?.version ?? '', error });
  }
  const exceptions = new Map(target.exceptions);
  for (const name of names) {
    exceptions.set(name, undefined);
  }
  const next: TypeState = {
    ...state,
    held: { ...target, exceptions },
    inFlight: undefined,
    retry: names.length > 1 ? [...takeApart(names, error.message), ...state.retry] : state.retry,
    refresh: env.sets.change(state.refresh, [], names),
    exchange: { ...state.exchange, error },
  };
  return [next, outputs];
}
