import { writeFile } from 'node:fs/promises';
import { resolveEndpoints } from './endpoints.ts';
import type { ServicePlan, ServiceSpec } from './pod-plan.ts';
import type { PodRuntime } from './pod-runtime.ts';
import { runChecked } from './run-command.ts';
import { serviceRules } from './service-addresses.ts';

/** The services of a running sandbox: their addresses in the node's rules, their names in every pod. */
export class ServiceNetwork {
  #specs: readonly ServiceSpec[];
  #work: Promise<void> = Promise.resolve();

  constructor(specs: readonly ServiceSpec[]) {
    this.#specs = specs;
  }

  get specs(): readonly ServiceSpec[] {
    return this.#specs;
  }

  resolve(pods: readonly PodRuntime[]): readonly ServicePlan[] {
    return resolveEndpoints(
      this.#specs,
      pods.map((each) => each.plan),
    );
  }

  put(service: ServiceSpec): void {
    this.#specs = [...this.#specs.filter((each) => !isSame(each, service)), service];
  }

  remove(service: { readonly name: string; readonly namespace: string }): void {
    this.#specs = this.#specs.filter((each) => !isSame(each, service));
  }

  /** Brings rules and names up to date with these pods; one update after the other. */
  update(pods: readonly PodRuntime[]): Promise<void> {
    const next = this.#work.then(async () => {
      const services = this.resolve(pods);
      await loadServiceRules(services);
      await Promise.all(pods.map((pod) => pod.writeHosts(services)));
    });
    this.#work = next.catch(() => {
      // Reported to who asked for it; the next update starts afresh.
    });
    return next;
  }
}

/** Replaces the node's rules in one step, so that no connection meets half of them. */
export async function loadServiceRules(services: readonly ServicePlan[]): Promise<void> {
  await runChecked(['iptables-restore', '--wait', '10'], { input: serviceRules(services) });
}

/** Writes kernel settings, passing over those that this kernel lacks. */
export async function writeSettings(settings: readonly (readonly [path: string, value: string])[]): Promise<void> {
  await Promise.all(
    settings.map(async ([path, value]) => {
      try {
        await writeFile(path, value, { flag: 'r+' });
      } catch (thrown) {
        if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown;
      }
    }),
  );
}

function isSame(
  a: { readonly name: string; readonly namespace: string },
  b: { readonly name: string; readonly namespace: string },
): boolean {
  return a.name === b.name && a.namespace === b.namespace;
}
