import { acknowledged, answered, forget, tooManyNames } from './delta.ts';
import { heldAfterRefusal, isFull } from './sotw-full.ts';
import { newState, type StepEnv, type TypeState } from './state.ts';
import type { Step, StreamInput } from './step-types.ts';
import { covered, hasLegacyWildcard, type Subscription, splitWildcard } from './subscription.ts';

type SotwInput = Extract<StreamInput, { kind: 'sotw-request' }>;

/** One DiscoveryRequest, by the rules of behaviour.md 7.3, in their order. */
export function sotwRequest(state: TypeState | undefined, input: SotwInput, env: StepEnv): Step {
  if (input.error !== undefined) {
    return state === undefined ? [state, []] : refused(state, input, env);
  }
  const subscription = subscriptionOf(state, input, env);
  if (subscription === undefined) {
    return [undefined, []];
  }
  if (subscription.names.names.size > env.maxNames) {
    return tooManyNames(state ?? newState(input.type, 'sotw', subscription, env.sets), env);
  }
  if (state === undefined || input.nonce === '') {
    return [newState(input.type, 'sotw', subscription, env.sets), []];
  }
  // Before the first response of a watch there is nothing that a nonce could be too old for.
  const { sent } = state.exchange;
  if (sent !== undefined && input.nonce !== sent.nonce) {
    return [state, [{ kind: 'stale-nonce' }]];
  }
  const changed = resubscribe(state, subscription, env);
  return changed.inFlight === undefined ? [changed, []] : acknowledged(changed, changed.inFlight);
}

/** undefined: the client wants nothing of this type any more. */
function subscriptionOf(state: TypeState | undefined, input: SotwInput, env: StepEnv): Subscription | undefined {
  if (input.names.names.size > 0) {
    return splitWildcard(input.names, env.sets);
  }
  const everything = hasLegacyWildcard(input.type) && (state === undefined || isLegacy(state.subscription));
  return everything ? { wildcard: true, names: env.sets.empty } : undefined;
}

function isLegacy(subscription: Subscription): boolean {
  return subscription.wildcard && subscription.names.names.size === 0;
}

/** A NACK changes nothing else: names in the same request are not looked at. */
function refused(state: TypeState, input: SotwInput, env: StepEnv): Step {
  const { inFlight } = state;
  const error = input.error ?? { code: 0, message: '' };
  if (inFlight === undefined || inFlight.payload.nonce !== input.nonce) {
    // Late or repeated: worth counting and showing, but it says nothing of what was sent last.
    const seen = { ...state, exchange: { ...state.exchange, error } };
    return [seen, [{ kind: 'rejected', payload: undefined, error }]];
  }
  if (!isFull(state)) {
    return answered(state, input.nonce, error, env);
  }
  const { payload, target } = inFlight;
  return [
    { ...state, held: heldAfterRefusal(target), inFlight: undefined, exchange: { ...state.exchange, error } },
    [
      { kind: 'rejected', payload, error },
      { kind: 'park', name: '', version: payload.version, error },
    ],
  ];
}

function resubscribe(state: TypeState, subscription: Subscription, env: StepEnv): TypeState {
  const refresh = state.always ? subscription.names : state.refresh;
  if (
    subscription.names === state.subscription.names &&
    subscription.wildcard === state.subscription.wildcard &&
    refresh === state.refresh
  ) {
    return state;
  }
  const dropped = env.sets.minus(state.subscription.names, subscription.names);
  return {
    ...state,
    subscription,
    refresh: covered(subscription, state.type, refresh, env.sets),
    always: false,
    held: forget(state.held, dropped, subscription.wildcard, env),
    inFlight: state.inFlight && {
      ...state.inFlight,
      target: forget(state.inFlight.target, dropped, subscription.wildcard, env),
    },
  };
}
