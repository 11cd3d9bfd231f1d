import { matrix, ok, reset } from '../probe.ts';
import type { Story } from '../story.ts';
import type { Ground } from './ground.ts';
import { catalog, overhear, reaches, sleep, store, web, webapp, withdraw } from './steps.ts';

/** PeerAuthentication, from the whole mesh to one workload. Leaves the mesh STRICT and webapp PERMISSIVE. */
export async function whoMayCome(story: Story, ground: Ground): Promise<void> {
  const fromOutside = { from: sleep, url: webapp };
  await reaches(story, ground, {
    title: 'no policy: plaintext from outside is taken, as if there were no mesh',
    ...fromOutside,
    expected: ok,
  });
  await overhear(story, ground, {
    title: 'on the wire, sleep → webapp can be read by anybody',
    from: sleep,
    at: web,
    filter: 'tcp port 8080',
    url: webapp,
    secret: 'GET /api/catalog',
    readable: true,
  });
  await reaches(story, ground, {
    title: 'the whole mesh STRICT: a client without certificate is cut off',
    policies: ['mesh-strict'],
    ...fromOutside,
    expected: reset,
  });
  await reaches(story, ground, {
    title: 'namespace PERMISSIVE: the narrower policy wins',
    policies: ['namespace-permissive'],
    ...fromOutside,
    expected: ok,
  });
  await withdraw(story, ground, 'namespace-permissive');
  await reaches(story, ground, {
    title: 'workload PERMISSIVE, for webapp alone',
    policies: ['workload-permissive'],
    ...fromOutside,
    expected: ok,
  });
  await reaches(story, ground, {
    title: '… so catalog keeps what the mesh says',
    from: sleep,
    url: catalog,
    expected: reset,
  });
  await reaches(story, ground, {
    title: 'workload DISABLE, for catalog: plaintext only, and its clients know',
    policies: ['disable'],
    from: sleep,
    url: catalog,
    expected: ok,
  });
  await reaches(story, ground, { title: '… webapp still reaches it', from: web, url: catalog, expected: ok });
  await withdraw(story, ground, 'disable');
  await reaches(story, ground, {
    title: 'workload UNSET, for catalog: inherits STRICT from the mesh',
    policies: ['unset'],
    from: sleep,
    url: catalog,
    expected: reset,
  });
  await withdraw(story, ground, 'unset');
  await whoReachesWhom(story, ground);
}

async function whoReachesWhom(story: Story, { sandbox }: Ground): Promise<void> {
  await story.step({
    title: 'who reaches whom now: mesh STRICT, webapp PERMISSIVE',
    expected: 'outside only to webapp; inside everybody',
    run: async () => {
      const servers = [
        { name: 'webapp', url: webapp },
        { name: 'catalog', url: catalog },
      ];
      const result = await matrix(sandbox, [sleep, web, store], servers, (client, server) =>
        client === sleep && server === 'catalog' ? reset : ok,
      );
      return {
        seen: `${result.right} of ${result.cells} cells`,
        asExpected: result.right === result.cells,
        evidence: result.lines,
      };
    },
  });
}
