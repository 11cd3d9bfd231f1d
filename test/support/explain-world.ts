import { readText } from '../../src/config/files.ts';
import type { Question } from '../../src/explain/question.ts';
import { plainQuestion } from '../../src/explain/question.ts';
import type { World } from '../../src/explain/world.ts';
import { defaultMesh, type Mesh } from '../../src/model/mesh.ts';
import { Store } from '../../src/snapshot/store.ts';
import { Compiler } from '../../src/translate/compiler.ts';

/** A small mesh: `web.shop` behind a service, callers with and without a sidecar. Tests add policies below it. */
export const shop = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  clusterIP: 10.0.0.10
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-db, port: 5432}, {name: odd, port: 9000}]
---
${podText('web-6f5d8-abcde', 'shop', '10.1.0.1', 'web')}
---
${podText('web-6f5d8-fghij', 'shop', '10.1.0.2', 'web')}
---
${podText('caller-77b9c-abcde', 'shop', '10.1.0.3', 'caller')}
---
${podText('naked-77b9c-abcde', 'shop', '10.1.0.4', 'naked', '')}
`;

/** A pod that runs, with a sidecar unless `tlsMode` is ''. */
export function podText(name: string, namespace: string, ip: string, account: string, tlsMode = 'istio'): string {
  const label = tlsMode === '' ? '' : `, security.istio.io/tlsMode: ${tlsMode}`;
  return `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, labels: {app: ${account}${label}}}
spec: {serviceAccountName: ${account}, containers: [{name: app}]}
status: {podIP: ${ip}, phase: Running, conditions: [{type: Ready, status: "True"}]}`;
}

/** What {@link shop} and these policies mean; a finding of an error fails the test. */
export function worldOf(policies: string, mesh: Partial<Mesh> = {}): World {
  const objects = [
    ['shop.yaml', shop],
    ['policies.yaml', policies],
  ].flatMap(([path = '', text = '']) => {
    const read = readText(path, text);
    const errors = read.findings.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
    return read.objects;
  });
  const { snapshot } = new Store({ ...defaultMesh, ...mesh }).commit([{ type: 'reset', objects }]);
  return { compiler: new Compiler(snapshot), now: Date.UTC(2026, 0, 1) / 1000 };
}

/** Asks from `caller.shop` to the service, unless it says otherwise. */
export function question(more: Partial<Question> = {}): Question {
  return { ...plainQuestion, from: 'caller.shop', to: 'web.shop:80', ...more };
}
