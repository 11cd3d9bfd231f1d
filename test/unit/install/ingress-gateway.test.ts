import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { inject } from '../../../src/inject/inject.ts';
import { defaultInjectSettings } from '../../../src/inject/settings.ts';
import { installManifests } from '../../../src/install/manifests.ts';
import { defaultInstallOptions } from '../../../src/install/options.ts';
import { type JsonObject, objectIn, objectsIn, textIn, textsIn } from '../../../src/lib/json-fields.ts';
import { readDocuments } from '../../../src/sandbox/documents.ts';
import { exampleManifests } from '../../support/sandbox.ts';

const without = installManifests(defaultInstallOptions);
const all = installManifests({ ...defaultInstallOptions, ingressGateway: true });
const added = all.slice(without.length);
const of = (kind: string): JsonObject => ({ ...added.find((each) => each.kind === kind) });
const template = objectIn(objectIn(of('Deployment'), 'spec'), 'template');

describe('ingress gateway of an installation', () => {
  it('comes after all that it needs, and only where it is asked for', () => {
    expect(all.slice(0, without.length)).to.deep.equal(without);
    expect(added.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)).to.deep.equal([
      'ServiceAccount istio-system/istio-ingressgateway-service-account',
      'Service istio-system/istio-ingressgateway',
      'Deployment istio-system/istio-ingressgateway',
      'PodDisruptionBudget istio-system/istio-ingressgateway',
    ]);
  });

  it('is what the injector makes a gateway of', () => {
    const result = inject(
      {
        metadata: template['metadata'],
        spec: template['spec'],
        namespace: 'istio-system',
        policy: { kind: 'labels', namespaceLabels: {} },
      },
      defaultInjectSettings(),
    );
    if (result.kind !== 'injected') throw new Error(JSON.stringify(result));
    expect(result.warnings).to.deep.equal([]);
    expect(objectsIn(result.spec, 'containers').map((each) => textIn(each, 'image'))).to.deep.equal([
      'envoyproxy/envoy:v1.40.0',
    ]);
  });

  it('has a Service that finds it, and whose ports it has', () => {
    const service = objectIn(of('Service'), 'spec');
    expect(textsIn(objectIn(template, 'metadata'), 'labels')).to.include(textsIn(service, 'selector'));
    const [container = {}] = objectsIn(objectIn(template, 'spec'), 'containers');
    const open = objectsIn(container, 'ports').map((each) => each['containerPort']);
    const led = objectsIn(service, 'ports').map((each) => [each['port'], each['targetPort']]);
    expect({ led, open }).to.deep.equal({
      led: [
        [15021, 15021],
        [80, 8080],
        [443, 8443],
      ],
      open: [8080, 8443],
    });
  });

  it('is the one of the examples', () => {
    const file = join(exampleManifests('gateway'), 'ingress-gateway.yaml');
    const documents = readDocuments(file, readFileSync(file, 'utf8'));
    const example = (kind: string): JsonObject => documents.find((each) => each.kind === kind)?.value ?? {};
    const plain = (spec: JsonObject): unknown =>
      JSON.parse(JSON.stringify(spec, (key, value: unknown) => (key === 'protocol' ? undefined : value)));
    expect(plain(objectIn(example('Service'), 'spec'))).to.deep.equal(plain(objectIn(of('Service'), 'spec')));
    const theirs = objectIn(objectIn(example('Deployment'), 'spec'), 'template');
    expect(theirs['metadata']).to.deep.equal(template['metadata']);
    const { serviceAccountName, containers } = objectIn(template, 'spec');
    expect(plain(objectIn(theirs, 'spec'))).to.deep.equal(plain({ serviceAccountName, containers }));
  });
});
