// The code behind @envoyproxy/protos. It's copied there with its types taken off, so it imports registry packages only.
import type { INamespace, Message, Method as ReflectedMethod, ReflectionObject, Type } from 'protobufjs';
import protojson from 'protobufjs/ext/protojson.js';
import protobuf from 'protobufjs/light.js';

/** A message as a plain object; the generated declarations give each its exact shape. */
type Fields = Readonly<Record<string, unknown>>;

/** google.protobuf.Any; the odd field name is protobufjs's. */
interface Any {
  readonly type_url: string;
  readonly value: Uint8Array;
}

/** One method of a gRPC service, in the terms of grpc-js's ServiceDefinition. */
interface Method {
  readonly name: string;
  readonly path: string;
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

interface JsonOptions {
  readonly protoNames?: boolean;
}

const PREFIX = 'type.googleapis.com/';

/** Everything the package exports, over one descriptor. Nothing is built until the first call that needs it. */
export function createCodecs(descriptor: INamespace) {
  const lookUp = createLookUp(() => createRoot(descriptor, false));
  const lookUpForSnakeCase = createLookUp(() => createRoot(descriptor, true));
  const honest = new Set<Type>();
  let strict = process.env['COXSWAIN_STRICT_PROTOS'] === '1';

  function setStrict(on: boolean): void {
    strict = on;
  }

  function encode(name: string, message: Fields): Uint8Array {
    const type = lookUp(name);
    const problem = type.verify(message) ?? (strict ? inspect(type, message) : null);
    if (problem !== null) {
      throw new TypeError(`${name}: ${problem}`);
    }
    return type.encode(message).finish();
  }

  function decode(name: string, bytes: Uint8Array): Message {
    const type = lookUp(name);
    if (!honest.has(type)) {
      absentMeansUndefined(type, honest);
    }
    return type.decode(bytes);
  }

  function any(name: string, message: Fields): Any {
    return { type_url: PREFIX + name, value: encode(name, message) };
  }

  function anyBytes(name: string, bytes: Uint8Array): Any {
    return { type_url: typeUrl(name), value: bytes };
  }

  function typeUrl(name: string): string {
    return PREFIX + name;
  }

  function typeOf(url: string): string | undefined {
    const name = url.slice(url.lastIndexOf('/') + 1);
    return find(lookUp.root(), name) instanceof protobuf.Type ? name : undefined;
  }

  function toJson(name: string, message: Fields | Uint8Array, options: JsonOptions = {}): unknown {
    const type = (options.protoNames === true ? lookUpForSnakeCase : lookUp)(name);
    return protojson.toJson(type, message instanceof Uint8Array ? type.decode(message) : message);
  }

  function fromJson(name: string, json: unknown): Message {
    const type = lookUp(name);
    try {
      return protojson.fromJson(type, json);
    } catch (error) {
      throw new TypeError(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  function service(name: string): readonly Method[] {
    const found = find(lookUp.root(), name);
    if (!(found instanceof protobuf.Service)) {
      throw new TypeError(`no such service: ${name}`);
    }
    return found.methodsArray.map((method) => describe(name, method));
  }

  return { any, anyBytes, decode, encode, fromJson, service, setStrict, toJson, typeOf, typeUrl };
}

function createRoot(descriptor: INamespace, snakeCase: boolean): protobuf.Root {
  const root = protobuf.Root.fromJSON(descriptor);
  if (snakeCase) {
    eachField(root, (field) => Object.assign(field, { jsonName: field.protoName ?? field.name }));
  }
  root.resolveAll();
  // Only protojson asks the root by name at run time, for what is inside an Any: it must not fail on a stranger's.
  root.lookupType = (path) => {
    const found = find(root, String(path));
    return found instanceof protobuf.Type ? found : opaque(String(path));
  };
  return root;
}

/** The message types by name, over a root that's made when first needed. */
function createLookUp(create: () => protobuf.Root) {
  const types = new Map<string, Type>();
  let root: protobuf.Root | undefined;
  function getRoot(): protobuf.Root {
    root ??= create();
    return root;
  }
  function lookUp(name: string): Type {
    let type = types.get(name);
    if (type === undefined) {
      const found = find(getRoot(), name);
      if (!(found instanceof protobuf.Type)) {
        throw new TypeError(`no such message type: ${name}`);
      }
      type = found;
      types.set(name, type);
    }
    return type;
  }
  return Object.assign(lookUp, { root: getRoot });
}

/** The object of exactly this name; protobufjs's own lookup would also find `pkg.X` where `other.X` is asked for. */
function find(root: protobuf.Root, name: string): ReflectionObject | null {
  const found = root.lookup(name.split('.'));
  return found?.fullName === `.${name}` ? found : null;
}

/** Stands for a message that we have no descriptor of: `{"@type": …, "value": base64}`, both ways. */
function opaque(name: string): Type {
  const type = new protobuf.Type(name.replace(/^.*\./, ''));
  type.add(new protobuf.Field('value', 1, 'bytes'));
  new protobuf.Root().define(name.split('.').slice(0, -1)).add(type);
  const decode = (bytes: Uint8Array): Fields => ({ value: bytes });
  const encode = (message: Fields) => ({ finish: () => message['value'] ?? new Uint8Array() });
  return Object.assign(type, { decode, encode });
}

function eachField(
  scope: protobuf.NamespaceBase,
  visit: (field: protobuf.Field & { protoName?: string }) => void,
): void {
  for (const object of scope.nestedArray) {
    if (object instanceof protobuf.Type) {
      object.fieldsArray.forEach(visit);
    }
    if (object instanceof protobuf.Namespace) {
      eachField(object, visit);
    }
  }
}

/**
 * Makes an absent message, optional or oneof member read as `undefined`, as its declared type says.
 *
 * protobufjs puts defaults on the prototype: `null`, and for a scalar in a oneof even `''` or `0`, which looks like a
 * value that was sent. Done once per type, so that decoding costs nothing more.
 */
function absentMeansUndefined(type: Type, done: Set<Type>): void {
  if (done.has(type)) {
    return;
  }
  done.add(type);
  for (const field of type.fieldsArray) {
    const { resolvedType } = field.resolve();
    if (resolvedType instanceof protobuf.Type) {
      absentMeansUndefined(resolvedType, done);
    }
    if (field.partOf !== null || (!field.repeated && !field.map && resolvedType instanceof protobuf.Type)) {
      Reflect.deleteProperty(type.ctor.prototype, field.name);
    }
  }
}

const UNSIGNED = new Set(['uint32', 'fixed32']);

/** What verify() lets pass: unknown keys (dropped in silence), unknown enum numbers, numbers that wrap around. */
function inspect(type: Type, message: Fields, path = ''): string | null {
  for (const [key, value] of Object.entries(message)) {
    const field = type.fields[key];
    if (value === undefined || value === null) {
      continue;
    }
    if (field === undefined) {
      return `${path}${key}: no such field in ${type.fullName.slice(1)}`;
    }
    const { resolvedType } = field.resolve();
    const items = field.repeated || field.map ? Object.values(value) : [value];
    for (const item of items) {
      const problem = inspectValue(field.type, resolvedType, item, `${path}${key}`);
      if (problem !== null) {
        return problem;
      }
    }
  }
  return null;
}

function inspectValue(type: string, resolved: ReflectionObject | null, value: unknown, path: string): string | null {
  if (resolved instanceof protobuf.Type) {
    return inspect(resolved, value as Fields, `${path}.`);
  }
  if (resolved instanceof protobuf.Enum && resolved.valuesById[value as number] === undefined) {
    return `${path}: ${value} is no value of ${resolved.fullName.slice(1)}`;
  }
  if (type === 'bytes' && typeof value === 'string') {
    return `${path}: a string where bytes belong`;
  }
  if (UNSIGNED.has(type) && ((value as number) < 0 || (value as number) > 0xffff_ffff)) {
    return `${path}: ${value} is no ${type}`;
  }
  return null;
}

function describe(service: string, method: ReflectedMethod): Method {
  method.resolve();
  return {
    name: method.name,
    path: `/${service}/${method.name}`,
    requestType: method.resolvedRequestType?.fullName.slice(1) ?? '',
    responseType: method.resolvedResponseType?.fullName.slice(1) ?? '',
    requestStream: method.requestStream === true,
    responseStream: method.responseStream === true,
  };
}
