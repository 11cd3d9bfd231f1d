import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type DirectoryOptions, directorySource } from '../../src/config/directory.ts';
import type { SourceEvent } from '../../src/config/source.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { objectKey } from '../../src/model/object.ts';

/** A PeerAuthentication as a manifest. */
export function peerAuthenticationText(name: string, mode: string, namespace = 'foo'): string {
  return `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: ${name}, namespace: ${namespace}}
spec: {mtls: {mode: ${mode}}}
`;
}

/** A directory of its own, gone when disposed. */
export class TempDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'coxswain-config-'));

  at(name: string): string {
    return join(this.path, name);
  }

  /** Writes in place, as most editors do. */
  write(name: string, text: string): void {
    mkdirSync(dirname(this.at(name)), { recursive: true });
    writeFileSync(this.at(name), text);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Follows a source and holds what it says, as any consumer would. */
export class Follower implements AsyncDisposable {
  readonly batches: (readonly SourceEvent[])[] = [];
  readonly objects = new Map<string, MeshObject>();
  readonly findings = new Map<string, readonly Finding[]>();
  synced = false;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #changed: () => void = () => undefined;
  #failure: unknown;

  constructor(directory: string, options: DirectoryOptions = {}) {
    const source = directorySource(directory, { settleMs: 20, ...options });
    this.#done = this.#follow(source.events(this.#stop.signal)).catch((error: unknown) => {
      this.#failure = error;
      this.#changed();
    });
  }

  async #follow(events: AsyncIterable<readonly SourceEvent[]>): Promise<void> {
    for await (const batch of events) {
      this.batches.push(batch);
      for (const event of batch) this.#take(event);
      this.#changed();
    }
  }

  #take(event: SourceEvent): void {
    switch (event.type) {
      case 'reset':
        this.objects.clear();
        for (const object of event.objects) this.objects.set(objectKey(object), object);
        return;
      case 'apply':
        this.objects.set(objectKey(event.object), event.object);
        return;
      case 'delete':
        this.objects.delete(`${event.ref.kind}/${event.ref.namespace}/${event.ref.name}`);
        return;
      case 'findings':
        if (event.findings.length === 0) this.findings.delete(event.scope);
        else this.findings.set(event.scope, event.findings);
        return;
      case 'synced':
        this.synced = true;
    }
  }

  /** Waits until the condition holds; the test's own time limit ends a wait in vain. */
  async until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (condition()) return;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  /** What the policies say, by name. */
  get modes(): Readonly<Record<string, string>> {
    const policies = [...this.objects.values()].filter((object) => object.kind === 'PeerAuthentication');
    return Object.fromEntries(policies.map((policy) => [policy.meta.name, policy.mtls]).sort());
  }

  /** Codes of all findings, by order of file. */
  get codes(): readonly string[] {
    return [...this.findings]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, findings]) => findings.map((finding) => finding.code));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}
