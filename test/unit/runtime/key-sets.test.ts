import { expect } from 'chai';
import type { JWK } from 'jose';
import { FakeClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { parseKeySet } from '../../../src/model/jwks.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import { type KeySets, startKeySets } from '../../../src/runtime/key-sets.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { newKey } from '../../support/key-cases.ts';
import { startKeyServer } from '../../support/key-server.ts';
import { jwtRule, requestAuthentication } from '../../support/objects.ts';

function canonical(...keys: readonly JWK[]): string {
  const read = parseKeySet(JSON.stringify({ keys }));
  return read.ok ? read.value.jwks : '';
}

describe('key sets of a running control plane', () => {
  let stack: AsyncDisposableStack;
  let clock: FakeClock;
  let store: Store;
  let keySets: KeySets;
  let results: string[];
  let said: string[];
  let told: number;
  /** Waits for the next fetch to end. */
  let fetched: PromiseWithResolvers<string>;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    clock = new FakeClock();
    store = new Store(defaultMesh);
    [results, said, told, fetched] = [[], [], 0, Promise.withResolvers()];
    keySets = stack.use(
      await startKeySets({
        store,
        compiler: new Compiler(store.snapshot),
        settings: { caFile: undefined, allow: [{ address: '127.0.0.1', prefixLength: 32 }] },
        resolve: async () => ['127.0.0.1'],
        clock,
        random: () => 1,
        log: { ...silentLogger, warn: (_: object, text: string) => said.push(text) },
        told: () => told++,
        fetched: (result) => {
          results.push(result);
          fetched.resolve(result);
        },
        failed: () => results.push('failed'),
      }),
    );
  });
  afterEach(() => stack.disposeAsync());

  /** Applies policies, each one address of keys, and lets what follows happen. */
  function apply(policies: Readonly<Record<string, string>>): void {
    const objects = Object.entries(policies).map(([name, uri]) =>
      requestAuthentication('foo', name, [jwtRule(name, { kind: 'remote', uri })], { app: name }),
    );
    store.commit([{ type: 'reset', objects }]);
    keySets.changed();
  }
  async function nextFetch(ms: number): Promise<string> {
    fetched = Promise.withResolvers();
    clock.advance(ms);
    return await fetched.promise;
  }
  const known = (): Readonly<Record<string, string>> =>
    Object.fromEntries([...store.snapshot.keySets].map(([id, set]) => [id, set.jwks]));

  it('come into the snapshot, and follow a rotation that a sidecar reports', async () => {
    const [one, two] = [await newKey('ES256'), await newKey('ES256')];
    let keys = [one];
    const server = stack.use(await startKeyServer((_, response) => response.end(JSON.stringify({ keys }))));
    const uri = `http://idp.example:${server.port}/keys`;
    apply({ web: uri, other: `${uri}?other` });
    await keySets.tried();
    expect(known()).to.deep.equal({ [uri]: canonical(one), [`${uri}?other`]: canonical(one) });
    expect([keySets.findings(), keySets.totals()]).to.deep.equal([
      [],
      { fresh: 2, stale: 0, missing: 0, oldestSeconds: 0 },
    ]);
    const before = told;

    keys = [two];
    keySets.unknownKey({ namespace: 'foo', labels: { app: 'web' } });
    keySets.unknownKey({ namespace: 'bar', labels: { app: 'other' } });
    expect(await nextFetch(10_000)).to.equal('success');
    clock.advance(20);
    expect(known()).to.deep.equal({ [uri]: canonical(two), [`${uri}?other`]: canonical(one) });
    expect([results, server.requests.length, told > before]).to.deep.equal([
      ['success', 'success', 'success'],
      3,
      true,
    ]);
  });

  it('that are not there are said once, wherever they come from, and stay what they are while a server fails', async () => {
    let up = true;
    const key = await newKey('ES256');
    const server = stack.use(
      await startKeyServer((_, response) => {
        if (up) response.end(JSON.stringify({ keys: [key] }));
        else response.writeHead(503).end();
      }),
    );
    const host = `idp.example:${server.port}`;
    apply({ good: `http://${host}/`, bad: 'http://169.254.169.254/latest' });
    await keySets.tried();
    const closed =
      'keys of bad are not fetched yet, and tokens are refused: 169.254.169.254 leads to 169.254.169.254 (link-local), where no keys are fetched from';
    expect(keySets.findings().map(({ code, message }) => [code, message])).to.deep.equal([['keys-missing', closed]]);
    expect(keySets.totals()).to.deep.equal({ fresh: 1, stale: 0, missing: 1, oldestSeconds: 0 });
    expect(await nextFetch(1_000)).to.equal('address');
    clock.advance(20);
    expect(said.filter((text) => text.endsWith(closed)).length).to.equal(1);

    up = false;
    apply({ good: `http://${host}/` });
    expect(await nextFetch(20 * 60_000)).to.equal('status');
    clock.advance(20);
    expect(keySets.findings().map(({ code, message }) => [code, message])).to.deep.equal([
      ['keys-stale', `keys of good are 20 minutes old: ${host} answered with status 503`],
    ]);
    expect(known()).to.deep.equal({ [`http://${host}/`]: canonical(key) });
    expect(keySets.totals()).to.deep.include({ fresh: 0, stale: 1, missing: 0 });
    expect(said.filter((text) => text.endsWith(closed)).length).to.equal(1);
  });

  it('are waited for at a start, and not for ever', async () => {
    const arrived = Promise.withResolvers<void>();
    const silent = stack.use(await startKeyServer(() => arrived.resolve()));
    const uri = `http://idp.example:${silent.port}/`;
    store.commit([
      {
        type: 'reset',
        objects: [
          requestAuthentication('foo', 'slow', [jwtRule('slow', { kind: 'remote', uri }, { timeoutMs: 3_600_000 })]),
        ],
      },
    ]);
    keySets.changed();
    const waiting = keySets.tried().then(() => 'over');
    await arrived.promise;
    clock.advance(5_999);
    const early = new Promise((resolve) => setImmediate(resolve, 'waiting'));
    expect(await Promise.race([waiting, early])).to.equal('waiting');
    clock.advance(1);
    expect(await waiting).to.equal('over');
  });
});
