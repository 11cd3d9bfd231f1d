import protobuf from 'protobufjs';

/**
 * What Envoy knows and the `.proto` tree lacks: facts only (names, numbers, types).
 *
 * A field is written as in a `.proto` file, name first: `"stat_prefix": "string = 7"`, `"tags": "map<string, string> = 2"`,
 * `"claim": "repeated pkg.Segment = 3"`, `"custom": "pkg.Config = 14 in identifier"` for a member of a oneof.
 */
export interface Overlay {
  /** Full names of fields and messages in the `.proto` tree that Envoy has dropped. */
  readonly removed: readonly string[];
  /** New fields by message: one that the tree has, or a new one. */
  readonly messages: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** New values by enum: one that the tree has, or a new one. */
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Adds the overlay to a root. What the root has already is an error: then the overlay is stale. */
export function applyOverlay(root: protobuf.Root, overlay: Overlay): void {
  // Outer scopes first: a message must exist as such before something nested in it is defined.
  const names = [...Object.keys(overlay.messages), ...Object.keys(overlay.enums)].sort();
  for (const name of names) {
    if (find(root, name) === null) {
      const [scope, simpleName] = split(root, name);
      scope.add(name in overlay.messages ? new protobuf.Type(simpleName) : new protobuf.Enum(simpleName));
    }
  }
  for (const [name, fields] of Object.entries(overlay.messages)) {
    const message = root.lookupType(name);
    for (const [fieldName, text] of Object.entries(fields)) {
      addField(message, fieldName, text);
    }
  }
  for (const [name, values] of Object.entries(overlay.enums)) {
    const target = root.lookupEnum(name);
    for (const [key, number] of Object.entries(values)) {
      target.add(key, number);
    }
  }
}

/** Writes a field as the overlay spells it; the reverse of what {@link applyOverlay} reads. */
export function formatField(field: protobuf.Field): string {
  field.resolve();
  const base = field.resolvedType === null ? field.type : field.resolvedType.fullName.slice(1);
  const type = field instanceof protobuf.MapField ? `map<${field.keyType}, ${base}>` : base;
  const label = field.repeated ? 'repeated ' : isOptional(field) ? 'optional ' : '';
  const oneof = field.partOf === null || isOptional(field) ? '' : ` in ${snake(field.partOf.name)}`;
  return `${label}${type} = ${field.id}${oneof}`;
}

/** The object of exactly this full name, or null (protobufjs's lookup also searches outer scopes). */
export function find(root: protobuf.Root, name: string): protobuf.ReflectionObject | null {
  const object = root.lookup(name);
  return object?.fullName === `.${name}` ? object : null;
}

function isOptional(field: protobuf.Field): boolean {
  return Boolean(field.options?.['proto3_optional']);
}

const FIELD = /^(?:(repeated|optional) )?(?:map<(\w+), ([\w.]+)>|([\w.]+)) = (\d+)(?: in (\w+))?$/;

function addField(message: protobuf.Type, protoName: string, text: string): void {
  const match = FIELD.exec(text);
  if (match === null) {
    throw new Error(`overlay: ${message.fullName}.${protoName}: cannot read "${text}"`);
  }
  const [, label, keyType, valueType, plainType, number, oneof] = match;
  const name = protobuf.util.camelCase(protoName);
  const id = Number(number);
  if (message.fieldsById[id] !== undefined) {
    throw new Error(`overlay: ${message.fullName} has a field ${id} already`);
  }
  const field =
    keyType === undefined
      ? new protobuf.Field(name, id, absolute(plainType), label === 'repeated' ? label : undefined)
      : (new protobuf.MapField(name, id, keyType, absolute(valueType)) as protobuf.FieldBase as protobuf.Field);
  if (label === 'optional') {
    field.options = { proto3_optional: true };
  }
  if (name !== protoName) {
    Object.assign(field, { protoName });
  }
  message.add(field);
  const group = label === 'optional' ? `_${name}` : oneof && protobuf.util.camelCase(oneof);
  if (group !== undefined) {
    const existing = message.oneofs?.[group];
    const target = existing ?? new protobuf.OneOf(group);
    if (existing === undefined) {
      message.add(target);
    }
    target.add(field);
  }
}

function absolute(type: string | undefined): string {
  return type?.includes('.') ? `.${type}` : (type ?? '');
}

function split(root: protobuf.Root, name: string): [protobuf.NamespaceBase, string] {
  const parts = name.split('.');
  const simpleName = parts.pop() ?? '';
  let scope: protobuf.NamespaceBase = root;
  for (const part of parts) {
    const next: protobuf.ReflectionObject | null = scope.get(part);
    scope = next instanceof protobuf.Namespace ? next : scope.define(part);
  }
  return [scope, simpleName];
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
