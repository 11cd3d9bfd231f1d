import { appProbesVariable } from '../agent/app-probe.ts';
import { isRecord } from '../lib/is-record.ts';
import { type JsonObject, objectsIn, textIn, textsIn } from '../lib/json-fields.ts';
import { withField } from './json.ts';
import { initContainerName, proxyContainerName, statusAnnotation, volumeNames } from './names.ts';
import { readProbesText, restoreProbes } from './probes.ts';
import type { InjectTemplate } from './template.ts';

/** What the annotation `sidecar.istio.io/status` says of an earlier injection. */
export interface InjectStatus {
  readonly initContainers: readonly string[];
  readonly containers: readonly string[];
  readonly volumes: readonly string[];
  readonly imagePullSecrets: readonly string[];
  readonly revision: string;
}

/**
 * The pod as it was before an earlier injection, so that injecting again gives the same pod and not two sidecars. Only what the
 * annotation lists and what bears one of our names is taken away: the annotation is a claim of the pod's author.
 */
export function stripInjected(metadata: JsonObject, spec: JsonObject, template: InjectTemplate): JsonObject {
  const status = readStatus(textsIn(metadata, 'annotations')[statusAnnotation]);
  if (status === undefined) return spec;
  const init = objectsIn(spec, 'initContainers').find((each) => textIn(each, 'name') === initContainerName);
  const probes = objectsIn(init ?? {}, 'env').find((each) => textIn(each, 'name') === appProbesVariable);
  const ours = (listed: readonly string[], names: readonly string[]): readonly string[] =>
    names.filter((name) => listed.includes(name));
  const containers = [initContainerName, proxyContainerName];
  let next = without(spec, 'initContainers', ours(status.initContainers, containers));
  next =
    template === 'gateway' && status.containers.includes(proxyContainerName)
      ? withoutProgram(next)
      : without(next, 'containers', ours(status.containers, containers));
  next = without(next, 'volumes', ours(status.volumes, Object.values(volumeNames)));
  return probes === undefined ? next : restoreProbes(next, readProbesText(textIn(probes, 'value')));
}

/** The annotation's text, with a fixed order. */
export function statusText(status: InjectStatus): string {
  const { initContainers, containers, volumes, imagePullSecrets, revision } = status;
  return JSON.stringify({ initContainers, containers, volumes, imagePullSecrets, revision });
}

function readStatus(text: string | undefined): InjectStatus | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value)) return undefined;
    const names = (field: string): readonly string[] => {
      const list = value[field];
      return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
    };
    return {
      initContainers: names('initContainers'),
      containers: names('containers'),
      volumes: names('volumes'),
      imagePullSecrets: names('imagePullSecrets'),
      revision: textIn(value, 'revision'),
    };
  } catch {
    return undefined; // not JSON, so not written by an injector
  }
}

/** A gateway's container is its author's: only what it runs is ours. */
function withoutProgram(spec: JsonObject): JsonObject {
  const list = spec['containers'];
  if (!Array.isArray(list)) return spec;
  return withField(
    spec,
    'containers',
    list.map((each: unknown) => {
      if (!isRecord(each) || textIn(each, 'name') !== proxyContainerName) return each;
      const { command: _command, args: _args, ...rest } = each;
      return rest;
    }),
  );
}

function without(spec: JsonObject, field: string, names: readonly string[]): JsonObject {
  const list = spec[field];
  if (!Array.isArray(list) || names.length === 0) return spec;
  return withField(
    spec,
    field,
    list.filter((each: unknown) => !(isRecord(each) && names.includes(textIn(each, 'name')))),
  );
}
