import { execFile } from 'node:child_process';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { checkRe2 } from '../../../src/config/decode/re2.ts';
import { decode } from '../../../src/config/decode.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { VirtualService } from '../../../src/model/virtual-service.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { routeBootstrap, routeConfiguration } from '../../support/route-envoy.ts';
import { httpRouteSpec, pattern } from '../../support/virtual-service-arbitrary.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const tools = resolve(import.meta.dirname, '../../../.tools');
const run = promisify(execFile);
const isService = (object: MeshObject): object is VirtualService => object.kind === 'VirtualService';

/** A VirtualService of its own for each route, as far as they can be read. */
function readAll(routes: readonly unknown[]): readonly VirtualService[] {
  return routes.flatMap((http, index) => {
    const document = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: `v${index}`, namespace: 'foo' },
      spec: { hosts: [`v${index}.example`], http: [http] },
    };
    return decode(document, { origin: { kind: 'cluster', cluster: 'test' } }).objects.filter(isService);
  });
}

const regexRoute = (regex: string): unknown => ({
  match: [{ uri: { regex }, headers: { 'x-a': { regex } }, queryParams: { a: { regex } } }],
  rewrite: { uriRegexRewrite: { match: regex, rewrite: '' } },
  route: [{ destination: { host: 'a' } }],
});

/** One route that Envoy refuses would take all others of its port with it. */
describe(`routes of any VirtualService (SEED=${seed})`, () => {
  const random = readAll(fc.sample(httpRouteSpec, { numRuns: 4_000, seed }));
  const patterns = fc.sample(pattern, { numRuns: 3_000, seed }).filter((each) => checkRe2(each).ok);
  const cases = { routes: random, expressions: readAll(patterns.map(regexRoute)) };

  it('are many', () => {
    expect(cases.routes.length).to.be.greaterThan(400);
    expect(cases.expressions.length).to.be.greaterThan(400);
  });

  for (const version of envoyVersions) {
    for (const [what, services] of Object.entries(cases)) {
      it(`are taken by Envoy ${version}: ${what}`, async () => {
        await using folder = await mkdtempDisposable(join(tmpdir(), 'coxswain-accepted-'));
        const file = join(folder.path, 'envoy.json');
        const bootstrap = routeBootstrap(routeConfiguration(services), { port: 1, endpoints: {}, jwks: '' });
        await writeFile(file, JSON.stringify(bootstrap));
        const settings = ['--mode', 'validate', '--disable-hot-restart', '--log-level', 'error'];
        const said = await run(`${tools}/envoy-${version}/envoy`, ['-c', file, ...settings], {
          maxBuffer: 64_000_000,
        }).then(
          ({ stdout }) => stdout,
          (error: unknown) => String(Object(error).stderr).slice(0, 3_000),
        );
        expect(said).to.match(/ OK\s*$/);
      });
    }
  }
});
