/** A row of the PDU table, and the addressing of its outlets. */

/**
 * A column of the outlet table (or the stem of scalars), without the outlet. A leading dot means relative to the
 * PDU's `sysObjectID`, for vendors with a branch per product.
 */
export type Column = { readonly mib?: string; readonly oid: string };
export type Command = Column & { readonly value: number };

export type Pdu = {
  readonly title: string;
  /**
   * Values for on and off; `changing`: in transition, so the previous state counts; `absent`: returned for an outlet
   * that the PDU does not have. Any other value is an error of the outlet.
   */
  readonly state: Column & {
    readonly on: readonly number[];
    readonly off: readonly number[];
    readonly changing?: readonly number[];
    readonly absent?: readonly number[];
  };
  readonly on: Command;
  readonly off: Command;
  /** Power cycle executed by the PDU itself, with the pause that is set in the PDU. */
  readonly cycle?: Command;
  /**
   * Index before the outlet's number if `snmp_outlet` does not contain it: unit, tower, infeed; `first`: the index of
   * outlet 1 if it is not 1. Or a function from an outlet's number to the number of its scalar.
   */
  readonly index:
    | { readonly before: readonly number[]; readonly first?: number }
    | { readonly scalar: (outlet: number) => number };
  /** Prefixes of `sysObjectID`. */
  readonly identities: readonly string[];
  readonly source: string;
};

/** @param outlet its number, or a suffix of its index. @returns undefined if the index is too long */
export function outletOid({ oid }: Column, { index }: Pick<Pdu, 'index'>, outlet: readonly number[]): string | undefined {
  const last = outlet.at(-1) ?? 0;
  if ('scalar' in index) return outlet.length === 1 ? `${oid}.${index.scalar(last)}.0` : undefined;
  const missing = index.before.length + 1 - outlet.length;
  const { first = 1 } = index;
  return missing < 0 ? undefined : [oid, ...index.before.slice(0, missing), ...outlet.slice(0, -1), last - 1 + first].join('.');
}

/** Whether the PDU's `sysObjectID` is needed although its family is known. */
export function isBelowIdentity({ state }: Pdu): boolean {
  return state.oid.startsWith('.');
}

/** The row with relative identifiers resolved. */
export function placeBelow(identity: string, pdu: Pdu): Pdu {
  if (!isBelowIdentity(pdu)) return pdu;
  const place = <C extends Column>(column: C): C => ({ ...column, oid: identity + column.oid });
  const { state, on, off, cycle } = pdu;
  return { ...pdu, state: place(state), on: place(on), off: place(off), ...(cycle && { cycle: place(cycle) }) };
}
