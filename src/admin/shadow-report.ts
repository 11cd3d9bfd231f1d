/** One request as an example. Texts are printable; times are ISO 8601. */
export interface ShadowSample {
  /** Number of the request on this replica: one request may be an example for several policies. */
  readonly request: number;
  readonly time: string;
  /** The pod whose sidecar told. */
  readonly reporter: string;
  readonly source: string;
  readonly user: string;
  readonly destination: string;
  readonly method: string;
  readonly path: string;
  readonly port: number;
  /** 0 for TCP. */
  readonly responseCode: number;
  readonly latencyMs: number;
  readonly responseSize: number;
  /** The rule that matched; '' for none. */
  readonly rule: string;
}

/** How often something happened that is alike in all but its number. */
export interface ShadowCount {
  readonly workload: string;
  readonly source: string;
  /** SPIFFE ID without its scheme; '' for a caller over plaintext. */
  readonly user: string;
  readonly path: string;
  readonly now: 'allowed' | 'denied';
  readonly would: 'allowed' | 'denied';
  /**
   * `matched`: a rule of this policy. `unmatched`: this is an ALLOW, and nothing matched. `other`: other policies decided. `audited`: an
   * AUDIT that matched.
   */
  readonly part: 'matched' | 'unmatched' | 'other' | 'audited';
  readonly count: number;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly samples: readonly ShadowSample[];
}

/** One content of a policy, and what it would have done. */
export interface ShadowPolicy {
  readonly name: string;
  readonly namespace: string;
  readonly action: string;
  /** `enforced`: it's no dry run, so nothing is counted. `ended`: replaced, removed or enforced since. */
  readonly state: 'dry-run' | 'audit' | 'enforced' | 'ended';
  readonly generation: number;
  /** Of what it means: replicas may be at different ones for a while. '' where it isn't followed. */
  readonly content: string;
  /** Since when this content is known; '' where it isn't followed. */
  readonly since: string;
  /** It shares a workload with so many dry runs that only its matches are counted there. */
  readonly matchesOnly: boolean;
  /** Workloads that it selects now. */
  readonly selects: number;
  readonly counts: readonly ShadowCount[];
}

/** What a replica knows of dry runs: the page `/debug/shadow`. */
export interface ShadowReport {
  /** Since when it counts; it forgets at a restart. */
  readonly since: string;
  readonly entries: number;
  /** Messages that were not read because there were too many, and whose. */
  readonly dropped: number;
  readonly droppers: Readonly<Record<string, number>>;
  /** Requests counted without source and path, and requests not counted, for want of room. */
  readonly folded: number;
  readonly lost: number;
  readonly policies: readonly ShadowPolicy[];
}

/** What is asked for; '' for all. */
export interface ShadowQuery {
  /** `POLICY` or `POLICY.NAMESPACE`. */
  readonly policy: string;
  /** `WORKLOAD` or `WORKLOAD.NAMESPACE`. */
  readonly workload: string;
}

/** Totals for metrics. */
export interface ShadowTotals {
  readonly messages: number;
  readonly entries: number;
  readonly dropped: { readonly messages: number; readonly bytes: number };
  readonly malformed: number;
  readonly unknown: number;
  readonly shadowAllowed: number;
  readonly shadowDenied: number;
  /** Keys held, and open streams. */
  readonly keys: number;
  readonly streams: number;
}
