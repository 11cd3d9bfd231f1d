import type { AdminSources, Answered, ExplainSource } from '../admin/sources.ts';
import { explain } from '../explain/explain.ts';
import { keySetsOf } from '../explain/key-sets.ts';
import { parseQuestion } from '../explain/question.ts';
import { tlsCheck } from '../explain/tls-check.ts';
import { MeshError } from '../lib/errors.ts';
import { err, ok } from '../lib/result.ts';
import { proxyName } from '../model/proxy.ts';
import type { Compiler } from '../translate/compiler.ts';
import type { XdsServer } from '../xds/server-types.ts';

interface Served {
  readonly compiler: Compiler;
  readonly xds: Pick<XdsServer, 'status'>;
}

/** Answers by what is being served now, and by the versions of the Envoys that are connected. */
export function explainSource({ compiler, xds }: Served): ExplainSource {
  return {
    keySets: () => keySetsOf(compiler.snapshot),
    answer(asked) {
      const question = parseQuestion(asked);
      if (!question.ok) return question;
      const versions = new Map(xds.status().map((each) => [proxyName(each.proxy), each.envoy] as const));
      const now = Math.floor(Date.now() / 1000);
      return answered(() => explain({ compiler, now, envoy: (proxy) => versions.get(proxy) }, question.value));
    },
  };
}

/** Compares what both sides are being sent, of the Envoys that are connected and of those to come; a list, for several replicas. */
export function tlsCheckSource({ compiler, xds }: Served): NonNullable<AdminSources['tlsCheck']> {
  return (pod, host) => {
    const proxies = new Map(xds.status().map(({ proxy }) => [proxyName(proxy), proxy] as const));
    return answered(() => [
      tlsCheck({ compiler, connected: (name) => proxies.get(name), now: Date.now() / 1000 }, { pod, host }),
    ]);
  };
}

/** A question about somebody who isn't there is answered in words; anything else is a bug. */
function answered(answer: () => unknown): Answered {
  try {
    return ok(answer());
  } catch (thrown) {
    const error = MeshError.from(thrown);
    if (error.code !== 'not-found' && error.code !== 'bad-argument') throw thrown;
    return err(error.hint === undefined || error.hint === '' ? error.message : `${error.message} (${error.hint})`);
  }
}
