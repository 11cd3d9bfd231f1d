import { systemClock } from '../../../src/lib/clock.ts';
import { poll } from '../../../src/sandbox/poll.ts';
import { keepAlive } from '../keep-alive.ts';
import type { Story } from '../story.ts';
import { type Ground, kubectl, policy, tableLines, typed } from './ground.ts';
import { callsDuring, callsText, catalog, onlyStatus, sleep, until, web } from './steps.ts';

const deny = policy('deny-webapp');

/** Two control planes share the work. The one that leads is killed, catalog rolls out meanwhile, and a new one is there. */
export async function oneMayFall(story: Story, ground: Ground): Promise<void> {
  const holder = ['get', 'lease', 'coxswain-leader', '-n', 'istio-system', '-o', 'jsonpath={.spec.holderIdentity}'];
  const [leader = ''] = (await kubectl(ground.sandbox, holder)).split('_');
  await leaderDies(story, ground, leader);
  await rollOut(story, ground);
  await anotherLeads(story, ground, leader);
  story.command(ground.shown(deny, 'delete'));
  await ground.remove(deny);
}

async function leaderDies(story: Story, ground: Ground, leader: string): Promise<void> {
  const kill = ['delete', 'pod', leader, '-n', 'istio-system', '--grace-period=0', '--force'];
  await story.step({
    title: 'of two control planes the one that leads is killed: calls go on, and the next edit holds',
    does: [typed(kill), ground.shown(deny)],
    expected: '200 while it dies, 403 after the edit, on the same connection',
    run: async () => {
      await using connection = await keepAlive(ground.sandbox, sleep, 'webapp.istioinaction', 80);
      const path = '/api/catalog';
      const calls = await callsDuring(connection, path, async () => {
        await kubectl(ground.sandbox, kill);
      });
      const applied = performance.now();
      await ground.apply(deny);
      const [denied, took] = await until(() => connection.get(path), 403, applied);
      return {
        seen: `${callsText(calls)}, then ${denied}, ${took.toFixed(0)} ms after ${ground.since}`,
        asExpected: onlyStatus(calls, 200) && denied === 403,
      };
    },
  });
}

/** A Deployment is edited while its clients go on. */
async function rollOut(story: Story, { sandbox }: Ground): Promise<void> {
  const scope = ['deployment/catalog', '-n', 'istioinaction'];
  const patch = ['patch', ...scope, '--patch-file', 'examples/kube/readiness-probe.yaml'];
  const rollout = ['rollout', 'status', ...scope, '--timeout=60s'];
  const pods = ['get', 'pods', '-n', 'istioinaction', '-l', 'app=catalog'];
  const probe = 'jsonpath={.items[*].spec.containers[0].readinessProbe.httpGet}';
  const oldPodGone = async (): Promise<true | undefined> =>
    tableLines(await kubectl(sandbox, [...pods, '-o', 'name'])).length === 1 ? true : undefined;
  await story.step({
    title: 'catalog rolls out with a readiness probe: Envoy answers it, as the kubelet has no certificate',
    does: [typed(patch), typed(rollout), `${web}$ curl ${catalog.replace('http://', '')}   # again and again`],
    expected: 'a new pod, READY 2/2 under STRICT, and no call that failed meanwhile',
    run: async () => {
      await using connection = await keepAlive(sandbox, web, 'catalog.istioinaction', 80);
      const calls = await callsDuring(connection, '/items', async () => {
        await kubectl(sandbox, patch);
        await kubectl(sandbox, rollout);
        await poll('the old pod to be gone', oldPodGone, { clock: systemClock, timeoutMs: 60_000, everyMs: 200 });
      });
      const table = tableLines(await kubectl(sandbox, pods));
      const asked = await kubectl(sandbox, [...pods, '-o', probe]);
      const ready = table.slice(1).map((line) => line.split(/\s+/)[1]);
      return {
        seen: `READY ${ready.join(', ')}; ${callsText(calls)}`,
        asExpected: ready.join() === '2/2' && onlyStatus(calls, 200) && asked.includes('/app-health/catalog/readyz'),
        evidence: [...table, `its probe now: ${asked}`],
      };
    },
  });
}

async function anotherLeads(story: Story, { sandbox }: Ground, fallen: string): Promise<void> {
  const rollout = ['rollout', 'status', 'deployment/coxswain', '-n', 'istio-system', '--timeout=60s'];
  const wait = ['wait', '--for=condition=Enforced', '-f', deny, '--timeout=60s'];
  const pods = ['get', 'pods', '-n', 'istio-system'];
  await story.step({
    title: 'a new control plane has come, and one of the two leads and reports again',
    does: [typed(rollout), typed(wait), typed(pods)],
    expected: 'READY 1/1, twice, the fallen one gone; and the policy Enforced',
    run: async () => {
      await kubectl(sandbox, rollout);
      const met = await kubectl(sandbox, wait);
      const table = tableLines(await kubectl(sandbox, pods));
      const ready = table.slice(1).map((line) => line.split(/\s+/)[1]);
      return {
        seen: `READY ${ready.join(', ')}; ${met.trim()}`,
        asExpected: ready.join() === '1/1,1/1' && !table.some((line) => line.startsWith(`${fallen} `)),
        evidence: table,
      };
    },
  });
}
