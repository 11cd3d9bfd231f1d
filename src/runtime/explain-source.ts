import type { ExplainSource } from '../admin/sources.ts';
import { explain } from '../explain/explain.ts';
import { keySetsOf } from '../explain/key-sets.ts';
import { parseQuestion } from '../explain/question.ts';
import { MeshError } from '../lib/errors.ts';
import { err, ok } from '../lib/result.ts';
import { proxyName } from '../model/proxy.ts';
import type { Compiler } from '../translate/compiler.ts';
import type { XdsServer } from '../xds/server-types.ts';

/** Answers by what is being served now, and by the versions of the Envoys that are connected. */
export function explainSource({
  compiler,
  xds,
}: {
  readonly compiler: Compiler;
  readonly xds: Pick<XdsServer, 'status'>;
}): ExplainSource {
  return {
    keySets: () => keySetsOf(compiler.snapshot),
    answer(asked) {
      const question = parseQuestion(asked);
      if (!question.ok) return question;
      const versions = new Map(xds.status().map((each) => [proxyName(each.proxy), each.envoy] as const));
      const now = Math.floor(Date.now() / 1000);
      try {
        return ok(explain({ compiler, now, envoy: (proxy) => versions.get(proxy) }, question.value));
      } catch (thrown) {
        const error = MeshError.from(thrown);
        if (error.code !== 'not-found' && error.code !== 'bad-argument') throw thrown;
        return err(error.hint === undefined || error.hint === '' ? error.message : `${error.message} (${error.hint})`);
      }
    },
  };
}
