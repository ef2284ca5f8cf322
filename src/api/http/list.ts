/**
 * Lists of all services: a table says by which fields the list of a resource can be filtered and sorted, and the
 * database does so. Each service's `list-query.ts` reads its own convention of query parameters into a `ListQuery`.
 */
import { Fault } from '#domain/faults.ts';
import { readBoolean } from '#services/loose-booleans.ts';
import { anyOf, type Condition, everything, hasItemWith, isOneOf, nothing } from '#store/conditions.ts';

export type ListField = {
  /** The values of the query parameter as a condition; absent: the list cannot be filtered by this field. */
  readonly filter?: (values: readonly string[]) => Condition;
  /** The columns to sort by; none: all records have the same value. Absent: the list cannot be sorted by this field. */
  readonly sort?: readonly string[];
};
/** By the field's name in the API. */
export type ListFields = Readonly<Record<string, ListField>>;

export function textField(column: string): ListField {
  return { filter: (values) => isOneOf(column, values), sort: [column] };
}

/** Columns under their own names. */
export function textFields(...columns: string[]): ListFields {
  return Object.fromEntries(columns.map((column) => [column, textField(column)]));
}

/** @param empty what the API shows for NULL */
export function nullableField(column: string, empty = ''): ListField {
  return {
    filter: (values) =>
      isOneOf(
        column,
        values.map((value) => (value === empty ? null : value)),
      ),
    sort: [column],
  };
}

/** Text that is not a number matches nothing. */
export function integerField(column: string): ListField {
  const numbers = (values: readonly string[]) => values.filter((value) => /^\s*[+-]?\d{1,15}\s*$/.test(value)).map(Number);
  return { filter: (values) => isOneOf(column, numbers(values)), sort: [column] };
}

export function booleanField(column: string): ListField {
  return { filter: (values) => booleanCondition(column, values), sort: [column] };
}

/** @throws Fault `invalidInput` for a value that is no boolean */
export function booleanCondition(column: string, values: readonly string[]): Condition {
  return isOneOf(column, values.map(requireBoolean));
}

/** A field that has the same value in all records, and so is no column. */
export function fixedField(value: string | boolean | null): ListField {
  if (typeof value === 'boolean')
    return { filter: (values) => (values.map(requireBoolean).includes(value) ? everything : nothing), sort: [] };
  return { filter: (values) => (values.includes(value ?? '') ? everything : nothing), sort: [] };
}

/** With the message of oslo's `convert_to_boolean`. */
export function requireBoolean(text: string): boolean {
  const value = readBoolean(text);
  if (value === undefined) throw new Fault('invalidInput', { detail: `'${text}' cannot be converted to boolean` });
  return value;
}

/** A JSON array of objects; a value names a member and its value: `ip_address=10.0.0.5`. */
export function itemsField(column: string): ListField {
  return {
    filter(values) {
      const pairs = values.map((value) => value.split('='));
      const byKey = Map.groupBy(pairs, ([key = '']) => key);
      const wanted = (group: string[][]) => group.map(([, ...rest]) => rest.join('='));
      return anyOf(...[...byKey].map(([key, group]) => hasItemWith(column, key, wanted(group))));
    },
  };
}
