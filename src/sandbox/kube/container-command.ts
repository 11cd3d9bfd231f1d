import { join } from 'node:path';
import { autoImage } from '../../inject/template.ts';
import { MeshError } from '../../lib/errors.ts';
import { splitWords } from '../words.ts';
import { commandAnnotation } from '../workloads.ts';
import { expand } from './env.ts';
import type { Container, Pod } from './pod.ts';

/** What a container runs. `words` are those of the annotation, to be looked up among the apps of the examples. */
export type ContainerProgram =
  | { readonly kind: 'coxswain' | 'envoy' | 'own' | 'idle'; readonly argv: readonly string[] }
  | { readonly kind: 'app'; readonly words: readonly string[] };

/** Images by their last name, without registry, tag and digest. */
function imageName(image: string): string {
  return (image.split('@')[0] ?? '').replace(/:[^/:]*$/, '');
}

/** Whether an image is Envoy, whatever its registry and version. */
export function isEnvoyImage(image: string): boolean {
  return /(^|\/)envoyproxy\/envoy(-[a-z-]+)?$/.test(imageName(image));
}

/** Whether an image is this program, whatever its registry and version. */
export function isCoxswainImage(image: string): boolean {
  return /(^|\/)coxswain$/.test(imageName(image));
}

/**
 * Stands in for the image of a container. Coxswain's and Envoy's are known; of an app, the pod's annotation says what to
 * run; anything else runs its own command if this machine has such a program, and else does nothing for ever.
 */
export function containerProgram(
  container: Container,
  pod: Pod,
  options: {
    readonly live: string;
    readonly env: Readonly<Record<string, string>>;
    readonly exists: (program: string) => boolean;
  },
): ContainerProgram {
  const { live, env, exists } = options;
  const image = container.image ?? '';
  if (image === autoImage) {
    const why = "it stands for the injector's choice, and no injector was asked for this pod";
    throw new MeshError('bad-argument', `there is no image "${autoImage}": ${why}`);
  }
  const command = (container.command ?? []).map((each) => expand(each, env));
  const args = (container.args ?? []).map((each) => expand(each, env));
  const [program = ''] = command;
  if (isCoxswainImage(image) && (command.length === 0 || isNamed(program, 'coxswain'))) {
    const main = [
      join(live, 'bin', 'node'),
      '--disable-warning=ExperimentalWarning',
      join(live, 'package/src/main.ts'),
    ];
    return { kind: 'coxswain', argv: [...main, ...command.slice(1), ...args] };
  }
  if (isEnvoyImage(image) && (command.length === 0 || isNamed(program, 'envoy'))) {
    // The image's entry point lets `envoy` be left out.
    const words = command.length === 0 && args[0] !== undefined && isNamed(args[0], 'envoy') ? args.slice(1) : args;
    return { kind: 'envoy', argv: [join(live, 'bin', 'envoy'), ...command.slice(1), ...words] };
  }
  if (pod.spec.containers.find((each) => !isEnvoyImage(each.image ?? ''))?.name === container.name) {
    const words = splitWords(pod.metadata.annotations?.[commandAnnotation] ?? '');
    if (words !== undefined && words.length > 0) return { kind: 'app', words };
  }
  const argv = [...command, ...args];
  if (program !== '' && exists(program)) return { kind: 'own', argv };
  return { kind: 'idle', argv: ['sleep', 'infinity'] };
}

function isNamed(program: string, name: string): boolean {
  return program === name || program.endsWith(`/${name}`);
}
