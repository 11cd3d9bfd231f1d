/**
 * Nominal types over plain values: a namespace, a service account and a trust domain are all strings inside one SPIFFE
 * ID, and mixing them up is a security bug. Only a parser may make one, through {@link brand}.
 */
declare const tag: unique symbol;

export type Brand<T, Name extends string> = T & { readonly [tag]: Name };

/** The one cast that makes a branded string. Call it only where the value was checked, or is ours. */
export function brand<B extends Brand<string, string>>(value: string): B {
  return value as B;
}
