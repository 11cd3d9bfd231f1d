import { expect } from 'chai';
import { MeshError } from '../../../src/lib/errors.ts';
import { findTarget } from '../../../src/sandbox/find-target.ts';
import type { PodStatus } from '../../../src/sandbox/protocol.ts';

const service = (name: string, address: string | undefined) => ({
  ...{ name, namespace: 'foo', address, selector: undefined, ports: [] },
});
const pod: PodStatus = {
  ...{ name: 'web-1', namespace: 'foo', workload: 'web', ip: '10.77.0.10', serviceAccount: 'default' },
  ...{ injected: true, proxy: 'sidecar', labels: {}, pid: 1, cable: 'pod0', app: 'running', envoy: 'running' },
  containers: [],
};
const status = { services: [service('web', '10.96.0.10'), service('none', undefined)], pods: [pod] };

const answer = (text: string): string => {
  try {
    return findTarget(status, text);
  } catch (thrown) {
    return MeshError.from(thrown).message;
  }
};

describe('findTarget', () => {
  const cases: readonly (readonly [text: string, address: string])[] = [
    ['web.foo', '10.96.0.10'],
    ['svc/web.foo', '10.96.0.10'],
    ['pod/web.foo', '10.77.0.10'],
    ['web-1.foo', '10.77.0.10'],
    ['none.foo', 'service none.foo is headless: it has no address of its own'],
    ['svc/web-1.foo', 'no service web-1.foo'],
    ['db.foo', 'no pod db in namespace foo'],
    ['web', '"web" names no pod'],
  ];
  for (const [text, address] of cases)
    it(`${text}: ${address}`, () => {
      expect(answer(text)).to.equal(address);
    });
});
