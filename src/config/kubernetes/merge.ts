/**
 * What several streams give, as it comes: each time all that is there by then, of each stream at most one value. A stream
 * is asked for its next value once its last one was taken, so a slow consumer slows them all. Ends when all have ended,
 * and throws what any of them throws.
 */
export async function* merge<T>(streams: readonly AsyncIterable<T>[]): AsyncGenerator<readonly T[], void, void> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const failures: unknown[] = [];
  let ready: { readonly from: AsyncIterator<T>; readonly result: IteratorResult<T> }[] = [];
  let wake: (() => void) | undefined;
  const pull = (from: AsyncIterator<T>): void => {
    from.next().then(
      (result) => {
        ready.push({ from, result });
        wake?.();
      },
      (thrown: unknown) => {
        failures.push(thrown);
        wake?.();
      },
    );
  };
  let open = iterators.length;
  for (const iterator of iterators) pull(iterator);
  try {
    while (open > 0) {
      if (ready.length === 0 && failures.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failures.length > 0) throw failures[0];
      const taken = ready;
      ready = [];
      const values = taken.flatMap(({ result }) => (result.done === true ? [] : [result.value]));
      open -= taken.length - values.length;
      if (values.length > 0) yield values;
      for (const { from, result } of taken) if (result.done !== true) pull(from);
    }
  } finally {
    // Not waited for: one that is in the middle of something ends with the signal it was given.
    for (const iterator of iterators) iterator.return?.().catch(() => undefined);
  }
}
