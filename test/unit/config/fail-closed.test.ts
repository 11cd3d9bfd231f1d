import { expect } from 'chai';
import type { AuthorizationPolicyParts } from '../../../src/config/decode/authorization-policy.ts';
import type { PeerAuthenticationParts } from '../../../src/config/decode/peer-authentication.ts';
import { failClosedAuthorizationPolicy, failClosedPeerAuthentication } from '../../../src/config/fail-closed.ts';
import type { AuthorizationRule } from '../../../src/model/authorization-policy.ts';
import { selectAll } from '../../../src/model/selector.ts';
import { meta } from '../../support/objects.ts';

const web = { matchLabels: { app: 'web' } };

describe('what a broken PeerAuthentication does', () => {
  const closed = (parts: Partial<PeerAuthenticationParts>): unknown => {
    const { object } = failClosedPeerAuthentication(meta('foo', 'a'), {
      selector: web,
      mtls: 'PERMISSIVE',
      ports: new Map(),
      stray: false,
      ...parts,
    });
    return object === undefined ? undefined : [object.mtls, ...object.portLevelMtls];
  };

  it('is STRICT where its mode can not be read', () => {
    expect(closed({ mtls: 'unreadable' })).to.deep.equal(['STRICT']);
  });
  it('is STRICT where anything else can not be read', () => {
    expect(closed({ stray: true, mtls: 'DISABLE' })).to.deep.equal(['STRICT']);
  });
  it('is STRICT on a port whose mode can not be read, and as written on the others', () => {
    const ports = new Map([
      [80, 'unreadable'],
      [90, 'DISABLE'],
    ] as const);
    expect(closed({ ports })).to.deep.equal(['PERMISSIVE', [80, 'STRICT'], [90, 'DISABLE']]);
  });
  it('is nothing where its scope can not be read', () => {
    expect(closed({ selector: 'unreadable', mtls: 'STRICT' })).to.equal(undefined);
  });
  it('is as written where all of it can be read', () => {
    expect(closed({})).to.deep.equal(['PERMISSIVE']);
  });
});

describe('what a broken AuthorizationPolicy does', () => {
  const any: AuthorizationRule = { from: [], to: [], when: [] };
  const get: AuthorizationRule = {
    from: [],
    to: [
      {
        hosts: { values: [], notValues: [] },
        ports: { values: [], notValues: [] },
        methods: { values: [{ kind: 'exact', value: 'GET' }], notValues: [] },
        paths: { values: [], notValues: [] },
      },
    ],
    when: [],
  };
  const closed = (parts: Partial<AuthorizationPolicyParts>): unknown => {
    const { object } = failClosedAuthorizationPolicy(meta('foo', 'a'), {
      selector: selectAll,
      targets: [],
      action: 'ALLOW',
      provider: '',
      rules: [{ rule: get, clean: true }],
      rulesWritten: true,
      stray: false,
      dryRun: false,
      ...parts,
    });
    return object === undefined ? undefined : [object.action, ...object.rules];
  };

  it('ALLOW: leaves out the rules with errors', () => {
    expect(
      closed({
        rules: [
          { rule: any, clean: false },
          { rule: get, clean: true },
        ],
      }),
    ).to.deep.equal(['ALLOW', get]);
  });
  it('ALLOW: allows nothing if its rules can not be read, or something beside them', () => {
    expect(closed({ rules: 'unreadable' })).to.deep.equal(['ALLOW']);
    expect(closed({ stray: true })).to.deep.equal(['ALLOW']);
  });
  it('DENY: keeps the widest reading of each rule', () => {
    expect(closed({ action: 'DENY', rules: [{ rule: get, clean: false }] })).to.deep.equal(['DENY', get]);
    expect(closed({ action: 'DENY', stray: true })).to.deep.equal(['DENY', get]);
  });
  it('DENY: denies everything if its rules can not be read or found', () => {
    expect(closed({ action: 'DENY', rules: 'unreadable' })).to.deep.equal(['DENY', any]);
    expect(closed({ action: 'DENY', rules: [], rulesWritten: false, stray: true })).to.deep.equal(['DENY', any]);
  });
  it('DENY: denies nothing if there are no rules at all', () => {
    expect(closed({ action: 'DENY', rules: [], rulesWritten: false })).to.equal(undefined);
  });
  it('CUSTOM: still asks, about more; without a provider that can be read it has none, and will deny', () => {
    const broken = { rules: [{ rule: any, clean: false }] };
    expect(closed({ action: 'CUSTOM', provider: 'opa', ...broken })).to.deep.equal(['CUSTOM', any]);
    expect(closed({ action: 'CUSTOM', rules: 'unreadable' })).to.deep.equal(['CUSTOM', any]);
  });
  it('AUDIT: records more', () => {
    expect(closed({ action: 'AUDIT', rules: [{ rule: any, clean: false }] })).to.deep.equal(['AUDIT', any]);
  });
  it('a dry run stays one; of CUSTOM and AUDIT there is none, and it decides nothing', () => {
    expect(closed({ action: 'DENY', dryRun: true })).to.deep.equal(['DENY', get]);
    expect(closed({ action: 'CUSTOM', provider: 'opa', dryRun: true })).to.equal(undefined);
    expect(closed({ action: 'AUDIT', dryRun: true })).to.equal(undefined);
  });
  it('is nothing where its scope or action can not be read', () => {
    expect(closed({ selector: 'unreadable' })).to.equal(undefined);
    expect(closed({ action: 'unreadable' })).to.equal(undefined);
  });
});
