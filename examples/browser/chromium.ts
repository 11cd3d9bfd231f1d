import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { MeshError } from '../../src/lib/errors.ts';
import { killGroup, startFailure } from '../../src/sandbox/run-command.ts';
import { Devtools } from './devtools.ts';
import type { Profile } from './profile.ts';

/** A running Chromium; leaving it ends all of its processes. */
export interface Chromium extends AsyncDisposable {
  readonly devtools: Devtools;
}

/**
 * Starts Chromium without a window, in namespaces of its own: there the profile's policies stand in `/etc/chromium`, nobody
 * else's browser is concerned, and the end of the first process is the end of all. Needs root (in a pod of the sandbox,
 * `--user root`); that is also why Chromium's own sandbox is off, which refuses root.
 */
export async function startChromium(profile: Profile, hosts: ReadonlyMap<string, string>): Promise<Chromium> {
  if (process.getuid?.() !== 0) {
    throw new MeshError('permission-denied', 'needs root, for namespaces of its own', {
      hint: 'in a pod of the sandbox: coxswain sandbox exec --user root',
    });
  }
  const script = 'mount --bind "$1" /etc/chromium && shift && exec chromium "$@"';
  const [program = '', ...args] = [
    ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...['sh', '-c', script, 'sh', profile.etc, ...flags(profile.home, hosts), 'about:blank'],
  ];
  const { PATH = '' } = process.env;
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: { PATH, HOME: profile.home, TMPDIR: profile.home, LANG: 'C.UTF-8' },
    detached: true,
  });
  const ended = once(child, 'close').then(
    () => undefined,
    (thrown: unknown) => startFailure(program, thrown),
  );
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  });
  const [, , , toChromium, fromChromium] = child.stdio;
  if (!(toChromium instanceof Writable) || !(fromChromium instanceof Readable)) {
    throw new MeshError('internal', 'chromium has no pipes');
  }
  const devtools = new Devtools(toChromium, fromChromium);
  const chromium: Chromium = {
    devtools,
    async [Symbol.asyncDispose]() {
      killGroup(child.pid, 'SIGKILL');
      await ended;
    },
  };
  try {
    await devtools.ask('Browser.getVersion');
    return chromium;
  } catch (thrown) {
    killGroup(child.pid, 'SIGKILL');
    const failure = await ended;
    if (failure !== undefined) throw failure;
    throw new MeshError('unavailable', `chromium did not start: ${said.trim().split('\n').at(-1)}`, { cause: thrown });
  }
}

function flags(home: string, hosts: ReadonlyMap<string, string>): readonly string[] {
  // The first rule that fits counts: names that nobody mapped are nowhere, so nothing is asked of the world.
  const mapped = [...hosts].map(([host, address]) => `MAP ${host} ${address}`);
  return [
    '--headless=new',
    '--no-sandbox',
    '--remote-debugging-pipe',
    `--user-data-dir=${join(home, 'profile')}`,
    `--host-resolver-rules=${[...mapped, 'MAP * ~NOTFOUND'].join(', ')}`,
    '--no-proxy-server',
    '--no-first-run',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-default-apps',
    '--disable-sync',
  ];
}
