import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { classicHooks } from '../../../src/inject/classic-hooks.ts';
import { objectIn } from '../../../src/lib/json-fields.ts';
import { PodNetwork } from '../../support/pod-network.ts';
import { eventually } from '../../support/sandbox.ts';

/** The command line of a hook. */
function commandOf(hook: 'postStart' | 'preStop'): readonly string[] {
  const { command } = objectIn(objectIn(classicHooks(), hook), 'exec');
  if (!Array.isArray(command)) throw new Error(`${hook} runs nothing`);
  return command.map(String);
}

describe('hooks of a sidecar that is an ordinary container', () => {
  let pod: PodNetwork;
  before(async () => {
    pod = await PodNetwork.make('10.255.0.8');
    const root = await pod.makeCertificate();
    const { code, stderr } = await pod.init(['--root-file', root, '--labels-file', join(pod.dir, 'none')], {});
    expect(code, stderr).to.equal(0);
  });
  after(() => pod[Symbol.asyncDispose]());

  /** Runs a hook as the kubelet does: in the container, as its user. */
  function startHook(hook: 'postStart' | 'preStop'): ChildProcess {
    const user = ['setpriv', '--reuid', '1337', '--regid', '1337', '--clear-groups', '--'];
    return pod.spawn(...user, ...commandOf(hook));
  }

  it('hold the app until the sidecar is ready', async () => {
    const hook = startHook('postStart');
    const ended = once(hook, 'exit');
    expect(await Promise.race([ended, once(AbortSignal.timeout(600), 'abort').then(() => 'waits')])).to.equal('waits');
    await pod.startEnvoy();
    expect(await ended).to.deep.equal([0, null]);
  });

  it('keep the sidecar until no connection is left, five seconds at least', async () => {
    await pod.start('bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/15090; echo open; read -t 9 <&3 || true');
    const startedAt = Date.now();
    const hook = startHook('preStop');
    const [code] = await once(hook, 'exit');
    const seconds = (Date.now() - startedAt) / 1000;
    expect({ code, inTime: seconds > 7 && seconds < 14 }, `${seconds} s`).to.deep.equal({ code: 0, inTime: true });
  });

  it('leave outbound listeners and health alone meanwhile', async () => {
    await eventually('the health page to answer', async () => {
      const { stdout } = await pod.run('curl', '-s', '-w', '%{http_code}', 'http://127.0.0.1:15021/healthz/ready');
      return stdout.endsWith('200') || undefined;
    });
  });
});
