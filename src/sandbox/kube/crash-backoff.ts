const firstMs = 1_000;
const longestMs = 30_000;
/** A container that ran this long starts again at once. */
const steadyMs = 60_000;

/**
 * How long a container that ended waits before it starts again: not at all the first time, then twice as long each time.
 * The kubelet's rule with shorter times (it begins at 10 s and goes up to 5 min): nobody waits that long in a tutorial.
 */
export function crashBackoff(previousMs: number | undefined, ranMs: number): number {
  if (previousMs === undefined || ranMs >= steadyMs) return 0;
  return previousMs === 0 ? firstMs : Math.min(previousMs * 2, longestMs);
}
