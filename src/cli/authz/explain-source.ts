import type { Explanation } from '../../explain/answer.ts';
import type { Question } from '../../explain/question.ts';
import { MeshError } from '../../lib/errors.ts';
import { isRecord } from '../../lib/is-record.ts';
import type { CliContext } from '../context.ts';
import { controlPlanePages } from '../control-plane-pages.ts';
import { getJson } from '../http.ts';
import type { ExplainFlags } from './explain-flags.ts';

/** Somebody who answers questions, and the keys that tokens are verified with there. */
export interface ExplainSource {
  readonly keySets: readonly string[];
  readonly explain: (question: Question) => Promise<Explanation>;
}

/** Answers from files, as `translate` reads them. */
export async function fileSource(flags: ExplainFlags, context: CliContext): Promise<ExplainSource> {
  const [{ compileFiles }, { explain }, { keySetsOf }] = await Promise.all([
    import('../compiled-files.ts'),
    import('../../explain/explain.ts'),
    import('../../explain/key-sets.ts'),
  ]);
  const compiler = await compileFiles(flags, context);
  const now = Math.floor(context.now() / 1000);
  return {
    keySets: keySetsOf(compiler.snapshot),
    explain: (question) => Promise.resolve(explain({ compiler, now, keysAssumed: true }, question)),
  };
}

/** Asks a control plane: the answer is what it serves now. Tokens stay here; it is told what they say. */
export async function liveSource(flags: ExplainFlags, context: CliContext): Promise<ExplainSource> {
  const source = await controlPlanePages(flags, context);
  const keySets = await getJson(source, '/debug/explain?keys', context.signal);
  return {
    keySets: Array.isArray(keySets) ? keySets.filter((each) => typeof each === 'string') : [],
    explain: async (question) => {
      const query = new URLSearchParams({ question: JSON.stringify(question) });
      const page = await getJson(source, `/debug/explain?${query}`, context.signal);
      if (isExplanation(page)) return page;
      throw new MeshError('unavailable', `${source.name} answered with something else than an explanation`);
    },
  };
}

/** The page is our own; a server of another version must still not end in nonsense. */
function isExplanation(page: unknown): page is Explanation {
  return isRecord(page) && Array.isArray(page['answers']) && typeof page['call'] === 'string';
}
