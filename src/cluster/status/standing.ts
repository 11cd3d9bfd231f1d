import type { DestinationRule } from '../../model/destination-rule.ts';
import { objectKey } from '../../model/object.ts';
import type { ServiceEntry } from '../../model/service-entry.ts';
import type { VirtualService } from '../../model/virtual-service.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';

/** Which object of a name is in force, and in which generation. */
export interface Standing {
  readonly uid: string;
  readonly generation: number;
}

type Shared = DestinationRule | ServiceEntry | VirtualService;

/**
 * The objects in force of the kinds that part of nearly every proxy's configuration is made of. Counting proxies for each would cost objects
 * times views at every acknowledgement; of these it is told whether they are read, and what of them can't hold.
 */
export class Standings {
  #looked: readonly unknown[] = [];
  #found: ReadonlyMap<string, Standing> = new Map();

  /** By `Kind/namespace/name`; the same map as long as no such object changes. */
  of({ destinationRules, serviceEntries, virtualServices }: Snapshot): ReadonlyMap<string, Standing> {
    const kinds = [destinationRules, serviceEntries, virtualServices];
    if (kinds.every((each, index) => each === this.#looked[index])) return this.#found;
    this.#looked = kinds;
    const objects = kinds.flatMap((each) => [...all<Shared>(each)]);
    this.#found = new Map(
      objects.map((object) => [objectKey(object), { uid: object.meta.uid, generation: object.meta.generation }]),
    );
    return this.#found;
  }
}
