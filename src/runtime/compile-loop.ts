import type { ConfigSource } from '../config/source.ts';
import { MeshError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { originText } from '../model/object.ts';
import { subject } from '../snapshot/diff.ts';
import type { Store } from '../snapshot/store.ts';
import type { Compiler } from '../translate/compiler.ts';

export interface CompileLoop {
  readonly source: ConfigSource;
  readonly store: Store;
  readonly compiler: Compiler;
  readonly log: Logger;
  /** Called once, when the first whole set is compiled. */
  readonly synced: () => void;
  /** A batch could not be compiled. */
  readonly failed: () => void;
  /** What a batch did: for metrics. */
  readonly committed: (kinds: readonly string[], seconds: number) => void;
  /** A batch is done with, whether it changed an object or only findings. */
  readonly done: () => void;
}

/**
 * The heart's beat: takes batches of events, freezes a snapshot, compiles what it changed. Ends when `signal` aborts. A
 * batch that can't be compiled is a bug of ours: it's logged, and what was served before stays.
 */
export async function runCompileLoop(loop: CompileLoop, signal: AbortSignal): Promise<void> {
  const { source, store, compiler, log } = loop;
  const said = new Set<string>();
  let synced = false;
  for await (const batch of source.events(signal)) {
    const started = performance.now();
    const { snapshot, changes } = store.commit(batch);
    if (changes.length > 0) {
      try {
        compiler.update(snapshot, changes);
      } catch (thrown) {
        loop.failed();
        log.error(
          { error: MeshError.from(thrown).message },
          'a change could not be compiled; what was served before stays',
        );
      }
      loop.committed(
        changes.map((change) => subject(change).kind),
        (performance.now() - started) / 1_000,
      );
      log.debug({ changes: changes.length, generation: snapshot.generation }, 'configuration changed');
    }
    for (const finding of [...store.findings, ...compiler.findings, ...compiler.edgeFindings]) {
      const text = `${originText(finding.origin)}: ${finding.field}: ${finding.message}`;
      if (said.has(text)) continue;
      said.add(text);
      const level = finding.severity === 'error' ? 'error' : 'warn';
      log[level]({ code: finding.code, object: finding.object, hint: finding.hint }, text);
    }
    if (!synced && store.synced) {
      synced = true;
      loop.synced();
    }
    loop.done();
  }
}
