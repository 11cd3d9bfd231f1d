import { exportTo, hostOrWildcard, workloadSelector } from './common.ts';
import { acceptedColumn, type Kind } from './definition.ts';
import { list, object, text, textMap } from './schema.ts';
import { subsetTrafficPolicy, trafficPolicy } from './traffic-policy.ts';

/** DestinationRule (behaviour.md 4.5). */
export const destinationRule: Kind = {
  group: 'networking.istio.io',
  kind: 'DestinationRule',
  plural: 'destinationrules',
  shortName: 'dr',
  description: 'Says how clients send traffic to a service.',
  columns: [{ name: 'Host', type: 'string', jsonPath: '.spec.host', description: 'The service.' }, acceptedColumn],
  spec: object(
    'A service, and how traffic is sent to it.',
    {
      host: {
        ...hostOrWildcard,
        description:
          'The service: a full name, or a short one in the namespace of the rule; "*" stands for what comes before.',
      },
      trafficPolicy,
      subsets: list(
        'Parts of the service, such as versions.',
        object(
          'One part.',
          {
            name: text('Its name, for VirtualServices.'),
            labels: textMap('Labels of its endpoints.'),
            trafficPolicy: subsetTrafficPolicy,
          },
          { required: ['name'] },
        ),
      ),
      exportTo,
      workloadSelector: {
        ...workloadSelector,
        description: 'Clients in the namespace of the rule. Absent: all clients.',
      },
    },
    { required: ['host'] },
  ),
};
