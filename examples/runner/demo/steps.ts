import type { KeepAlive } from '../keep-alive.ts';
import { type Seen, seenText, settles } from '../probe.ts';
import type { Story } from '../story.ts';
import { type Ground, policy } from './ground.ts';

/** Who is who in the story. */
export const [sleep, web, store] = ['sleep.default', 'webapp.istioinaction', 'catalog.istioinaction'];
export const webapp = 'http://webapp.istioinaction/api/catalog';
export const catalog = 'http://catalog.istioinaction/items';

/** Policies to apply by name, and the call that shows what they mean. */
export interface Reach {
  readonly title: string;
  readonly policies?: readonly string[];
  readonly from: string;
  readonly url: string;
  readonly expected: Seen;
}

/** Applies policies and waits until a call gives what they mean, on the wire. */
export async function reaches(story: Story, ground: Ground, reach: Reach): Promise<void> {
  const { title, from, url, expected } = reach;
  const files = (reach.policies ?? []).map(policy);
  await story.step({
    title,
    does: [...files.map((file) => ground.shown(file)), `${from}$ curl ${url.replace('http://', '')}`],
    expected: seenText(expected),
    run: async () => {
      const applied = performance.now();
      for (const file of files) await ground.apply(file);
      const { seen, tookMs } = await settles(ground.sandbox, from, url, expected, applied);
      const since = files.length > 0 ? ground.since : 'the call';
      const took = tookMs === undefined ? ', still after 5 s' : `, ${tookMs.toFixed(0)} ms after ${since}`;
      return { seen: `${seenText(seen)}${took}`, asExpected: tookMs !== undefined };
    },
  });
}

/** Takes a policy out again, between two steps, for all to see. */
export async function withdraw(story: Story, ground: Ground, name: string): Promise<void> {
  story.command(ground.shown(policy(name), 'delete'));
  await ground.remove(policy(name));
}

/** A call to listen to, and whether a secret in it can be read. */
export interface Overheard {
  readonly title: string;
  readonly from: string;
  readonly at: string;
  /** Which packets, in tcpdump's words. */
  readonly filter: string;
  readonly url: string;
  readonly secret: string;
  readonly readable: boolean;
}

/** Listens on a pod's cable while a call goes over it. */
export async function overhear(story: Story, { sandbox }: Ground, call: Overheard): Promise<void> {
  const { title, from, at, filter, url, secret, readable } = call;
  await story.step({
    title,
    does: [`node$ tcpdump -A -i <cable of ${at}> ${filter}`],
    expected: readable ? `“${secret}” in the packets` : `no “${secret}” in the packets that carry it`,
    run: async () => {
      await using capture = await sandbox.capture(at, filter);
      const answer = await sandbox.curl(from, url);
      const text = await capture.stop();
      const found = text.includes(secret);
      const packets = text.split('\n').filter((line) => /^\d\d:\d\d:\d\d\.\d+ IP/.test(line)).length;
      const line = text.split('\n').find((each) => each.includes(secret));
      const evidence =
        line === undefined ? await tlsVersions(sandbox, at) : [`… ${line.slice(line.indexOf(secret)).trim()}`];
      return {
        seen: `${answer.status}, ${packets} packets, “${secret}” ${found ? 'readable' : 'not found'}`,
        asExpected: answer.status === 200 && packets > 0 && found === readable,
        evidence,
      };
    },
  });
}

/** What a sidecar's inbound listener says of the TLS that it took. */
async function tlsVersions(sandbox: Ground['sandbox'], pod: string): Promise<readonly string[]> {
  const { body } = await sandbox.envoyAdmin(pod, '/stats?filter=^listener.0.0.0.0_15006.ssl.(versions|handshake)');
  return body
    .trim()
    .split('\n')
    .map((line) => `sidecar of ${pod}: ${line.trim()}`);
}

/** Asks until the answer is the wanted one, 0 or late; gives the last answer and how long it took since then. */
export async function until(
  ask: () => Promise<number>,
  wanted: number,
  since: number,
): Promise<readonly [number, number]> {
  for (;;) {
    const got = await ask();
    const took = performance.now() - since;
    if (got === wanted || got === 0 || took > 5_000) return [got, took];
  }
}

/** Calls over one connection, again and again, while something happens; gives how often each status came. */
export async function callsDuring(
  connection: KeepAlive,
  path: string,
  happens: () => Promise<void>,
): Promise<ReadonlyMap<number, number>> {
  const seen = new Map<number, number>();
  const state = { over: false };
  const calling = async (): Promise<void> => {
    // One more after the end: what happened may have left something behind.
    for (let last = false; !last; ) {
      last = state.over;
      const status = await connection.get(path);
      seen.set(status, (seen.get(status) ?? 0) + 1);
      if (status === 0) return;
    }
  };
  const ended = happens().finally(() => {
    state.over = true;
  });
  await Promise.all([ended, calling()]);
  return seen;
}

/** `295 × 200`, and whatever else came. */
export function callsText(seen: ReadonlyMap<number, number>): string {
  const counts = [...seen].map(([status, count]) => `${count} × ${status === 0 ? 'connection closed' : status}`);
  return counts.join(', ');
}

export function onlyStatus(seen: ReadonlyMap<number, number>, status: number): boolean {
  return seen.size === 1 && seen.has(status);
}
