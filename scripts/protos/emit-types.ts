import protobuf from 'protobufjs';

const SCALARS: Readonly<Record<string, string>> = {
  double: 'number',
  float: 'number',
  int32: 'number',
  uint32: 'number',
  sint32: 'number',
  fixed32: 'number',
  sfixed32: 'number',
  int64: 'Int64',
  uint64: 'Int64',
  sint64: 'Int64',
  fixed64: 'Int64',
  sfixed64: 'Int64',
  bool: 'boolean',
  string: 'string',
  bytes: 'Uint8Array',
};

/**
 * Writes the declarations of all messages and enums: one namespace per package, `TypeMap` and `ServiceName` at the end.
 *
 * Written by hand because the known generators are dishonest where it matters: they let two members of a oneof be set
 * at once, and an enum be any number or string.
 */
export function emitTypes(root: protobuf.Root): string {
  const types: string[] = [];
  const services: string[] = [];
  const body = namespace(root, '', types, services);
  const map = types.map((name) => `  readonly '${name}': ${name};`).join('\n');
  const names = services.map((name) => `  | '${name}'`).join('\n');
  return `${body}\nexport interface TypeMap {\n${map}\n}\n\nexport type ServiceName =\n${names};\n`;
}

function namespace(scope: protobuf.NamespaceBase, indent: string, types: string[], services: string[]): string {
  let text = '';
  for (const object of scope.nestedArray) {
    const name = object.fullName.slice(1);
    if (object instanceof protobuf.Type) {
      types.push(name);
      text += `${indent}type ${object.name} = ${message(object)};\n`;
    } else if (object instanceof protobuf.Enum) {
      text += enumeration(object, indent);
    } else if (object instanceof protobuf.Service) {
      services.push(name);
    }
    if (object instanceof protobuf.Namespace && object.nestedArray.length > 0) {
      const prefix = indent === '' ? 'export declare ' : indent;
      const inner = namespace(object, `${indent}  `, types, services);
      text += inner === '' ? '' : `${prefix}namespace ${object.name} {\n${inner}${indent}}\n`;
    }
  }
  return text;
}

function enumeration(object: protobuf.Enum, indent: string): string {
  const numbers = [...new Set(Object.values(object.values))].join(' | ');
  const members = Object.entries(object.values).map(([key, value]) => `readonly ${key}: ${value}`);
  return `${indent}type ${object.name} = ${numbers};\n${indent}const ${object.name}: { ${members.join('; ')} };\n`;
}

/** The plain fields, then for each oneof a union in which exactly one member, or none, may be there. */
function message(object: protobuf.Type): string {
  const oneofs = object.oneofsArray.filter(
    (oneof) => !oneof.fieldsArray.every((field) => field.options?.['proto3_optional']),
  );
  const grouped = new Set(oneofs.flatMap((oneof) => oneof.fieldsArray));
  const plain = object.fieldsArray.filter((field) => !grouped.has(field));
  const parts = oneofs.map((oneof) => `(${alternatives(oneof)})`);
  if (plain.length > 0 || parts.length === 0) {
    parts.unshift(braces(plain.map((field) => `readonly ${field.name}?: ${fieldType(field)}`)));
  }
  return parts.join(' & ');
}

function alternatives(oneof: protobuf.OneOf): string {
  const members = oneof.fieldsArray;
  const absent = (except?: protobuf.Field): string[] =>
    members.filter((field) => field !== except).map((field) => `readonly ${field.name}?: never`);
  const one = members.map((field) => braces([`readonly ${field.name}: ${fieldType(field)}`, ...absent(field)]));
  return [...one, braces(absent())].join(' | ');
}

function braces(members: readonly string[]): string {
  return members.length === 0 ? '{}' : `{ ${members.join('; ')} }`;
}

function fieldType(field: protobuf.Field): string {
  field.resolve();
  const single = field.resolvedType === null ? SCALARS[field.type] : field.resolvedType.fullName.slice(1);
  if (single === undefined) {
    throw new Error(`${field.fullName}: no type for ${field.type}`);
  }
  if (field.map) {
    return `{ readonly [key: string]: ${single} }`;
  }
  return field.repeated ? `ReadonlyArray<${single}>` : single;
}
