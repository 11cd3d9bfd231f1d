import protobuf from 'protobufjs';

/** Writes the enum constants under the same path as their types: `envoy.config.core.v3.TrafficDirection.INBOUND`. */
export function emitEnums(root: protobuf.Root): string {
  return root.nestedArray
    .map((top) => `export const ${top.name} = ${top instanceof protobuf.Namespace ? literal(top) : '{}'};\n`)
    .join('');
}

function literal(scope: protobuf.NamespaceBase): string {
  const members = scope.nestedArray.flatMap((object) => {
    if (object instanceof protobuf.Enum) {
      return [`${object.name}: ${JSON.stringify(object.values)}`];
    }
    const inner = object instanceof protobuf.Namespace ? literal(object) : '{}';
    return inner === '{}' ? [] : [`${object.name}: ${inner}`];
  });
  return `{${members.join(', ')}}`;
}
