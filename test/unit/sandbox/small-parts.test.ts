import { expect } from 'chai';
import { MeshError } from '../../../src/lib/errors.ts';
import { podAddress, serviceAddress } from '../../../src/sandbox/addressing.ts';
import { configChanges, removal } from '../../../src/sandbox/config-changes.ts';
import { curlArguments, readCurl } from '../../../src/sandbox/curl.ts';
import { readDocuments } from '../../../src/sandbox/documents.ts';
import { appOwner, enterPod, rootOwner } from '../../../src/sandbox/enter.ts';
import { envoyUids } from '../../../src/sandbox/envoy-users.ts';
import { findPod } from '../../../src/sandbox/find-pod.ts';
import type { ServiceSpec } from '../../../src/sandbox/pod-plan.ts';
import { splitWords } from '../../../src/sandbox/words.ts';

describe('addresses', () => {
  it('go on past the end of a byte', () => {
    expect([podAddress(0), podAddress(245), podAddress(246), serviceAddress(600)]).to.deep.equal([
      '10.77.0.10',
      '10.77.0.255',
      '10.77.1.0',
      '10.96.2.98',
    ]);
  });
});

describe('splitWords', () => {
  it('keeps what quotes hold together, and expands nothing', () => {
    expect(splitWords(`echo --prefix "hello " '' $HOME a'b c'd`)).to.deep.equal([
      'echo',
      '--prefix',
      'hello ',
      '',
      '$HOME',
      'ab cd',
    ]);
  });

  it('refuses an open quote', () => {
    expect(splitWords('echo "hello')).to.equal(undefined);
  });
});

describe('findPod', () => {
  const pods = [
    { name: 'web-1', namespace: 'foo', workload: 'web' },
    { name: 'web-2', namespace: 'foo', workload: 'web' },
    { name: 'web', namespace: 'bar', workload: 'web' },
  ];

  it('takes whole names, and the first pod of a Deployment', () => {
    const found = ['web-2.foo', 'web.foo', 'deploy/web.foo', 'web.bar'].map((each) =>
      pods.indexOf(findPod(pods, each)),
    );
    expect(found).to.deep.equal([1, 0, 0, 2]);
  });

  it('says what there is', () => {
    const attempt = (): unknown => findPod(pods, 'web.legacy');
    expect(attempt)
      .to.throw(MeshError, 'no pod web in namespace legacy')
      .with.property('hint', 'pods: web-1.foo, web-2.foo, web.bar');
    expect(() => findPod(pods, 'web')).to.throw(MeshError, '"web" names no pod');
  });
});

describe('envoyUids', () => {
  const pods = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `p${index}`, namespace: 'foo', injected: true }));

  it('is 1337 for all that fit, and passes over pods without a sidecar', () => {
    expect(envoyUids([...pods(2), { name: 'plain', namespace: 'foo', injected: false }], 128, 0)).to.deep.equal({
      'p0.foo': 1337,
      'p1.foo': 1337,
    });
  });

  it('counts what other sandboxes hold, and spreads the rest', () => {
    const uids = Object.values(envoyUids(pods(124), 128, 118));
    expect([...new Set(uids)].map((uid) => [uid, uids.filter((each) => each === uid).length])).to.deep.equal([
      [1337, 1],
      [21337, 60],
      [21338, 60],
      [21339, 3],
    ]);
  });
});

describe('enterPod', () => {
  it('drops all rights unless root is asked for', () => {
    const namespaces = [
      '--net=/proc/7/ns/net',
      '--mount=/proc/7/ns/mnt',
      '--uts=/proc/7/ns/uts',
      '--pid=/proc/7/ns/pid_for_children',
    ];
    expect(enterPod('/proc/7', rootOwner, ['id'])).to.deep.equal(['nsenter', ...namespaces, '--', 'id']);
    expect(enterPod('/proc/7', appOwner, ['id'])).to.deep.equal([
      ...['nsenter', ...namespaces, '--', 'setpriv', '--reuid', '61337', '--regid', '61337', '--clear-groups'],
      ...['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all', '--', 'id'],
    ]);
  });
});

describe('curl', () => {
  it('is told to report in a form that no body can imitate', () => {
    expect(
      curlArguments('http://a/', {
        method: 'POST',
        headers: { 'x-a': '1' },
        data: 'hi',
        timeoutMs: 1500,
        args: ['-v'],
      }),
    ).to.deep.equal([
      ...['--silent', '--max-time', '1.5', '--write-out', '\u001f%{http_code}\u001f%{time_total}\u001f%{errormsg}'],
      ...['--request', 'POST', '--header', 'x-a: 1', '--data-binary', '@-', '-v', 'http://a/'],
    ]);
  });

  it('reads answers and failures', () => {
    const ok = { code: 0, stdout: 'a\u001fb\n\u001f200\u001f0.004\u001f', stderr: '' };
    expect(readCurl(ok)).to.deep.equal({ exit: 0, status: 200, body: 'a\u001fb\n', seconds: 0.004, error: '' });
    const reset = { code: 56, stdout: '\u001f000\u001f0.002\u001fRecv failure', stderr: '' };
    expect(readCurl(reset)).to.deep.equal({ exit: 56, status: 0, body: '', seconds: 0.002, error: 'Recv failure' });
    const killed = { code: 137, stdout: '', stderr: '' };
    expect(readCurl(killed)).to.deep.equal({ exit: 137, status: 0, body: '', seconds: 0, error: '' });
  });
});

describe('configChanges', () => {
  const known: ServiceSpec = { name: 'a', namespace: 'foo', address: '10.96.0.10', selector: undefined, ports: [] };
  const service = (name: string): string =>
    `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: foo }\nspec: { ports: [{ port: 80 }] }\n`;

  it('keeps the address of a known service and gives a new one the next that is free', () => {
    const changes = configChanges(readDocuments('x', `${service('b')}---\n${service('a')}`), [known]);
    expect(changes.map((each) => (each.kind === 'write' ? [each.file, each.service?.address] : []))).to.deep.equal([
      ['service.foo.b.yaml', '10.96.0.11'],
      ['service.foo.a.yaml', '10.96.0.10'],
    ]);
  });

  it('refuses new pods', () => {
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [] }\n';
    expect(() => configChanges(readDocuments('x', pod), [])).to.throw(
      MeshError,
      'Pod a: a running sandbox takes no new pods',
    );
  });

  it('takes a service out of the rules with its file', () => {
    expect(removal('service.foo.a.yaml', [known])).to.deep.equal({
      kind: 'remove',
      file: 'service.foo.a.yaml',
      service: { name: 'a', namespace: 'foo' },
    });
    expect(removal('peerauthentication.foo.a.yaml', [known])).to.deep.equal({
      kind: 'remove',
      file: 'peerauthentication.foo.a.yaml',
    });
  });
});
