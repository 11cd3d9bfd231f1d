import protobuf from 'protobufjs';
import { find } from './overlay.ts';

/**
 * Cuts a root down to the wanted objects and what they reach, options and reservations dropped.
 *
 * The full API is 18 MB of code in generated form; what we speak is a fiftieth of it.
 */
export function trim(root: protobuf.Root, wanted: (object: protobuf.ReflectionObject) => boolean): void {
  const keep = new Set<protobuf.ReflectionObject>();
  collect(root, wanted, keep);
  prune(root, keep);
}

/** Removes what Envoy no longer knows, by full name as in a `.proto` file; a name that nothing bears is an error. */
export function remove(root: protobuf.Root, names: readonly string[]): void {
  for (const name of names) {
    const dot = name.lastIndexOf('.');
    const scope = find(root, name.slice(0, dot));
    const last = name.slice(dot + 1);
    const target =
      scope instanceof protobuf.Namespace ? (scope.get(last) ?? scope.get(protobuf.util.camelCase(last))) : null;
    if (scope instanceof protobuf.Enum && last in scope.values) {
      scope.remove(last);
    } else if (scope instanceof protobuf.Namespace && target !== null) {
      scope.remove(target);
    } else {
      throw new Error(`overlay removes ${name}, which the .proto tree does not have`);
    }
  }
}

function collect(
  namespace: protobuf.NamespaceBase,
  wanted: (object: protobuf.ReflectionObject) => boolean,
  keep: Set<protobuf.ReflectionObject>,
): void {
  for (const object of namespace.nestedArray) {
    if (isDefinition(object)) {
      if (wanted(object)) {
        mark(object, keep);
      }
    } else if (object instanceof protobuf.Namespace) {
      collect(object, wanted, keep);
    }
  }
}

function mark(object: protobuf.ReflectionObject | null, keep: Set<protobuf.ReflectionObject>): void {
  if (object === null || keep.has(object)) {
    return;
  }
  keep.add(object);
  if (object instanceof protobuf.Type) {
    for (const field of object.fieldsArray) {
      mark(field.resolve().resolvedType, keep);
    }
  }
  if (object instanceof protobuf.Service) {
    for (const method of object.methodsArray) {
      method.resolve();
      mark(method.resolvedRequestType, keep);
      mark(method.resolvedResponseType, keep);
    }
  }
}

function prune(namespace: protobuf.NamespaceBase, keep: ReadonlySet<protobuf.ReflectionObject>): void {
  for (const object of namespace.nestedArray) {
    strip(object);
    if (object instanceof protobuf.Namespace && !(object instanceof protobuf.Service)) {
      prune(object, keep);
    }
    const holdsKept = object instanceof protobuf.Namespace && object.nestedArray.length > 0;
    if (!keep.has(object) && !holdsKept) {
      namespace.remove(object);
    } else if (!keep.has(object) && object instanceof protobuf.Type) {
      // Only a scope for a nested type that is kept: no message of this type can ever occur.
      for (const field of object.fieldsArray) {
        object.remove(field);
      }
      for (const oneof of object.oneofsArray) {
        object.remove(oneof);
      }
    }
  }
}

const KEPT_OPTIONS = new Set(['proto3_optional', 'packed']);

function strip(object: protobuf.ReflectionObject): void {
  dropOptions(object);
  if (object instanceof protobuf.Type) {
    Object.assign(object, { reserved: undefined });
    object.fieldsArray.forEach(dropOptions);
    object.oneofsArray.forEach(dropOptions);
  } else if (object instanceof protobuf.Enum) {
    Object.assign(object, { reserved: undefined, valuesOptions: undefined });
  } else if (object instanceof protobuf.Service) {
    object.methodsArray.forEach(dropOptions);
  }
}

function dropOptions(object: protobuf.ReflectionObject): void {
  const kept = Object.entries(object.options ?? {}).filter(([name]) => KEPT_OPTIONS.has(name));
  Object.assign(object, { options: kept.length > 0 ? Object.fromEntries(kept) : undefined, parsedOptions: undefined });
}

function isDefinition(object: protobuf.ReflectionObject): boolean {
  return object instanceof protobuf.Type || object instanceof protobuf.Enum || object instanceof protobuf.Service;
}
