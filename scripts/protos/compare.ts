import protobuf from 'protobufjs';
import { find, formatField, type Overlay } from './overlay.ts';

/** How our descriptor differs from the API inside an Envoy. */
export interface Drift {
  /** What Envoy has and we lack, in the overlay's form. */
  readonly missing: Overlay;
  /** What we have and Envoy lacks. */
  readonly gone: readonly string[];
  /** Same number, other meaning: the dangerous kind, for such a field is misread in silence. */
  readonly conflicts: readonly string[];
}

/** Packages that are ours or our clients', and that Envoy need not know. */
const NOT_ENVOY = /^\.(istio|coxswain)\./;

/** Compares all that we ship, and `extra` messages by full name, with the API that an Envoy embeds. */
export function compare(ours: protobuf.Root, envoy: protobuf.Root, extra: readonly string[] = []): Drift {
  const messages: Record<string, Record<string, string>> = {};
  const enums: Record<string, Record<string, number>> = {};
  const gone: string[] = [];
  const conflicts: string[] = [];

  /** Takes over a definition that only Envoy has, and all that it needs in turn. */
  function need(object: protobuf.ReflectionObject | null): void {
    const name = object?.fullName.slice(1) ?? '';
    if (object === null || find(ours, name) !== null || name in messages || name in enums) {
      return;
    }
    if (object instanceof protobuf.Enum) {
      enums[name] = { ...object.values };
    } else if (object instanceof protobuf.Type) {
      messages[name] = {};
      object.fieldsArray.forEach((field) => lack(name, field));
    }
  }

  function lack(message: string, field: protobuf.Field): void {
    messages[message] ??= {};
    messages[message][protoNameOf(field)] = formatField(field);
    need(field.resolvedType);
  }

  function compareMessage(mine: protobuf.Type, theirs: protobuf.Type): void {
    const name = mine.fullName.slice(1);
    for (const field of theirs.fieldsArray) {
      const own = mine.fieldsById[field.id];
      if (own === undefined) {
        lack(name, field);
      } else if (describe(own) !== describe(field)) {
        conflicts.push(`${name}: we have ${describe(own)}, Envoy has ${describe(field)}`);
      }
    }
    const scopeOnly = mine.fieldsArray.length === 0;
    if (!scopeOnly) {
      gone.push(
        ...mine.fieldsArray
          .filter((f) => theirs.fieldsById[f.id] === undefined)
          .map((f) => `${name}.${protoNameOf(f)}`),
      );
    }
  }

  function compareEnum(mine: protobuf.Enum, theirs: protobuf.Enum): void {
    const name = mine.fullName.slice(1);
    const lacking = Object.entries(theirs.values).filter(([key]) => !(key in mine.values));
    if (lacking.length > 0) {
      enums[name] = Object.fromEntries(lacking);
    }
    for (const [key, value] of Object.entries(mine.values)) {
      if (!(key in theirs.values)) {
        gone.push(`${name}.${key}`);
      } else if (theirs.values[key] !== value) {
        conflicts.push(`${name}.${key}: we have ${value}, Envoy has ${theirs.values[key]}`);
      }
    }
  }

  for (const object of definitions(ours)) {
    const theirs = find(envoy, object.fullName.slice(1));
    if (theirs === null) {
      gone.push(object.fullName.slice(1));
    } else if (object instanceof protobuf.Type && theirs instanceof protobuf.Type) {
      compareMessage(object, theirs);
    } else if (object instanceof protobuf.Enum && theirs instanceof protobuf.Enum) {
      compareEnum(object, theirs);
    }
  }
  for (const name of extra) {
    need(envoy.lookupTypeOrEnum(name));
  }
  return { missing: { removed: [], messages: sorted(messages), enums: sorted(enums) }, gone, conflicts };
}

function* definitions(namespace: protobuf.NamespaceBase): Generator<protobuf.ReflectionObject> {
  for (const object of namespace.nestedArray) {
    if (NOT_ENVOY.test(`${object.fullName}.`)) {
      continue;
    }
    if (object instanceof protobuf.Type || object instanceof protobuf.Enum || object instanceof protobuf.Service) {
      yield object;
    }
    if (object instanceof protobuf.Namespace) {
      yield* definitions(object);
    }
  }
}

/** A field without regard to how the two sources spell its name (camel or snake case) and type (relative or absolute). */
function describe(field: protobuf.Field): string {
  const oneof = / in .*/;
  return `${protoNameOf(field)}: ${formatField(field).replace(oneof, (text) => text.replaceAll('_', '').toLowerCase())}`;
}

function protoNameOf(field: protobuf.Field): string {
  field.resolve();
  return (field as { protoName?: string }).protoName ?? field.name;
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
