/** What services do otherwise than DSP0266 and its schemas say, one row each, and the tolerance that makes up for it. */

/** What the driver does differently. Each is safe for any service, but costs a request or gives up a check. */
export type Tolerance =
  /** BootSourceOverrideMode goes along with each BootSourceOverrideTarget. */
  'mode with target';

type Quirk = {
  /** Matched against Manufacturer of the system and Vendor of the service. */
  readonly vendor: RegExp;
  readonly model?: RegExp;
  /** FirmwareVersion of the manager. */
  readonly firmware?: RegExp;
  readonly symptom: string;
  readonly tolerance: Tolerance;
  /** Where it was reported. */
  readonly source: string;
};

export const quirkTable: readonly Quirk[] = [];

export type Make = { readonly vendor: string; readonly model: string; readonly firmware: string };

export function tolerancesFor({ vendor, model, firmware }: Make): ReadonlySet<Tolerance> {
  const rows = quirkTable.filter(
    (row) => row.vendor.test(vendor) && (row.model?.test(model) ?? true) && (row.firmware?.test(firmware) ?? true),
  );
  return new Set(rows.map(({ tolerance }) => tolerance));
}
