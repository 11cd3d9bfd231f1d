import { assertNever } from '../lib/assert-never.ts';
import { types } from '../model/type-urls.ts';
import { deltaRequest } from './delta.ts';
import type { Layers } from './layers.ts';
import { type Pass, plan, unanswered } from './plan.ts';
import { sotwRequest } from './sotw.ts';
import { isFull, planFull } from './sotw-full.ts';
import type { StepEnv, TypeState } from './state.ts';
import type { Step, StreamInput, StreamOutput } from './step-types.ts';
import { covers } from './subscription.ts';

/**
 * The whole xDS protocol for one type of one stream: no I/O, no clock, no memory but its argument, so that NACKs, wildcards
 * and reconnects are tested by scripts (xDS protocol; behaviour.md 7.3, 7.4). `undefined` is a type nobody asked for.
 */
export function step(state: TypeState | undefined, input: StreamInput, env: StepEnv): Step {
  switch (input.kind) {
    case 'delta-request':
      return deltaRequest(state, input, env);
    case 'sotw-request':
      return sotwRequest(state, input, env);
    case 'pull':
      return state === undefined ? [state, []] : pull(state, input.layers, input.pass, env);
    case 'refresh':
      return state === undefined ? [state, []] : [refresh(state, input.names, env), []];
    case 'answer-next':
      return state === undefined ? [state, []] : [{ ...state, always: true }, []];
    default:
      return assertNever(input);
  }
}

function refresh(state: TypeState, names: Iterable<string>, env: StepEnv): TypeState {
  const known = state.inFlight?.target ?? state.held;
  const refused = (name: string): boolean =>
    state.held.exceptions.has(name) && state.held.exceptions.get(name) === undefined;
  const again = [...names].filter((name) => covers(known, state.type, name) && !refused(name));
  return again.length === 0 ? state : { ...state, refresh: env.sets.change(state.refresh, again, []) };
}

function pull(state: TypeState, layers: Layers, pass: Pass, env: StepEnv): Step {
  if (state.inFlight !== undefined) {
    return [state, [{ kind: 'wait', reason: 'ack' }]];
  }
  const next = isFull(state) ? planFull(state, layers, env) : plan(state, layers, env, pass);
  const outputs: StreamOutput[] = [];
  if (state.type === types.extension && next.kind !== 'removals' && state.held.names !== state.subscription.names) {
    const names = unanswered(env.sets.minus(state.subscription.names, state.held.names), state.type, layers);
    if (names.length > 0) {
      outputs.push({ kind: 'unanswered', names });
    }
  }
  switch (next.kind) {
    case 'removals':
      return [state, [{ kind: 'wait', reason: 'removals' }]];
    case 'idle':
      return [idle(state, next.held, env), outputs];
    case 'send': {
      const { payload, target, rest } = next;
      const sent: TypeState = {
        ...state,
        ...rest,
        inFlight: { payload, target },
        owed: false,
        exchange: { ...state.exchange, sent: payload.id },
      };
      return [sent, [...outputs, { kind: 'send', payload }]];
    }
    default:
      return assertNever(next);
  }
}

function idle(state: TypeState, held: TypeState['held'], env: StepEnv): TypeState {
  const unchanged = held === state.held && state.retry.length === 0 && state.refresh === env.sets.empty;
  return unchanged ? state : { ...state, held, retry: [], refresh: env.sets.empty };
}
