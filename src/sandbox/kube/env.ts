import { fieldValue, type PodPlace, resourceValue } from './downward-api.ts';
import type { KeyedObjects } from './keyed-objects.ts';
import { Missing } from './missing.ts';
import type { Container, EnvVar, KeyRef, Pod } from './pod.ts';

/** Replaces `$(NAME)` where NAME is known; `$$` stands for `$` (core/v1 Container.args). */
export function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (known[name] ?? whole),
  );
}

/**
 * Environment of a container. `builtIn` is what every container of the cluster has, and what others may refer to; later
 * variables see earlier ones. Throws {@link Missing} where a ConfigMap or Secret, or its key, is not there yet.
 */
export function containerEnv(
  container: Container,
  pod: Pod,
  place: PodPlace,
  objects: KeyedObjects,
  builtIn: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const env: Record<string, string> = { ...builtIn };
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const reference = configMapRef ?? secretRef;
    const kind = configMapRef === undefined ? 'secret' : 'configmap';
    const found = objects.find(kind, pod, reference?.name ?? '');
    if (found === undefined && reference?.optional !== true)
      throw new Missing(`${kind} "${reference?.name}" not found`);
    for (const [key, value] of found ?? []) env[`${prefix}${key}`] = value.toString('utf8');
  }
  for (const variable of container.env ?? []) {
    const value = variableValue(variable, container, pod, place, objects, env);
    if (value !== undefined) env[variable.name] = value;
  }
  return env;
}

function variableValue(
  { value, valueFrom }: EnvVar,
  container: Container,
  pod: Pod,
  place: PodPlace,
  objects: KeyedObjects,
  env: Readonly<Record<string, string>>,
): string | undefined {
  if (valueFrom?.fieldRef !== undefined) return fieldValue(valueFrom.fieldRef.fieldPath, pod, place);
  if (valueFrom?.resourceFieldRef !== undefined) {
    return resourceValue(valueFrom.resourceFieldRef, pod, container.name, place);
  }
  if (valueFrom?.configMapKeyRef !== undefined) return keyValue('configmap', valueFrom.configMapKeyRef, pod, objects);
  if (valueFrom?.secretKeyRef !== undefined) return keyValue('secret', valueFrom.secretKeyRef, pod, objects);
  return expand(value ?? '', env);
}

function keyValue(
  kind: 'configmap' | 'secret',
  reference: KeyRef,
  pod: Pod,
  objects: KeyedObjects,
): string | undefined {
  const found = objects.find(kind, pod, reference.name ?? '');
  const value = found?.get(reference.key);
  if (value !== undefined) return value.toString('utf8');
  if (reference.optional === true) return undefined;
  throw new Missing(
    found === undefined
      ? `${kind} "${reference.name}" not found`
      : `couldn't find key ${reference.key} in ${kind} ${reference.name}`,
  );
}
