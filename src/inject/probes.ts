import { appProbePort } from '../agent/app-probe.ts';
import { isRecord } from '../lib/is-record.ts';
import { type JsonObject, objectIn, objectsIn, textIn } from '../lib/json-fields.ts';
import { withField } from './json.ts';

/** Probes and hooks of a pod that go through the sidecar, by the path they have there. */
export type RewrittenProbes = Readonly<Record<string, JsonObject>>;

/** A pod's spec whose probes and hooks ask the sidecar. */
export interface RewriteResult {
  readonly spec: JsonObject;
  /** What the kubelet asked before: handler, resolved port, timeout and period (see app-probe.ts). */
  readonly probes: RewrittenProbes;
  readonly warnings: readonly string[];
}

const probeFields = [
  ['readinessProbe', 'readyz'],
  ['livenessProbe', 'livez'],
  ['startupProbe', 'startupz'],
] as const;
const hookFields = [
  ['postStart', 'poststartz'],
  ['preStop', 'prestopz'],
] as const;
const handlers = ['httpGet', 'tcpSocket', 'grpc'] as const;

/**
 * Turns what the kubelet asks of the app's ports into HTTP GET on port 15020, which the sidecar answers (behaviour.md 9.5):
 * the kubelet shows no mesh certificate, so under STRICT it would be refused. Commands are left alone, and so is a probe
 * that names a host of its own: it asks somebody else. What a tcpSocket *hook* means, Kubernetes itself doesn't run.
 */
export function rewriteProbes(spec: JsonObject): RewriteResult {
  const probes: Record<string, JsonObject> = {};
  const warnings: string[] = [];
  const rewrite = (container: JsonObject): JsonObject => {
    const name = textIn(container, 'name');
    const one = (owner: JsonObject, where: string, path: string, hook: boolean): JsonObject => {
      const moved = move(owner, ports(container), path, hook);
      if (moved.kind === 'kept') {
        if (moved.why !== '') warnings.push(`container ${name}: ${where} is left as it is: ${moved.why}`);
        return owner;
      }
      probes[path] = moved.original;
      return moved.probe;
    };
    let next = container;
    for (const [field, word] of probeFields) {
      const probe = container[field];
      if (isRecord(probe)) next = withField(next, field, one(probe, field, `/app-health/${name}/${word}`, false));
    }
    const lifecycle = container['lifecycle'];
    if (!isRecord(lifecycle)) return next;
    let hooks = lifecycle;
    for (const [field, word] of hookFields) {
      const hook = lifecycle[field];
      if (isRecord(hook))
        hooks = withField(hooks, field, one(hook, `lifecycle.${field}`, `/app-lifecycle/${name}/${word}`, true));
    }
    return withField(next, 'lifecycle', hooks);
  };
  return { spec: mapContainers(spec, rewrite), probes, warnings };
}

/** Undoes {@link rewriteProbes}. */
export function restoreProbes(spec: JsonObject, probes: RewrittenProbes): JsonObject {
  const back = (owner: JsonObject): JsonObject => {
    const original = probes[textIn(objectIn(owner, 'httpGet'), 'path')];
    if (original === undefined || objectIn(owner, 'httpGet')['port'] !== appProbePort) return owner;
    const handler = handlers.find((each) => isRecord(original[each]));
    if (handler === undefined) return owner;
    // The handler goes back to where it stood, so that injecting again gives the same text again.
    return Object.fromEntries(
      Object.entries(owner).map(([field, value]) =>
        field === 'httpGet' ? [handler, original[handler]] : [field, value],
      ),
    );
  };
  return mapContainers(spec, (container) => {
    let next = container;
    for (const [field] of probeFields) {
      const probe = container[field];
      if (isRecord(probe)) next = withField(next, field, back(probe));
    }
    const lifecycle = container['lifecycle'];
    if (!isRecord(lifecycle)) return next;
    let hooks = lifecycle;
    for (const [field] of hookFields) {
      const hook = lifecycle[field];
      if (isRecord(hook)) hooks = withField(hooks, field, back(hook));
    }
    return withField(next, 'lifecycle', hooks);
  });
}

/** JSON for the init container's environment. No `$`: the kubelet would look for variables in it. */
export function probesText(probes: RewrittenProbes): string {
  return JSON.stringify(probes).replaceAll('$', '\\u0024');
}

/** Reads {@link probesText}; nothing for what isn't ours. */
export function readProbesText(text: string): RewrittenProbes {
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value)) return {};
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, JsonObject] => isRecord(entry[1])),
    );
  } catch {
    return {}; // written by somebody else: there is nothing of ours to undo
  }
}

type Move =
  | { readonly kind: 'kept'; readonly why: string }
  | { readonly kind: 'moved'; readonly probe: JsonObject; readonly original: JsonObject };

function move(owner: JsonObject, named: ReadonlyMap<string, number>, path: string, hook: boolean): Move {
  const handler = handlers.find((each) => isRecord(owner[each]));
  if (handler === undefined || (hook && handler === 'grpc')) return kept('');
  if (hook && handler === 'tcpSocket') return kept('Kubernetes runs no tcpSocket hooks');
  const asked = objectIn(owner, handler);
  if (asked['port'] === appProbePort) return kept('');
  const host = textIn(asked, 'host');
  if (host !== '') return kept(`it asks the host ${JSON.stringify(host)}, not the pod`);
  const port = portOf(asked['port'], named);
  if (port === undefined) return kept(`its port ${JSON.stringify(asked['port'])} is not known`);
  const { timeoutSeconds, periodSeconds } = owner;
  const original = {
    [handler]: asked,
    port,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(periodSeconds === undefined ? {} : { periodSeconds }),
  };
  const { httpHeaders } = asked;
  const httpGet = { path, port: appProbePort, ...(httpHeaders === undefined ? {} : { httpHeaders }) };
  const probe = Object.fromEntries(
    Object.entries(owner).map(([field, value]) => (field === handler ? ['httpGet', httpGet] : [field, value])),
  );
  return { kind: 'moved', probe, original };
}

function kept(why: string): Move {
  return { kind: 'kept', why };
}

function portOf(port: unknown, named: ReadonlyMap<string, number>): number | undefined {
  const found =
    typeof port === 'string' ? (named.get(port) ?? (/^\d{1,5}$/.test(port) ? Number(port) : undefined)) : port;
  return typeof found === 'number' && Number.isInteger(found) && found >= 1 && found <= 65_535 ? found : undefined;
}

/** The container's own named ports: a probe may name no other's. */
function ports(container: JsonObject): ReadonlyMap<string, number> {
  const named = new Map<string, number>();
  for (const port of objectsIn(container, 'ports')) {
    const [name, number] = [textIn(port, 'name'), port['containerPort']];
    if (name !== '' && typeof number === 'number' && !named.has(name)) named.set(name, number);
  }
  return named;
}

function mapContainers(spec: JsonObject, change: (container: JsonObject) => JsonObject): JsonObject {
  let next = spec;
  for (const field of ['initContainers', 'containers']) {
    const list = spec[field];
    if (Array.isArray(list))
      next = withField(
        next,
        field,
        list.map((each: unknown) => (isRecord(each) ? change(each) : each)),
      );
  }
  return next;
}
