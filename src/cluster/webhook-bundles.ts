import type { KubeClient } from '../kube/client.ts';
import type { Duty } from '../kube/duty.ts';
import type { KubeObject } from '../kube/object.ts';
import type { ReflectEvent } from '../kube/reflector.ts';
import { isRecord } from '../lib/is-record.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import { fieldManagers, injectorName, validatorName } from '../model/cluster-names.ts';
import { followAll } from './follow-all.ts';
import { KeyedWork } from './keyed-work.ts';

export interface WebhookBundleOptions extends Surroundings {
  readonly client: KubeClient;
  /** The mesh's roots now, PEM: the webhook's serving certificate is signed under them. */
  readonly roots: () => readonly string[];
  /** Calls back when `roots` has another answer than before. */
  readonly changed?: (listener: () => void) => Disposable;
  /** Names of the configurations; those of an installation by default. */
  readonly names?: { readonly mutating: string; readonly validating: string };
}

const installed = { mutating: injectorName, validating: validatorName };

const api = '/apis/admissionregistration.k8s.io/v1';
const collections = {
  mutating: `${api}/mutatingwebhookconfigurations`,
  validating: `${api}/validatingwebhookconfigurations`,
} as const;
type Kind = keyof typeof collections;
const kinds: readonly Kind[] = ['mutating', 'validating'];
/** Shorter than what a leader has to end its duties. */
const timeoutMs = 4_000;

/** One webhook of a configuration, in its place. */
interface Hook {
  readonly name: string;
  readonly bundle: string;
}

/**
 * Keeps the CA bundle of our webhooks equal to the mesh's roots: the API server calls nobody that it can't verify. A duty of
 * the leader. Nothing else of the configurations is touched, and those that don't exist are waited for.
 */
export function webhookBundles(options: WebhookBundleOptions): Duty {
  const { client, clock, random, log, names = installed } = options;
  return async (signal) => {
    const hooks = new Map<string, readonly Hook[]>();
    const wanted = (): string => Buffer.from(options.roots().join('')).toString('base64');
    await using work = new KeyedWork({
      clock,
      random,
      log,
      parallel: 1,
      run: async (path, ending) => {
        const patch = bundlePatch(hooks.get(path) ?? [], wanted());
        if (patch.length === 0) return 'equal';
        await client.request('PATCH', path, {
          query: { fieldManager: fieldManagers.controlPlane },
          contentType: 'application/json-patch+json',
          body: patch,
          signal: ending,
          timeoutMs,
        });
        return 'wrote';
      },
    });
    using _changed = options.changed?.(() => {
      for (const path of hooks.keys()) work.touch(path);
    });
    await followAll(
      signal,
      kinds.map((kind) => {
        const path = `${collections[kind]}/${names[kind]}`;
        const fieldSelector = `metadata.name=${names[kind]}`;
        return {
          options: { client, clock, random, log, path: collections[kind], fieldSelector },
          take: (event: ReflectEvent) => {
            if (event.type === 'put') hooks.set(path, hooksOf(event.object));
            if (event.type === 'delete') hooks.delete(path);
            if (event.type === 'put' && bundlePatch(hooksOf(event.object), wanted()).length > 0) work.touch(path);
          },
        };
      }),
    );
  };
}

function hooksOf({ webhooks }: KubeObject): readonly Hook[] {
  const list: readonly unknown[] = Array.isArray(webhooks) ? webhooks : [];
  return list.map((hook) => {
    const { name, clientConfig } = isRecord(hook) ? hook : {};
    const bundle = isRecord(clientConfig) ? clientConfig['caBundle'] : undefined;
    return { name: typeof name === 'string' ? name : '', bundle: typeof bundle === 'string' ? bundle : '' };
  });
}

/**
 * JSON Patch (RFC 6902) rather than server-side apply: a patch can't bring back a webhook that its owner has just removed,
 * because the test of its name and place fails then. What comes next by the watch is tried anew.
 */
function bundlePatch(hooks: readonly Hook[], bundle: string): readonly object[] {
  return hooks.flatMap((hook, at) =>
    hook.bundle === bundle
      ? []
      : [
          { op: 'test', path: `/webhooks/${at}/name`, value: hook.name },
          { op: 'add', path: `/webhooks/${at}/clientConfig/caBundle`, value: bundle },
        ],
  );
}
