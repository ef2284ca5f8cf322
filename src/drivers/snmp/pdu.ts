/** What a row of the table of PDUs is, and how an outlet is addressed by it. */

/**
 * A column of the outlet table (or the stem of scalars), without the outlet. One that begins with a dot stands below the
 * `sysObjectID` of the PDU, for vendors who give each product a branch of its own.
 */
export type Column = { readonly mib?: string; readonly oid: string };
export type Command = Column & { readonly value: number };

export type Pdu = {
  readonly title: string;
  /**
   * Values that mean on and off; `changing`: on its way, so still as it was; `absent`: what is told of an outlet that the PDU has not.
   * Any other is an error of the outlet.
   */
  readonly state: Column & {
    readonly on: readonly number[];
    readonly off: readonly number[];
    readonly changing?: readonly number[];
    readonly absent?: readonly number[];
  };
  readonly on: Command;
  readonly off: Command;
  /** Off, a pause that is set in the PDU, and on, all done by the PDU itself. */
  readonly cycle?: Command;
  /**
   * What stands before the outlet's number in the index where `snmp_outlet` does not say it: unit, tower, infeed; `first`: the
   * index of outlet 1 where it is not 1. Or how the number of an outlet becomes the number of its scalar.
   */
  readonly index:
    | { readonly before: readonly number[]; readonly first?: number }
    | { readonly scalar: (outlet: number) => number };
  /** `sysObjectID` begins with one of these. */
  readonly identities: readonly string[];
  readonly source: string;
};

/** @param outlet its number, or as much of its index as is given. @returns undefined where the index is too long */
export function outletOid({ oid }: Column, { index }: Pick<Pdu, 'index'>, outlet: readonly number[]): string | undefined {
  const last = outlet.at(-1) ?? 0;
  if ('scalar' in index) return outlet.length === 1 ? `${oid}.${index.scalar(last)}.0` : undefined;
  const missing = index.before.length + 1 - outlet.length;
  const { first = 1 } = index;
  return missing < 0 ? undefined : [oid, ...index.before.slice(0, missing), ...outlet.slice(0, -1), last - 1 + first].join('.');
}

/** Has it to be asked what it is, though its family is known? */
export function isBelowIdentity({ state }: Pdu): boolean {
  return state.oid.startsWith('.');
}

/** The row with whole identifiers. */
export function placeBelow(identity: string, pdu: Pdu): Pdu {
  if (!isBelowIdentity(pdu)) return pdu;
  const place = <C extends Column>(column: C): C => ({ ...column, oid: identity + column.oid });
  const { state, on, off, cycle } = pdu;
  return { ...pdu, state: place(state), on: place(on), off: place(off), ...(cycle && { cycle: place(cycle) }) };
}
