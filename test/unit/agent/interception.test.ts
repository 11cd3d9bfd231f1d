import { expect } from 'chai';
import { defaultInterception, interceptionRules } from '../../../src/agent/interception.ts';

const defaults = `*nat
:COXSWAIN_INBOUND - [0:0]
:COXSWAIN_IN_REDIRECT - [0:0]
:COXSWAIN_OUTPUT - [0:0]
:COXSWAIN_REDIRECT - [0:0]
-A COXSWAIN_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A COXSWAIN_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A PREROUTING -p tcp -j COXSWAIN_INBOUND
-A COXSWAIN_INBOUND -p tcp --dport 15021 -j RETURN
-A COXSWAIN_INBOUND -p tcp --dport 15090 -j RETURN
-A COXSWAIN_INBOUND -p tcp -j COXSWAIN_IN_REDIRECT
-A OUTPUT -p tcp -j COXSWAIN_OUTPUT
-A COXSWAIN_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN
-A COXSWAIN_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m owner --uid-owner 1337 -j COXSWAIN_IN_REDIRECT
-A COXSWAIN_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m owner --gid-owner 1337 -j COXSWAIN_IN_REDIRECT
-A COXSWAIN_OUTPUT -o lo -m owner ! --uid-owner 1337 ! --gid-owner 1337 -j RETURN
-A COXSWAIN_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A COXSWAIN_OUTPUT -m owner --gid-owner 1337 -j RETURN
-A COXSWAIN_OUTPUT -d 127.0.0.1/32 -j RETURN
-A COXSWAIN_OUTPUT -j COXSWAIN_REDIRECT
COMMIT
`;

const rulesOf = (text: string, chain: string): readonly string[] =>
  text.split('\n').flatMap((line) => (line.startsWith(`-A ${chain} `) ? [line.slice(4 + chain.length)] : []));

describe('interceptionRules', () => {
  it('captures everything but the health and metrics ports by default', () => {
    expect(interceptionRules(defaultInterception).v4).to.equal(defaults);
  });

  it('has the same rules for IPv6, with its loopback and passthrough addresses', () => {
    const expected = defaults.replaceAll('127.0.0.1/32', '::1/128').replaceAll('127.0.0.6/32', '::6/128');
    expect(interceptionRules(defaultInterception).v6).to.equal(expected);
  });

  it('lets the passthrough leg out before anything else, whatever is included', () => {
    const { v4 } = interceptionRules({
      ...defaultInterception,
      outboundRanges: ['10.0.0.0/8'],
      excludeOutboundRanges: ['10.1.0.0/16'],
      outboundPorts: [443],
    });
    expect(rulesOf(v4, 'COXSWAIN_OUTPUT')[0]).to.equal('-s 127.0.0.6/32 -o lo -j RETURN');
  });

  it('captures listed inbound ports only', () => {
    const { v4 } = interceptionRules({ ...defaultInterception, inboundPorts: ['80', '8443'] });
    expect(rulesOf(v4, 'COXSWAIN_INBOUND')).to.deep.equal([
      '-p tcp --dport 80 -j COXSWAIN_IN_REDIRECT',
      '-p tcp --dport 8443 -j COXSWAIN_IN_REDIRECT',
    ]);
  });

  it('captures nothing inbound for an empty list', () => {
    const { v4 } = interceptionRules({ ...defaultInterception, inboundPorts: [] });
    expect(rulesOf(v4, 'PREROUTING')).to.deep.equal([]);
    expect(rulesOf(v4, 'COXSWAIN_INBOUND')).to.deep.equal([]);
  });

  it('leaves excluded inbound ports alone, besides those of the sidecar', () => {
    const { v4 } = interceptionRules({ ...defaultInterception, excludeInboundPorts: [15021, 15090, 22] });
    expect(rulesOf(v4, 'COXSWAIN_INBOUND')).to.deep.equal([
      '-p tcp --dport 15021 -j RETURN',
      '-p tcp --dport 15090 -j RETURN',
      '-p tcp --dport 22 -j RETURN',
      '-p tcp -j COXSWAIN_IN_REDIRECT',
    ]);
  });

  it('gives each family its own ranges, exclusions before inclusions', () => {
    const { v4, v6 } = interceptionRules({
      ...defaultInterception,
      outboundRanges: ['10.0.0.0/8', 'fd00::/8'],
      excludeOutboundRanges: ['10.1.0.0/16', 'fd00:1::/32'],
      outboundPorts: [443],
      excludeOutboundPorts: [3306],
    });
    const tail = (text: string): readonly string[] => rulesOf(text, 'COXSWAIN_OUTPUT').slice(8);
    expect(rulesOf(v4, 'COXSWAIN_OUTPUT')[0]).to.equal('-p tcp --dport 3306 -j RETURN');
    expect(tail(v4)).to.deep.equal([
      '-d 10.1.0.0/16 -j RETURN',
      '-p tcp --dport 443 -j COXSWAIN_REDIRECT',
      '-d 10.0.0.0/8 -j COXSWAIN_REDIRECT',
    ]);
    expect(tail(v6)).to.deep.equal([
      '-d fd00:1::/32 -j RETURN',
      '-p tcp --dport 443 -j COXSWAIN_REDIRECT',
      '-d fd00::/8 -j COXSWAIN_REDIRECT',
    ]);
  });

  it('looks at excluded interfaces in neither direction', () => {
    const { v4 } = interceptionRules({ ...defaultInterception, excludeInterfaces: ['net1'] });
    expect(rulesOf(v4, 'COXSWAIN_INBOUND')[0]).to.equal('-i net1 -j RETURN');
    expect(rulesOf(v4, 'COXSWAIN_OUTPUT')[0]).to.equal('-o net1 -j RETURN');
  });
});
