import { isDeepStrictEqual } from 'node:util';
import { MeshError } from '../lib/errors.ts';
import type { Answer, Explanation } from './answer.ts';
import { answerAt } from './answer-at.ts';
import { type Client, findClient } from './client.ts';
import { type Sent, sentTo } from './compiled.ts';
import { behaviourOf } from './envoy-version.ts';
import type { Question } from './question.ts';
import { findDestination } from './server.ts';
import type { World } from './world.ts';

/**
 * Says what happens to a call, and why. It evaluates what sidecars are sent, not the policies again, by the rules that a test holds
 * against real Envoys. Servers that answer alike are one answer. Throws MeshError for a question that names nobody.
 */
export function explain(world: World, question: Question): Explanation {
  const { snapshot } = world.compiler;
  const client = findClient(snapshot, question.from);
  const destination = findDestination(snapshot, question.to);
  using sent = sentToClient(world, client, question);
  const answers: Answer[] = [];
  for (const server of destination.servers) {
    const proxy = server.workload && `${server.workload.meta.name}.${server.workload.meta.namespace}`;
    const behaviour = behaviourOf(proxy === undefined ? undefined : world.envoy?.(proxy));
    merge(
      answers,
      answerAt({ ...world, snapshot, behaviour, client, destination, question, sent: sent.value, server }),
    );
  }
  const call = question.protocol === 'tcp' ? 'TCP' : `${question.method} ${question.path}`;
  return { from: client.name, to: `${destination.host}:${destination.port}`, call, answers };
}

function merge(answers: Answer[], { servers, ...answer }: Answer): void {
  const index = answers.findIndex(({ servers: _, ...known }) => isDeepStrictEqual(known, answer));
  const known = answers[index];
  if (known === undefined) answers.push({ ...answer, servers });
  else answers[index] = { ...known, servers: [...known.servers, ...servers] };
}

/** What the client's Envoy was sent; any workload's will do for an identity without one, since all are sent the same. */
function sentToClient({ compiler }: World, { workload, identity, envoy }: Client, { plaintext }: Question): Holder {
  if (identity === undefined || plaintext) return { value: undefined, [Symbol.dispose]: () => undefined };
  const { snapshot } = compiler;
  const stand = workload ?? [...snapshot.pods.values()].flatMap((named) => [...named.values()])[0];
  if (stand === undefined) throw new MeshError('not-found', 'the mesh has no workloads');
  const value = sentTo(compiler, stand, envoy);
  return { value, [Symbol.dispose]: () => value[Symbol.dispose]() };
}

interface Holder extends Disposable {
  readonly value: Sent | undefined;
}
