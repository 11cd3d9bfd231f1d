import { expect } from 'chai';
import { envoysUnderTest, Mesh } from '../support/e2e-mesh.ts';
import { type Calls, callAll, families, gaps, strays } from '../support/path-calls.ts';
import { knownGaps, normalized } from '../support/path-gaps.ts';
import { allHabits, type HabitName, type Mode, promises } from '../support/path-readings.ts';
import { allowed, denied, pathPolicies } from '../support/path-rules.ts';
import { eventually } from '../support/sandbox.ts';

const settings = (mode: Mode): string => JSON.stringify({ pathNormalization: { normalization: mode } });

/** The default and the weakest mode are enough to see that another Envoy, or another way to it, reads paths alike. */
function modesFor(envoy: string): readonly Mode[] {
  const all: readonly Mode[] = ['BASE', 'NONE', 'DECODE_AND_MERGE_SLASHES', 'MERGE_SLASHES'];
  return /1\.36|Kubernetes/.test(envoy) ? all.slice(0, 2) : all;
}

/** No path gets past a DENY, or further than an ALLOW, by being written in another way (what-users-ask.md, security lessons). */
for (const envoy of envoysUnderTest()) {
  describe(`path confusion on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path, { meshYaml: settings('BASE') });
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    for (const mode of modesFor(envoy.name)) {
      describe(`with normalization ${mode}`, () => {
        let calls: Calls;

        before(async () => {
          await mesh.writeSettings(settings(mode));
          await eventually(`the control plane to plan for ${mode}`, async () => {
            const { body } = await mesh.sandbox.admin('/debug/config_dump?proxyID=server.foo');
            return plans(body, mode) ? true : undefined;
          });
          await mesh.enforce(pathPolicies, { drained: true });
          calls = await callAll(mesh);
        });

        for (const [target, paths] of Object.entries(normalized)) {
          it(`the application gets ${paths[mode]} for ${target}`, () => {
            const all = [...calls].flatMap(([, each]) => each).filter((call) => call.target === target);
            const got = new Set(
              all.filter(({ got }) => got !== 'denied').map(({ got, path }) => (got === 'app' ? path : got)),
            );
            expect([...got]).to.deep.equal([paths[mode]]);
          });
        }

        for (const rule of [...denied, ...allowed]) {
          const policy = `${denied.includes(rule) ? 'DENY' : 'ALLOW'} of ${rule.path}`;

          for (const { name, targets } of families) {
            it(`no way past ${policy}: ${name}`, () => {
              const those = new Set(targets);
              const made = (calls.get(rule) ?? []).filter(({ target }) => those.has(target));
              expect(strays(rule, made, promises[mode])).to.deep.equal([]);
            });
          }

          it(`${policy} denies some, and lets others through`, () => {
            const kinds = new Set((calls.get(rule) ?? []).map(({ got }) => got));
            expect([...kinds].sort()).to.deep.equal(['app', 'denied', 'refused']);
          });
        }

        const promised: readonly HabitName[] = promises[mode];
        for (const habit of allHabits.filter((each) => !promised.includes(each))) {
          const known = knownGaps[mode][habit] ?? [];
          it(`known gap: an application that ${habit} finds ${known.join(', ') || 'no rule'} passed by`, () => {
            expect(gaps(calls, mode, habit)).to.deep.equal(known);
          });
        }
      });
    }
  });
}

/** Whether the listeners that the control plane would send now normalise in this way. */
function plans(dump: string, mode: Mode): boolean {
  const says = (field: RegExp): boolean => field.test(dump);
  const decodes = says(/"UNESCAPE_AND_FORWARD"/);
  const merges = says(/"merge_slashes": ?true/);
  const normalizes = says(/"normalize_path": ?true/);
  return (
    normalizes === (mode !== 'NONE') &&
    merges === (mode === 'MERGE_SLASHES' || mode === 'DECODE_AND_MERGE_SLASHES') &&
    decodes === (mode === 'DECODE_AND_MERGE_SLASHES')
  );
}
