import type { KeySetTotals } from '../admin/sources.ts';
import type { FailureKind } from '../jwks/failure.ts';
import { keyFindings } from '../jwks/findings.ts';
import { KeyFetcher, refreshMs } from '../jwks/key-fetcher.ts';
import { networkLoad } from '../jwks/load.ts';
import { type Resolve, systemResolve } from '../jwks/resolve.ts';
import { readRoots, trustedRoots } from '../jwks/roots.ts';
import { wantedKeys } from '../jwks/wanted.ts';
import { MeshError } from '../lib/errors.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import type { Finding } from '../model/finding.ts';
import type { KeySet } from '../model/key-set.ts';
import { originText } from '../model/object.ts';
import type { KeyFetchSettings } from '../settings.ts';
import { all } from '../snapshot/snapshot.ts';
import type { Store } from '../snapshot/store.ts';
import type { UnknownKey } from '../telemetry/collector.ts';
import type { Compiler } from '../translate/compiler.ts';
import { keySetIdsOf } from './key-set-ids.ts';

/** The keys of all issuers that policies name, as a running control plane has them. */
export interface KeySets extends AsyncDisposable {
  /** Configuration has changed: what is wanted may be another thing. */
  changed(): void;
  /** A token for a workload named a key that its issuers' sets lack. */
  unknownKey(workload: UnknownKey): void;
  /** Waits, not for ever, until every issuer was asked once, so that a control plane that starts takes no keys away. */
  tried(): Promise<void>;
  findings(): readonly Finding[];
  totals(): KeySetTotals;
}

/** What key sets are made for, and whom they tell. */
export interface KeySetsParts extends Surroundings {
  readonly store: Store;
  readonly compiler: Compiler;
  readonly settings: KeyFetchSettings;
  /** The system's, unless a test knows better. */
  readonly resolve?: Resolve;
  /** Keys, or what is to be said of them, are other ones. */
  readonly told: () => void;
  readonly fetched: (result: 'success' | FailureKind) => void;
  /** New keys could not be compiled. */
  readonly failed: () => void;
}

/** How long what comes together is collected, ms. */
const gatherMs = 20;
/** How long a start waits for keys: as long as a fetch takes by default, and a little. */
const triedMs = 6_000;

/** Starts to follow the issuers of the store's policies. Throws MeshError if the roots of the settings can't be read. */
export async function startKeySets(parts: KeySetsParts): Promise<KeySets> {
  const { store, compiler, settings, clock, log, random } = parts;
  const more = settings.caFile === undefined ? [] : await readRoots(settings.caFile);
  const network = { resolve: parts.resolve ?? systemResolve(), allow: settings.allow, tls: trustedRoots(more) };
  let wantedFor = store.snapshot.requestAuthentications;
  let next: ReadonlyMap<string, KeySet> | undefined;
  let said = new Set<string>();
  let timer: Disposable | undefined;

  const fetcher = new KeyFetcher({
    clock,
    log,
    random,
    load: networkLoad(network, clock),
    changed: (keySets) => {
      next = keySets;
      gather();
    },
    fetched: (result) => {
      parts.fetched(result);
      gather();
    },
  });

  function gather(): void {
    timer ??= clock.after(gatherMs, publish);
  }

  // Runs between two batches of the compile loop, never inside one: neither waits between commit and compilation.
  function publish(): void {
    timer?.[Symbol.dispose]();
    timer = undefined;
    if (next !== undefined) {
      try {
        compiler.update(store.setKeySets(next), []);
      } catch (thrown) {
        parts.failed();
        log.error({ error: MeshError.from(thrown).message }, 'new keys could not be compiled');
      }
      next = undefined;
    }
    say();
    parts.told();
  }

  function say(): void {
    const now = new Set<string>();
    for (const { origin, field, message, code, object, hint } of findings()) {
      const text = `${originText(origin)}: ${field}: ${message}`;
      now.add(text);
      if (!said.has(text)) log.warn({ code, object, hint }, text);
    }
    said = now;
  }

  function findings(): readonly Finding[] {
    return keyFindings(all(store.snapshot.requestAuthentications), (id) => fetcher.state(id), clock.now());
  }

  return {
    changed() {
      const { requestAuthentications } = store.snapshot;
      if (requestAuthentications === wantedFor) return;
      wantedFor = requestAuthentications;
      fetcher.want(wantedKeys(all(requestAuthentications)));
    },
    unknownKey: (workload) => fetcher.reportUnknownKey(keySetIdsOf(store.snapshot, workload)),
    async tried() {
      const limit = new AbortController();
      using _timer = clock.after(triedMs, () => limit.abort());
      await fetcher.tried(limit.signal);
      if (timer !== undefined) publish();
    },
    findings,
    totals() {
      const states = fetcher.states();
      const ages = states.flatMap(({ fetchedAt }) => (fetchedAt === undefined ? [] : [clock.now() - fetchedAt]));
      const stale = ages.filter((age) => age >= refreshMs).length;
      return {
        fresh: ages.length - stale,
        stale,
        missing: states.length - ages.length,
        oldestSeconds: Math.max(0, ...ages) / 1_000,
      };
    },
    async [Symbol.asyncDispose]() {
      timer?.[Symbol.dispose]();
      await fetcher[Symbol.asyncDispose]();
    },
  };
}
