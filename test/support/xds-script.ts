import type { TypeUrl } from '../../src/model/ids.ts';
import type { Mode } from '../../src/xds/encode.ts';
import type { Layers } from '../../src/xds/layers.ts';
import type { ErrorDetail } from '../../src/xds/request.ts';
import type { Payload, StepEnv, TypeState } from '../../src/xds/state.ts';
import { step } from '../../src/xds/step.ts';
import type { StreamInput, StreamOutput } from '../../src/xds/step-types.ts';
import { said, stepEnv } from './xds-resources.ts';
import { versionsOf } from './xds-versions.ts';

type Words = ReturnType<typeof said>;

/** Drives the reducer of one type as a server would, and keeps what it said. */
export class Script {
  readonly type: TypeUrl;
  readonly mode: Mode;
  readonly env: StepEnv;
  readonly outputs: StreamOutput[] = [];
  layers: Layers;
  state: TypeState | undefined;
  last: Payload | undefined;
  readonly #parked = new Set<string>();

  constructor(type: TypeUrl, mode: Mode, layers: Layers, parked = new Set<string>()) {
    this.type = type;
    this.mode = mode;
    this.layers = layers;
    this.#parked = parked;
    this.env = stepEnv({
      get size() {
        return parked.size;
      },
      has: (name, version) => parked.has(`${name}@${version}`),
    });
  }

  /** A delta request; returns what is sent at once. */
  delta(
    request: {
      readonly subscribe?: readonly string[];
      readonly unsubscribe?: readonly string[];
      readonly initial?: Readonly<Record<string, string>>;
      readonly nonce?: string;
      readonly error?: ErrorDetail;
    } = {},
  ): readonly Words[] {
    const { sets } = this.env;
    return this.#input({
      kind: 'delta-request',
      type: this.type,
      subscribe: sets.of(request.subscribe ?? []),
      unsubscribe: sets.of(request.unsubscribe ?? []),
      initial: request.initial && versionsOf(new Map(Object.entries(request.initial))),
      nonce: request.nonce ?? '',
      error: request.error,
      layers: this.layers,
    });
  }

  /** A state-of-the-world request. */
  sotw(names: readonly string[], nonce = '', error?: ErrorDetail): readonly Words[] {
    return this.#input({ kind: 'sotw-request', type: this.type, names: this.env.sets.of(names), nonce, error });
  }

  /** The layers change. */
  change(...layers: Layers): readonly Words[] {
    this.layers = layers;
    return this.pull();
  }

  ack(): readonly Words[] {
    return this.#answer(undefined);
  }

  nack(message = 'no'): readonly Words[] {
    return this.#answer({ code: 13, message });
  }

  refresh(names: readonly string[]): readonly Words[] {
    return this.#input({ kind: 'refresh', names });
  }

  answerNext(): readonly Words[] {
    return this.#input({ kind: 'answer-next' });
  }

  /** Both passes, as a stream makes them. */
  pull(): readonly Words[] {
    const first = this.#step({ kind: 'pull', layers: this.layers, pass: 'updates' });
    const sent = [...first, ...this.#step({ kind: 'pull', layers: this.layers, pass: 'rest' })];
    return sent.flatMap((output) => (output.kind === 'send' ? [said(output.payload)] : []));
  }

  get nonce(): string {
    return this.last?.nonce ?? '';
  }

  #answer(error: ErrorDetail | undefined): readonly Words[] {
    if (this.mode === 'delta') {
      return this.delta({ nonce: this.nonce, ...(error && { error }) });
    }
    const { subscription } = this.state ?? {};
    return this.sotw([...(subscription?.names.names ?? [])], this.nonce, error);
  }

  #input(input: StreamInput): readonly Words[] {
    this.#step(input);
    return this.pull();
  }

  #step(input: StreamInput): readonly StreamOutput[] {
    const [state, outputs] = step(this.state, input, this.env);
    this.state = state;
    for (const output of outputs) {
      if (output.kind === 'send') {
        this.last = output.payload;
      }
      if (output.kind === 'park') {
        this.#parked.add(`${output.name}@${output.version}`);
      }
      if (output.kind !== 'wait') {
        this.outputs.push(output);
      }
    }
    return outputs;
  }
}
