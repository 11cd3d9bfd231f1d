import { once } from 'node:events';
import { connect } from 'node:http2';
import { expect } from 'chai';
import { templateMatches } from '../../../src/explain/matchers.ts';
import { anyOperation } from '../../../src/model/authorization-policy.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePorts } from '../../support/free-ports.ts';
import { createTestCa } from '../../support/rbac-certificates.ts';
import { sendAll } from '../../support/rbac-clients.ts';
import { type Case, startRbacEnvoy } from '../../support/rbac-envoy.ts';
import { policy } from '../../support/rbac-policies.ts';
import { signTokens } from '../../support/rbac-tokens.ts';

/** What Envoy takes for each template, of all {@link paths}; no path is normalised here. */
const templates: Readonly<Record<string, readonly string[]>> = {
  '/a/{*}': ['/a/x', '/a/x?q', '/a/x?/y', '/a/x%2Fy', '/a/%2F', '/a/%', '/a/..', '/a/x;y', '/a/*'],
  '/a/{*}/b': ['/a/x/b', '/a/../b'],
  '/a/{*}/': ['/a/x/'],
  '/{*}': ['/a', '/x'],
  '/a/{*}/{**}': ['/a/x/', '/a/x/b', '/a/x/y/b', '/a/x/b/', '/a/../b'],
  "/a.b$(c)+d'e!&,;:@=~-_/{*}": ["/a.b$(c)+d'e!&,;:@=~-_/x"],
  '/%2e/{*}': ['/%2e/x'],
  '/A/{**}': ['/A/x'],
  '/a/{**}': [
    ...['/a/', '/a/x', '/a/x?q', '/a/x?/y', '/a/x/', '/a//', '/a//x', '/a/x/b', '/a//b', '/a/x/y/b', '/a/x/b/'],
    ...['/a/x%2Fy', '/a/%2F', '/a/%', '/a/..', '/a/../b', '/a/x;y', '/a/*'],
  ],
};
const never = ['//x', '/a/[x]', '/a/|', '/a/x\\y', '/a/"', '/a/<', '/a/^', '/a/`', "/axb$(c)+d'e!&,;:@=~-_/x", '/./x'];
const paths = [...new Set([...Object.values(templates).flat(), ...never, '/%2E/x'])];

/** Decides about one template and nothing else. */
function caseOf(action: 'ALLOW' | 'DENY', value: string, not = false): Case {
  const template = [{ kind: 'template', value } as const];
  const set = not ? { values: [], notValues: template } : { values: template, notValues: [] };
  const rules = [{ from: [], to: [{ ...anyOperation, paths: set }], when: [] }];
  return { policies: [{ ...policy('p', action, []), rules }], mesh: defaultMesh };
}

const odd = ['/a/[x]', '/a/|', '/a/x\\y', '/a/"', '/a/^', '/a/x/`'];
/** Bytes that HTTP/1 can't carry in a path and HTTP/2 can: alone, and as a character of UTF-8. */
const bytes = ['/a/\xff', '/a/x\x80y', '/a/[\xc3', '/a/\xc3\xa9'];
const cautious = [caseOf('DENY', '/a/{**}'), caseOf('ALLOW', '/a/{**}', true), caseOf('ALLOW', '/a/{**}')];

for (const version of envoyVersions) {
  describe(`path templates on Envoy ${version}`, () => {
    let envoy: AsyncDisposable;
    let port: number;

    before(async () => {
      const ca = await createTestCa();
      const server = await ca.issue([{ type: 'dns', value: 'server' }]);
      const ports = await freePorts(1);
      port = ports[0] ?? 0;
      const http = [...Object.keys(templates).map((value) => caseOf('ALLOW', value)), ...cautious];
      const { jwks } = await signTokens();
      envoy = await startRbacEnvoy({ version, http, tcp: [], ports, ca: ca.certificate, server, jwks });
    });

    after(async () => {
      await envoy[Symbol.asyncDispose]();
    });

    async function send(index: number, targets: readonly string[]): Promise<readonly number[]> {
      const raw = targets.map((path) => ({ method: 'GET', path, host: 'h', headers: { 'x-case': String(index) } }));
      return await sendAll({ host: '127.0.0.1', port, ca: '', as: 'plaintext' }, raw);
    }

    Object.entries(templates).forEach(([template, taken], index) => {
      it(`${template} takes what is said here, and explain says the same`, async () => {
        const statuses = await send(index, paths);
        const seen = paths.filter((_, i) => statuses[i] === 200);
        expect(seen).to.have.members(taken);
        const native = template.replace('{**}', '**').replaceAll('{*}', '*');
        const explained = paths.filter((path) => templateMatches(native, path.replace(/\?.*$/, '')));
        expect(explained).to.have.members(taken);
      });
    });

    ['a DENY', 'an exception from an ALLOW', 'an ALLOW'].forEach((what, offset) => {
      it(`${what} leaves no way for characters that no wildcard stands for`, async () => {
        const index = Object.keys(templates).length + offset;
        expect(new Set(await send(index, odd))).to.deep.equal(new Set([403]));
        const session = connect(`http://127.0.0.1:${port}`);
        try {
          for (const path of bytes) {
            const request = session.request({ ':path': path, 'x-case': String(index) });
            const [headers] = await once(request, 'response');
            expect(headers[':status'], JSON.stringify(path)).to.equal(403);
            request.close();
          }
        } finally {
          session.destroy();
        }
      });
    });
  });
}
