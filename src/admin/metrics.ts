import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { shortTypeNames } from '../model/type-urls.ts';
import { shadowCounters, shadowGauges } from './shadow-metrics.ts';
import type { ShadowTotals } from './shadow-report.ts';
import type { AdminSources, KeySetTotals, XdsTotals } from './sources.ts';
import { totals, totalsByType } from './xds-totals.ts';

const seconds = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

/**
 * What the rest of the program reports as it happens. Names are the ones that users' dashboards and alerts know
 * (behaviour.md 7.10); what only Coxswain has starts with `coxswain_`.
 */
export interface Metrics {
  /** From the change of configuration to a proxy's acknowledgement. */
  converged(seconds: number): void;
  /** Time to turn one batch of events into a published set. */
  compiled(seconds: number): void;
  /** One change came in. `type`: the object's kind. */
  updated(type: string): void;
  internalError(): void;
  certificateIssued(): void;
  /** A webhook was called and answered, or could not be answered. */
  webhookCalled(call: WebhookCall): void;
  /** A fetch of token keys has ended. `result`: `success`, or the kind of failure. */
  keysFetched(result: string): void;
}

/** Structurally what the webhook server tells. */
export type WebhookCall =
  | { readonly webhook: 'inject'; readonly outcome: 'injected' | 'skipped' | 'refused' | 'failed' }
  | { readonly webhook: 'validate'; readonly outcome: 'passed' | 'refused' | 'failed' };

/** Counters of the webhooks, by what they count. */
const webhookCounters = {
  'inject requests': ['sidecar_injection_requests_total', 'Pods that the injector was asked about.'],
  'inject injected': ['sidecar_injection_success_total', 'Pods that got a sidecar.'],
  'inject skipped': ['sidecar_injection_skip_total', 'Pods that need no sidecar.'],
  'inject refused': ['sidecar_injection_failure_total', 'Pods refused because what they ask for can not be injected.'],
  'inject failed': ['coxswain_injection_error_total', 'Calls of the injector without an answer.'],
  'validate passed': ['galley_validation_passed', 'Objects let in.'],
  'validate refused': ['galley_validation_failed', 'Objects refused.'],
  'validate failed': ['galley_validation_http_error', 'Calls of the validator without an answer.'],
} as const;

const noKeySets: KeySetTotals = { fresh: 0, stale: 0, missing: 0, oldestSeconds: 0 };

/** The metrics of one control plane, in a registry of their own, so that two in one process (tests) don't mix. */
export class MetricsRegistry implements Metrics {
  readonly #registry = new Registry();
  readonly #updates = this.#counter('pilot_inbound_updates', 'Changes of configuration that came in, by kind.', 'type');
  readonly #internalErrors = new Counter({
    name: 'pilot_total_xds_internal_errors',
    help: 'Bugs that were caught.',
    registers: [this.#registry],
  });
  readonly #certificates = new Counter({
    name: 'citadel_server_success_cert_issuance_count',
    help: 'Workload certificates issued.',
    registers: [this.#registry],
  });
  readonly #webhooks = new Map(
    Object.entries(webhookCounters).map(([key, [name, help]]) => [
      key,
      new Counter({ name, help, registers: [this.#registry] }),
    ]),
  );
  readonly #keyFetches = this.#counter('coxswain_jwks_fetches_total', 'Fetches of token keys, by result.', 'result');
  readonly #keyFetchesGood = new Counter({
    name: 'pilot_jwks_resolver_network_fetch_success_total',
    help: 'Fetches of token keys that brought keys.',
    registers: [this.#registry],
  });
  readonly #keyFetchesBad = new Counter({
    name: 'pilot_jwks_resolver_network_fetch_fail_total',
    help: 'Fetches of token keys that brought none.',
    registers: [this.#registry],
  });
  readonly #convergence = this.#histogram(
    'pilot_proxy_convergence_time',
    'Seconds from a change to its acknowledgement by a proxy.',
  );
  readonly #compile = this.#histogram(
    'coxswain_compile_seconds',
    'Seconds to turn a batch of changes into a published set.',
  );

  /** Gauges are read from the sources when somebody scrapes, so they can't drift from what the debug pages show. */
  constructor(sources: AdminSources, version: string, startedAt: number, now: () => number) {
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge('pilot_xds', 'Connected proxies, by version of the control plane.', ['version'], (gauge) => {
      gauge.set({ version }, sources.status().length);
    });
    this.#gauge('pilot_services', 'Services known.', [], (gauge) => gauge.set(sources.services().length));
    this.#gauge('coxswain_views', 'Groups of proxies that get equal configuration.', [], (gauge) =>
      gauge.set(sources.views().length),
    );
    this.#gauge('coxswain_findings', 'Findings on the configuration, by severity.', ['severity'], (gauge) => {
      // Once: what only shows in the whole set is looked for each time.
      const findings = sources.findings();
      for (const severity of ['error', 'warning', 'info'] as const) {
        gauge.set({ severity }, findings.filter((finding) => finding.severity === severity).length);
      }
    });
    this.#gauge(
      'coxswain_proxies_out_of_sync',
      'Proxies with a type that is stale or rejected.',
      ['state'],
      (gauge) => {
        for (const state of ['STALE', 'ERROR'] as const) {
          const stale = sources.status().filter((proxy) => proxy.types.some((each) => each.state === state));
          gauge.set({ state }, stale.length);
        }
      },
    );
    this.#gauge('istiod_uptime_seconds', 'Seconds since the control plane started.', [], (gauge) =>
      gauge.set((now() - startedAt) / 1_000),
    );
    this.#gauge('coxswain_leader', 'Whether this replica writes what is written once for all.', [], (gauge) =>
      gauge.set(sources.leading?.() === true ? 1 : 0),
    );
    this.#gauge('coxswain_xds_full', 'Whether this replica takes no more proxies.', [], (gauge) =>
      gauge.set(sources.counters?.().full === true ? 1 : 0),
    );
    this.#gauge('coxswain_jwks_sets', 'Sets of token keys that policies need, by state.', ['state'], (gauge) => {
      const { fresh, stale, missing } = sources.keySets?.() ?? noKeySets;
      for (const [state, count] of Object.entries({ fresh, stale, missing })) gauge.set({ state }, count);
    });
    this.#gauge('coxswain_jwks_oldest_seconds', 'Age of the oldest token keys in use.', [], (gauge) =>
      gauge.set(sources.keySets?.().oldestSeconds ?? 0),
    );
    if (sources.counters !== undefined) this.#xdsTotals(sources.counters);
    if (sources.shadowTotals !== undefined) this.#shadowTotals(sources.shadowTotals);
    this.#gauge('pilot_info', 'Version of the control plane.', ['version'], (gauge) => gauge.set({ version }, 1));
  }

  converged(duration: number): void {
    this.#convergence.observe(duration);
  }

  compiled(duration: number): void {
    this.#compile.observe(duration);
  }

  updated(type: string): void {
    this.#updates.inc({ type });
  }

  internalError(): void {
    this.#internalErrors.inc();
  }

  certificateIssued(): void {
    this.#certificates.inc();
  }

  webhookCalled({ webhook, outcome }: WebhookCall): void {
    if (webhook === 'inject') this.#webhooks.get('inject requests')?.inc();
    this.#webhooks.get(`${webhook} ${outcome}`)?.inc();
  }

  keysFetched(result: string): void {
    this.#keyFetches.inc({ result });
    (result === 'success' ? this.#keyFetchesGood : this.#keyFetchesBad).inc();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The Prometheus text. */
  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  /** Read on each scrape from where they are counted once: two places to count would differ some day. */
  #xdsTotals(counters: () => XdsTotals): void {
    for (const { name, help, read } of totals) {
      const counter = new Counter({
        name,
        help,
        registers: [this.#registry],
        collect: () => {
          counter.reset();
          counter.inc(read(counters()));
        },
      });
    }
    for (const { name, help, read } of totalsByType) {
      const counter = new Counter({
        name,
        help,
        labelNames: ['type'],
        registers: [this.#registry],
        collect: () => {
          counter.reset();
          for (const [type, count] of read(counters())) {
            counter.inc({ type: (shortTypeNames[type] ?? type).toLowerCase() }, count);
          }
        },
      });
    }
  }

  #shadowTotals(read: () => ShadowTotals): void {
    for (const { name, help, of } of shadowCounters) {
      const counter = new Counter({
        name,
        help,
        registers: [this.#registry],
        collect: () => {
          counter.reset();
          counter.inc(of(read()));
        },
      });
    }
    for (const { name, help, of } of shadowGauges) this.#gauge(name, help, [], (gauge) => gauge.set(of(read())));
  }

  #counter<L extends string>(name: string, help: string, label: L): Counter<L> {
    return new Counter({ name, help, labelNames: [label], registers: [this.#registry] });
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({ name, help, buckets: seconds, registers: [this.#registry] });
  }

  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (gauge: Gauge<L>) => void,
  ): void {
    new Gauge<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        read(this);
      },
    });
  }
}
