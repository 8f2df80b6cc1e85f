/** Copying messages. */

/**
 * A copy of a message whose fields, lists and inner messages can be changed freely. Byte strings are shared, not copied:
 * a model's weights are most of it. (`clone` of the library copies them, and walks every field by reflection.)
 */
export function copyMessage<T extends object>(message: T): T {
  const copy = Object.create(Object.getPrototypeOf(message) as object | null) as Record<
    string,
    unknown
  >;
  for (const [key, value] of Object.entries(message)) copy[key] = copied(value);
  return copy as T;
}

/** A copy of a message whose fields can be set to others; lists and inner messages stay shared, and are not to be changed. */
export function shallowCopy<T extends object>(message: T): T {
  return Object.assign(
    Object.create(Object.getPrototypeOf(message) as object | null),
    message,
  ) as T;
}

function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (!Array.isArray(value)) return copyMessage(value);
  const first: unknown = value[0];
  return typeof first === 'object' && first !== null ? value.map(copied) : value.slice();
}
