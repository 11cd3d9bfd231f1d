import { expect } from 'chai';
import fc from 'fast-check';
import { behaviourOf } from '../../../src/explain/envoy-version.ts';
import { normalizedPath } from '../../../src/explain/path.ts';
import type { PathNormalization } from '../../../src/model/mesh.ts';
import { oddPath } from '../../support/explain-cases.ts';
import { startEnvoy, testedEnvoys } from '../../support/explain-envoy.ts';
import { managerJson, managerOf } from '../../support/explain-round.ts';
import { sendTexts } from '../../support/explain-send.ts';
import { freePorts } from '../../support/free-ports.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const modes: readonly PathNormalization[] = ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'];

/** Every byte, escaped in both cases, and plain where HTTP can carry it; inside a segment, and where dots could be. */
function everyByte(): readonly string[] {
  return Array.from({ length: 256 }, (_, byte) => byte).flatMap((byte) => {
    const digits = byte.toString(16).padStart(2, '0');
    const texts = [`%${digits}`, `%${digits.toUpperCase()}`];
    const plain = byte > 0x20 && byte < 0x7f ? [String.fromCharCode(byte)] : [];
    return [...texts, ...plain].flatMap((text) => [`/a${text}b`, `/a/.${text}/b`, `/a/..${text}c/d`]);
  });
}

describe(`paths as explain sees them (SEED=${seed})`, () => {
  for (const envoy of testedEnvoys) {
    it(`are those that Envoy ${envoy.version} sees, for every byte and every mode`, async () => {
      const ports = await freePorts(modes.length);
      const paths = [...everyByte(), ...fc.sample(oddPath, { numRuns: 1_500, seed })];
      const managers = modes.map((mode) => managerOf({ mode, jwt: [] }));
      await using running = await startEnvoy(
        envoy,
        {
          static_resources: {
            listeners: ports.map((port, index) => ({
              name: `port-${port}`,
              address: { socket_address: { address: '127.0.0.1', port_value: port } },
              filter_chains: [
                {
                  filters: [{ name: 'http', typed_config: managerJson(managers[index] ?? {}, [], answering, logged) }],
                },
              ],
            })),
          },
        },
        ports.map((port) => ['127.0.0.1', port] as const),
      );
      const heads = paths.map((path, n) => `GET ${path} HTTP/1.1\r\nhost: a\r\nx-n: ${n}\r\n\r\n`);
      await Promise.all(ports.map((port) => sendTexts({ host: '127.0.0.1', port, ca: '', as: 'plaintext' }, heads)));
      const lines = await running.lines(paths.length * ports.length);
      const seen = new Map(
        lines
          .map((line) => line.split('\t'))
          .map(([port, n, status, path]) => [`${port} ${n}`, status === '400' ? 'refused' : path]),
      );
      const behaviour = behaviourOf(envoy.version);
      const all = ports.flatMap((port, index) =>
        paths.map((path, n) => ({
          what: `${modes[index]} ${path}`,
          seen: seen.get(`${port} ${n}`),
          ours: normalizedPath(managers[index] ?? {}, path, behaviour) ?? 'refused',
        })),
      );
      expect(all.filter((each) => each.seen !== each.ours)).to.deep.equal([]);
      expect(all.filter((each) => each.seen === 'refused').length).to.be.greaterThan(20);
    });
  }
});

const answering = [{ match: { safe_regex: { regex: '(?s:.*)' } }, direct_response: { status: 200 } }];
const logged = '%DOWNSTREAM_LOCAL_PORT%\t%REQ(X-N)%\t%RESPONSE_CODE%\t%REQ(:PATH)%\n';
