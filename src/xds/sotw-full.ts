import { types } from '../model/type-urls.ts';
import { type Layers, sameLayers } from './layers.ts';
import { nothingLeft, type Plan } from './plan.ts';
import { type Held, noExceptions, type StepEnv, type TypeState } from './state.ts';

/**
 * Types whose state-of-the-world responses must hold everything, because what is absent counts as removed (xDS
 * protocol, "Grouping resources into responses": LDS and CDS).
 */
export function isFull(state: Pick<TypeState, 'mode' | 'type'>): boolean {
  return state.mode === 'sotw' && (state.type === types.cluster || state.type === types.listener);
}

/** Stands among the exceptions for "the client refused this set, or was not sent it": what it holds is not known. */
const unsure: Held['exceptions'] = new Map([['', undefined]]);

/** What a client holds of a full type after it refused a response. */
export function heldAfterRefusal(target: Held): Held {
  return { ...target, exceptions: unsure };
}

/** Sends the whole set when it differs from what was sent last, and was not refused. */
export function planFull(state: TypeState, layers: Layers, env: StepEnv): Plan {
  const { held, subscription, exchange } = state;
  const target: Held = { layers, ...subscription, exceptions: noExceptions, leftovers: [] };
  const asked =
    state.owed ||
    state.refresh.names.size > 0 ||
    (subscription.wildcard && !held.wildcard) ||
    env.sets.minus(subscription.names, held.names).names.size > 0;
  const known = held.exceptions.size === 0;
  if (!asked && known && sameLayers(held.layers, layers) && held.wildcard === subscription.wildcard) {
    return { kind: 'idle', held: target };
  }
  const payload = env.payloads.full({ type: state.type, layers, subscription });
  if (env.parked.has('', payload.version)) {
    return { kind: 'idle', held: heldAfterRefusal(target) };
  }
  if (known && !asked && exchange.sent?.version === payload.version) {
    return { kind: 'idle', held: target };
  }
  return { kind: 'send', payload, target, rest: nothingLeft(env) };
}
