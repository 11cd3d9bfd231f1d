import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../src/sandbox/run-command.ts';
import type { Story } from '../story.ts';
import type { Ground } from './ground.ts';
import { sleep, store, web } from './steps.ts';

const coxswain = fileURLToPath(new URL('../../../bin/coxswain', import.meta.url));

/** A question to the control plane, and what its answer must begin with and name. */
interface Question {
  readonly title: string;
  readonly ask: readonly string[];
  readonly exitCode: 0 | 3;
  readonly verdict: string;
  readonly names: string;
}

const [to, path] = [
  ['--to', 'catalog.istioinaction:80'],
  ['--path', '/items'],
];

const questions: readonly Question[] = [
  {
    title: 'catalog may not call itself: which policy, and what does the nearest rule want?',
    ask: ['authz', 'explain', '--from', store, ...to, ...path],
    exitCode: 3,
    verdict: 'DENIED (403)',
    names: 'AuthorizationPolicy istioinaction/catalog',
  },
  {
    title: 'sleep does not even get that far',
    ask: ['authz', 'explain', '--from', sleep, ...to, ...path],
    exitCode: 3,
    verdict: 'DENIED',
    names: 'PeerAuthentication istio-system/default',
  },
  {
    title: 'webapp may',
    ask: ['authz', 'explain', '--from', web, ...to, ...path],
    exitCode: 0,
    verdict: 'ALLOWED',
    names: 'AuthorizationPolicy istioinaction/catalog',
  },
];

/** Why calls of the story came to what they did, asked of what the sidecars hold now. */
export async function askWhy(story: Story, { sandbox }: Ground): Promise<void> {
  for (const { title, ask, exitCode, verdict, names } of questions) {
    await story.step({
      title,
      does: [['coxswain', ...ask].join(' ')],
      expected: `${verdict}, by ${names}`,
      run: async () => {
        const { code, stdout, stderr } = await runCommand([coxswain, ...ask, '--sandbox', sandbox.name]);
        const lines = `${stdout}${stderr}`.trimEnd().split('\n');
        const asExpected = code === exitCode && stdout.startsWith(`${verdict} `) && stdout.includes(names);
        return { seen: `exit code ${code}`, asExpected, evidence: lines };
      },
    });
  }
}
