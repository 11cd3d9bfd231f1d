/** What keys of one namespace may take together, in characters: hundreds of issuers, each with more keys than any has. */
export const defaultRoom = 8 * 1024 * 1024;

interface Charge {
  readonly owners: readonly string[];
  readonly size: number;
}

/**
 * Bounds what the keys of a namespace take: one policy of a few kilobytes can name thousands of addresses, and whoever wrote it decides how
 * much comes from each. A set that several namespaces want counts for all of them, and stays while one of them has room.
 */
export class Room {
  readonly #limit: number;
  readonly #used = new Map<string, number>();
  readonly #charges = new Map<string, Charge>();

  constructor(limit: number = defaultRoom) {
    this.#limit = limit;
  }

  /** Whether a set may become as large as this. */
  fits(id: string, owners: readonly string[], size: number): boolean {
    const { owners: before, size: had } = this.#charges.get(id) ?? { owners: [], size: 0 };
    if (size <= had) return true;
    return owners.some((owner) => {
      const others = (this.#used.get(owner) ?? 0) - (before.includes(owner) ? had : 0);
      return others + size <= this.#limit;
    });
  }

  /** Counts a set for these; 0 for one that is gone. */
  charge(id: string, owners: readonly string[], size: number): void {
    const before = this.#charges.get(id);
    if (before !== undefined) this.#add(before.owners, -before.size);
    if (size === 0) this.#charges.delete(id);
    else this.#charges.set(id, { owners, size });
    this.#add(owners, size);
  }

  #add(owners: readonly string[], size: number): void {
    for (const owner of owners) {
      const used = (this.#used.get(owner) ?? 0) + size;
      if (used > 0) this.#used.set(owner, used);
      else this.#used.delete(owner);
    }
  }
}
