import { expect } from 'chai';
import { make } from './e2e-authorization-calls.ts';
import type { AuthorizationScenario } from './e2e-authorization-words.ts';
import type { Mesh } from './e2e-mesh.ts';

/** Declares these scenarios as tests: a set of policies for each, a sentence for each call. */
export function describeScenarios(scenarios: readonly AuthorizationScenario[], mesh: () => Mesh): void {
  for (const { name, policies, calls } of scenarios) {
    describe(`under ${name}`, () => {
      let made: ReadonlyMap<string, string>;

      before(async () => {
        await mesh().enforce(policies);
        made = new Map(await Promise.all(calls.map(async (call) => [call, await make(mesh(), call)] as const)));
      });

      for (const call of calls) {
        it(call, () => {
          expect(made.get(call)).to.equal(call);
        });
      }
    });
  }
}
