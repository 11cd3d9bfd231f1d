/** What one caller holds of a bounded stock; dispose when it is given back. */
export interface Share extends Disposable {
  /** Takes more of it. */
  add(amount: number): void;
}

interface Held {
  amount: number;
  readonly end: () => void;
}

interface Owner {
  total: number;
  /** Oldest first. */
  readonly held: Set<Held>;
}

/**
 * A bounded stock (connections, bytes) that strangers can take from, and that must not run out for whom it is kept: where more
 * is taken than there is, the owner who holds the most loses the oldest of it. So who takes everything takes it from
 * themselves, and a caller who holds little, and not for long, always finds room.
 */
export class Shares {
  readonly #limit: number;
  readonly #owners = new Map<string, Owner>();
  #total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get total(): number {
    return this.#total;
  }

  /** `owner`: who shares with themselves, such as an address; `end` is called when this is taken away. */
  take(owner: string, amount: number, end: () => void): Share {
    const held: Held = { amount: 0, end };
    const own = this.#owners.get(owner) ?? { total: 0, held: new Set<Held>() };
    this.#owners.set(owner, own);
    own.held.add(held);
    const share: Share = {
      add: (more) => {
        if (!own.held.has(held)) return;
        held.amount += more;
        own.total += more;
        this.#total += more;
        while (this.#total > this.#limit && this.#endOne());
      },
      [Symbol.dispose]: () => this.#drop(owner, own, held),
    };
    share.add(amount);
    return share;
  }

  /** False where there is nothing left to end. */
  #endOne(): boolean {
    let greediest: readonly [string, Owner] | undefined;
    for (const entry of this.#owners) if (entry[1].total > (greediest?.[1].total ?? 0)) greediest = entry;
    if (greediest === undefined) return false;
    const [name, owner] = greediest;
    for (const held of owner.held) {
      if (held.amount === 0) continue;
      this.#drop(name, owner, held);
      held.end();
      return true;
    }
    return false;
  }

  #drop(name: string, owner: Owner, held: Held): void {
    if (!owner.held.delete(held)) return;
    owner.total -= held.amount;
    this.#total -= held.amount;
    if (owner.held.size === 0 && this.#owners.get(name) === owner) this.#owners.delete(name);
  }
}
