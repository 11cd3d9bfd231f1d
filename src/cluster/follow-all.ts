import { type ReflectEvent, type ReflectOptions, reflect } from '../kube/reflector.ts';

/** One collection, and who hears of it. */
export interface Followed {
  readonly options: ReflectOptions;
  readonly take: (event: ReflectEvent) => void;
}

/** Follows several collections until `signal` aborts; where one of the listeners throws, all end and so does this. */
export async function followAll(signal: AbortSignal, all: readonly Followed[]): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const follow = async ({ options, take }: Followed): Promise<void> => {
    for await (const batch of reflect(options, either)) for (const event of batch) take(event);
  };
  try {
    await Promise.all(all.map(follow));
  } finally {
    stop.abort();
  }
}
