import type { Story } from '../story.ts';
import { type Ground, kubectl, tableLines, typed } from './ground.ts';

/** The webhook put an Envoy into each pod of the namespace. */
export async function theSidecars(story: Story, { sandbox }: Ground): Promise<void> {
  const pods = ['get', 'pods', '-n', 'istioinaction'];
  await story.step({
    title: 'the manifests know of no Envoy: the webhook put it into each pod of the namespace',
    does: [typed(pods)],
    expected: 'READY 2/2, twice: the app and its sidecar',
    run: async () => {
      const table = tableLines(await kubectl(sandbox, pods));
      const ready = table.slice(1).map((line) => line.split(/\s+/)[1]);
      return {
        seen: `READY ${ready.join(', ')}`,
        asExpected: ready.join() === '2/2,2/2',
        evidence: table,
      };
    },
  });
}

/** Where policies hold, as the API server tells it; and what it doesn't take. */
export async function theApi(story: Story, { sandbox }: Ground): Promise<void> {
  const wait = ['wait', '--for=condition=Enforced', 'pa', '--all', '-A', '--timeout=20s'];
  const list = ['get', 'pa', '-A'];
  const message = `jsonpath={range .items[*]}{.status.conditions[?(@.type=="Enforced")].message}{"\\n"}{end}`;
  await story.step({
    title: 'each policy says where it holds: Envoys acknowledge it, the control plane counts them',
    does: [typed(wait), typed(list)],
    expected: 'ACCEPTED and ENFORCED: the mesh-wide one on 2 of 2 Envoys, that of webapp on 1 of 1',
    run: async () => {
      await kubectl(sandbox, wait);
      const table = tableLines(await kubectl(sandbox, list));
      const where = tableLines(await kubectl(sandbox, [...list, '-o', message]));
      const states = table.slice(1).map((line) => line.split(/\s+/).slice(3, 5).join('/'));
      return {
        seen: `${states.join(', ')}; ${where.join(', ')}`,
        asExpected: states.join() === 'True/True,True/True' && where.join() === 'on 2 of 2 proxies,on 1 of 1 proxies',
        evidence: table,
      };
    },
  });
  const refused = ['apply', '-f', 'examples/kube/policies/unknown-condition.yaml'];
  await story.step({
    title: 'a policy that could not be enforced is refused at the door, not taken and forgotten',
    does: [typed(refused)],
    expected: 'an error that names field, reason and remedy; nothing is stored',
    run: async () => {
      const { code, stderr } = await sandbox.kubectl(refused);
      const stored = await sandbox.kubectl(['get', 'ap', '-A', '-o', 'name']);
      const reason = /denied the request: (.*)/s.exec(stderr)?.[1]?.trim() ?? '';
      return {
        seen: `exit code ${code}, ${stored.stdout === '' ? 'nothing stored' : `stored: ${stored.stdout.trim()}`}`,
        asExpected: code === 1 && reason.startsWith('spec.rules[0].when[0].key: ') && stored.stdout === '',
        evidence: [reason === '' ? stderr.trim() : reason],
      };
    },
  });
}
