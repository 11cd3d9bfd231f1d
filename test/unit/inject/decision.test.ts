import { expect } from 'chai';
import { type DecisionInput, decide } from '../../../src/inject/decision.ts';

type Row = readonly [
  about: string,
  namespace: Readonly<Record<string, string>>,
  pod: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> },
  inject: boolean,
  reason: string,
];

const inject = 'sidecar.istio.io/inject';
const rev = 'istio.io/rev';
const enabled = { 'istio-injection': 'enabled' };
const disabled = { 'istio-injection': 'disabled' };

/** behaviour.md 9.3, row by row. */
const rows: readonly Row[] = [
  ['enabled, pod silent', enabled, {}, true, 'namespace label istio-injection is "enabled"'],
  [
    'enabled, pod true',
    enabled,
    { labels: { [inject]: 'true' } },
    true,
    'namespace label istio-injection is "enabled"',
  ],
  ['enabled, pod false', enabled, { labels: { [inject]: 'false' } }, false, `label ${inject} is "false"`],
  [
    'enabled, annotation false',
    enabled,
    { annotations: { [inject]: 'false' } },
    false,
    `annotation ${inject} is "false"`,
  ],
  [
    'enabled goes before another revision',
    { ...enabled, [rev]: 'canary' },
    { labels: { [rev]: 'canary' } },
    true,
    'namespace label istio-injection is "enabled"',
  ],
  ['namespace of this revision', { [rev]: 'default' }, {}, true, `namespace label ${rev} names this revision`],
  [
    'namespace of this revision, pod false',
    { [rev]: 'default' },
    { labels: { [inject]: 'false' } },
    false,
    `label ${inject} is "false"`,
  ],
  [
    'namespace of another revision',
    { [rev]: 'canary' },
    {},
    false,
    `namespace label ${rev} asks for revision "canary"`,
  ],
  [
    'namespace of another revision, pod true',
    { [rev]: 'canary' },
    { labels: { [inject]: 'true' } },
    false,
    `namespace label ${rev} asks for revision "canary"`,
  ],
  ['pod of this revision', {}, { labels: { [rev]: 'default' } }, true, `pod label ${rev} names this revision`],
  [
    'pod of this revision, and false',
    {},
    { labels: { [rev]: 'default', [inject]: 'false' } },
    false,
    `label ${inject} is "false"`,
  ],
  [
    'pod of another revision',
    {},
    { labels: { [rev]: 'canary' } },
    false,
    `pod label ${rev} asks for revision "canary"`,
  ],
  ['nothing said, pod true', {}, { labels: { [inject]: 'true' } }, true, `label ${inject} is "true"`],
  ['nothing said, annotation true', {}, { annotations: { [inject]: 'true' } }, true, `annotation ${inject} is "true"`],
  [
    'nothing said at all',
    {},
    {},
    false,
    'neither namespace nor pod asks for a sidecar (label istio-injection: enabled)',
  ],
  ['nothing said, pod false', {}, { labels: { [inject]: 'false' } }, false, `label ${inject} is "false"`],
  [
    'disabled, pod true',
    disabled,
    { labels: { [inject]: 'true' } },
    false,
    'namespace label istio-injection is "disabled"',
  ],
  ['disabled, revision', { ...disabled, [rev]: 'default' }, {}, false, 'namespace label istio-injection is "disabled"'],
  [
    'the label goes before the annotation',
    {},
    { labels: { [inject]: 'false' }, annotations: { [inject]: 'true' } },
    false,
    `label ${inject} is "false"`,
  ],
];

const input = (more: Partial<DecisionInput>): DecisionInput => ({
  namespace: 'shop',
  policy: { kind: 'labels', namespaceLabels: enabled },
  labels: {},
  annotations: {},
  spec: {},
  revision: 'default',
  ...more,
});

describe('inject/decision', () => {
  for (const [about, namespaceLabels, { labels = {}, annotations = {} }, expected, reason] of rows) {
    it(about, () => {
      const decision = decide(input({ policy: { kind: 'labels', namespaceLabels }, labels, annotations }));
      expect(decision).to.deep.equal({ inject: expected, reason, warnings: [] });
    });
  }

  it('leaves the default revision to the default revision', () => {
    const canary = (namespaceLabels: Record<string, string>, labels = {}): boolean =>
      decide(input({ policy: { kind: 'labels', namespaceLabels }, labels, revision: 'canary' })).inject;
    expect(canary(enabled)).to.equal(false);
    expect(canary({}, { [inject]: 'true' })).to.equal(false);
    expect(canary({ [rev]: 'canary' })).to.equal(true);
  });

  it('skips pods on the network of their node, on Windows, and in the namespaces of the cluster', () => {
    expect(decide(input({ spec: { hostNetwork: true } })).reason).to.match(/hostNetwork/);
    expect(decide(input({ spec: { os: { name: 'windows' } } })).reason).to.equal('the pod runs on Windows');
    for (const namespace of ['kube-system', 'kube-public', 'kube-node-lease'])
      expect(decide(input({ namespace }))).to.deep.equal({
        inject: false,
        reason: `namespace ${namespace} belongs to the cluster`,
        warnings: [],
      });
  });

  it('counts the literal words alone, and says so', () => {
    for (const word of ['True', 'yes', '', 'FALSE']) {
      const { inject: decided, warnings } = decide(input({ labels: { [inject]: word } }));
      expect(decided, word).to.equal(true);
      expect(warnings).to.deep.equal([`label ${inject} has the value "${word}": only "true" and "false" count`]);
    }
    const odd = decide(input({ policy: { kind: 'labels', namespaceLabels: { 'istio-injection': 'on' } } }));
    expect(odd).to.deep.include({
      inject: false,
      warnings: ['namespace label istio-injection has the value "on": only "enabled" and "disabled" count'],
    });
  });

  it('lets an annotation decide where the label says nothing that counts', () => {
    const decision = decide(input({ labels: { [inject]: 'no' }, annotations: { [inject]: 'false' } }));
    expect(decision.reason).to.equal(`annotation ${inject} is "false"`);
  });

  it('injects whatever kube-inject is given, but for who says no', () => {
    const always = (more: Partial<DecisionInput>): boolean =>
      decide(input({ policy: { kind: 'always' }, ...more })).inject;
    expect(always({})).to.equal(true);
    expect(always({ labels: { [rev]: 'canary' } })).to.equal(true);
    expect(always({ labels: { [inject]: 'false' } })).to.equal(false);
    expect(always({ annotations: { [inject]: 'false' } })).to.equal(false);
    expect(always({ spec: { hostNetwork: true } })).to.equal(false);
  });
});
