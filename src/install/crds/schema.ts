/** A structural schema (Kubernetes' subset of OpenAPI v3): what one field may hold. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic';
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly Rule[];
}

/** A CEL expression that must hold for `self`, and what the API server says where it doesn't. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

type Limits = Omit<Schema, 'type' | 'description' | 'items' | 'properties' | 'additionalProperties'>;

/** `message` first: it says what `rule` is about. */
export function rule(message: string, expression: string): Rule {
  return { rule: expression, message };
}

/** At most one of the named fields of `self` is set. */
export function atMostOne(...names: readonly [string, string, ...string[]]): Rule {
  const set = names.map((name) => `(has(self.${name}) ? 1 : 0)`).join(' + ');
  return rule(`at most one of ${names.join(', ')} may be set`, `${set} <= 1`);
}

/** Limits of a schema with rules that hold for its value. */
export function rules(...all: readonly Rule[]): Pick<Limits, 'x-kubernetes-validations'> {
  return { 'x-kubernetes-validations': all };
}

export function text(description: string, limits: Limits = {}): Schema {
  return { type: 'string', description, ...limits };
}

/** A string of a closed set. */
export function choice(description: string, values: readonly string[]): Schema {
  return { type: 'string', description, enum: values };
}

export function whole(description: string, minimum: number, maximum: number, limits: Limits = {}): Schema {
  return { type: 'integer', description, minimum, maximum, ...limits };
}

/** A number of protobuf type uint32. */
export function count(description: string, limits: Limits = {}): Schema {
  return whole(description, 0, 4_294_967_295, limits);
}

/** A number of protobuf type int32. */
export function int32(description: string): Schema {
  return { type: 'integer', format: 'int32', description };
}

export function decimal(description: string, limits: Limits = {}): Schema {
  return { type: 'number', format: 'double', description, ...limits };
}

export function flag(description: string, limits: Limits = {}): Schema {
  return { type: 'boolean', description, ...limits };
}

/** A length of time as Go writes it, such as `1.5s` or `1h30m`; zero is allowed, as it often means "off". */
export function duration(description: string): Schema {
  return text(description, { pattern: '^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$' });
}

export function list(description: string, items: Schema, limits: Limits = {}): Schema {
  return { type: 'array', description, items, ...limits };
}

export function texts(description: string, limits: Limits = {}): Schema {
  return list(description, { type: 'string' }, limits);
}

/** An object with free keys. */
export function map(description: string, values: Schema, limits: Limits = {}): Schema {
  return { type: 'object', description, additionalProperties: values, ...limits };
}

export function textMap(description: string, limits: Limits = {}): Schema {
  return map(description, { type: 'string' }, limits);
}

/** An object with known fields; the API server drops all others. */
export function object(description: string, properties: Readonly<Record<string, Schema>>, limits: Limits = {}): Schema {
  return { type: 'object', description, properties, ...limits };
}
