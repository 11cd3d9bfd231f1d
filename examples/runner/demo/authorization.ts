import { keepAlive } from '../keep-alive.ts';
import { forbidden, ok } from '../probe.ts';
import type { Story } from '../story.ts';
import { type Ground, policy } from './ground.ts';
import { catalog, reaches, sleep, store, until, web } from './steps.ts';

/** AuthorizationPolicy. Leaves catalog to webapp alone. */
export async function whoMayDoWhat(story: Story, ground: Ground): Promise<void> {
  const deny = policy('deny-webapp');
  await story.step({
    title: 'one connection from sleep to webapp stays open while a DENY policy comes and goes',
    does: [ground.shown(deny)],
    expected: '200, then 403, then 200: on the same connection',
    run: async () => {
      await using connection = await keepAlive(ground.sandbox, sleep, 'webapp.istioinaction', 80);
      const seen = [await connection.get('/api/catalog')];
      const applied = performance.now();
      await ground.apply(deny);
      const [denied, toDeny] = await until(() => connection.get('/api/catalog'), 403, applied);
      const removed = performance.now();
      await ground.remove(deny);
      const [again, toAllow] = await until(() => connection.get('/api/catalog'), 200, removed);
      seen.push(denied, again);
      return {
        seen: `${seen.join(', ')} (${toDeny.toFixed(0)} ms and ${toAllow.toFixed(0)} ms after ${ground.sinceEach})`,
        asExpected: seen.join() === '200,403,200',
      };
    },
  });
  await reaches(story, ground, {
    title: 'catalog for webapp alone, proven by its certificate: webapp may',
    policies: ['allow-webapp'],
    from: web,
    url: catalog,
    expected: ok,
  });
  await reaches(story, ground, {
    title: '… and catalog itself may not',
    from: store,
    url: catalog,
    expected: forbidden,
  });
}
