import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

/** What every part that waits, draws lots or speaks is given, so that a test can play all three. */
export interface Surroundings {
  readonly clock: Clock;
  /** Draws from [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}
