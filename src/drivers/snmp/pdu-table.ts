/**
 * What each family of PDUs calls its outlets. Object names and numbers are from the vendors' MIBs (`mib`: module and object; a test
 * compares them with the files); where no MIB could be had, `source` says what is followed instead.
 */

/** A column of the outlet table (or the stem of scalars), without the outlet. */
type Column = { readonly mib?: string; readonly oid: string };
type Command = Column & { readonly value: number };

export type Pdu = {
  readonly title: string;
  /** Values that mean on and off; `changing`: on its way, so still as it was. Any other is an error of the outlet. */
  readonly state: Column & {
    readonly on: readonly number[];
    readonly off: readonly number[];
    readonly changing?: readonly number[];
  };
  readonly on: Command;
  readonly off: Command;
  /** Off, a pause that is set in the PDU, and on, all done by the PDU itself. */
  readonly cycle?: Command;
  /**
   * What stands before the outlet's number in the index where `snmp_outlet` does not say it: unit, tower, infeed. Or how the
   * number of an outlet becomes the number of its scalar.
   */
  readonly index: { readonly before: readonly number[] } | { readonly scalar: (outlet: number) => number };
  /** `sysObjectID` begins with one of these. */
  readonly identities: readonly string[];
  readonly source: string;
};

const apc = '1.3.6.1.4.1.318.1.1';
const apcSystem = '1.3.6.1.4.1.318.1.3.4';
const cyberpower = '1.3.6.1.4.1.3808.1.1';
const eaton = '1.3.6.1.4.1.534.6.6.7';
const raritan = '1.3.6.1.4.1.13742';
const serverTech = '1.3.6.1.4.1.1718';
const baytech = '1.3.6.1.4.1.4779';
const aten = '1.3.6.1.4.1.21317';
const vertiv = '1.3.6.1.4.1.21239.5';
const teltronix = '1.3.6.1.4.1.23620';

const plain = { before: [] } as const;

const ironicSnmp = "Ironic's former driver snmp (ironic/drivers/modules/snmp.py before its removal in 2026)";

/** One object is read for the state and written for a command. */
function oneColumn(column: Column, values: { on: number; off: number; cycle: number }) {
  return {
    on: { ...column, value: values.on },
    off: { ...column, value: values.off },
    cycle: { ...column, value: values.cycle },
  };
}

const masterSwitch = { mib: 'PowerNet-MIB::sPDUOutletCtl', oid: `${apc}.4.4.2.1.3` };
const masterSwitchPlus = { mib: 'PowerNet-MIB::sPDUOutletControlMSPOutletCommand', oid: `${apc}.6.5.1.1.5` };
const rackPdu = { mib: 'PowerNet-MIB::rPDUOutletControlOutletCommand', oid: `${apc}.12.3.3.1.1.4` };
const rackPdu2 = { mib: 'PowerNet-MIB::rPDU2OutletSwitchedControlCommand', oid: `${apc}.26.9.2.4.1.5` };
const cyberEpdu = { mib: 'CPS-MIB::ePDUOutletControlOutletCommand', oid: `${cyberpower}.3.3.3.1.1.4` };
const cyberEpdu2 = { mib: 'CPS-MIB::ePDU2OutletSwitchedControlCommand', oid: `${cyberpower}.6.6.1.5.1.5` };
const raritanOutlet = { mib: 'PDU-MIB::outletOperationalState', oid: `${raritan}.4.1.2.2.1.3` };
const raritanSwitch = { mib: 'PDU2-MIB::switchingOperation', oid: `${raritan}.6.4.1.2.1.2` };
const sentry3Action = { mib: 'Sentry3-MIB::outletControlAction', oid: `${serverTech}.3.2.3.1.11` };
const sentry4Action = { mib: 'Sentry4-MIB::st4OutletControlAction', oid: `${serverTech}.4.1.8.5.1.2` };
const baytechOutlet = { mib: 'Baytech-MIB-403-1::sBTAModulesRPCOutletState', oid: `${baytech}.1.3.5.3.1.3` };
const vertivControl = { mib: 'VERTIV-V5-MIB::pduOutletSwitchControl', oid: `${vertiv}.2.3.5.1.6` };
// Scalars outlet1Status, outlet2Status…, which are the second, third… of this branch.
const atenOutlet = { oid: `${aten}.1.3.2.2.2.2` };

const apcMasterSwitch: Pdu = {
  title: 'APC MasterSwitch (AP7920, AP9606)',
  state: { ...masterSwitch, on: [1], off: [2] },
  ...oneColumn(masterSwitch, { on: 1, off: 2, cycle: 3 }),
  index: plain,
  identities: [`${apcSystem}.1`, `${apcSystem}.2`],
  source: 'PowerNet-MIB',
};

/** Keys are the values of `snmp_driver`: Ironic's, and ours beside them. */
export const pduTable: Readonly<Record<string, Pdu>> = {
  apc: { ...apcMasterSwitch, identities: [] },
  apc_masterswitch: apcMasterSwitch,
  apc_masterswitchplus: {
    title: 'APC MasterSwitch Plus (AP9225)',
    state: { ...masterSwitchPlus, on: [1], off: [3] },
    ...oneColumn(masterSwitchPlus, { on: 1, off: 3, cycle: 5 }),
    index: { before: [1] },
    identities: [`${apcSystem}.4`],
    source: 'PowerNet-MIB. Ironic left out the unit, which the index begins with',
  },
  apc_rackpdu: {
    title: 'APC Switched Rack PDU (AP79xx; AP8xxx answer to it too)',
    state: { ...rackPdu, on: [1], off: [2] },
    ...oneColumn(rackPdu, { on: 1, off: 2, cycle: 3 }),
    index: plain,
    identities: [`${apcSystem}.5`],
    source: 'PowerNet-MIB',
  },
  apc_rackpdu2: {
    title: 'APC Rack PDU 2G (AP8xxx)',
    state: { ...rackPdu2, on: [1], off: [2] },
    ...oneColumn(rackPdu2, { on: 1, off: 2, cycle: 3 }),
    index: plain,
    identities: [`${apcSystem}.6`],
    source: 'PowerNet-MIB',
  },
  aten: {
    title: 'Aten PE series',
    state: { ...atenOutlet, on: [2], off: [1], changing: [3, 4] },
    ...oneColumn(atenOutlet, { on: 2, off: 1, cycle: 4 }),
    index: { scalar: (outlet) => (outlet <= 8 ? outlet + 1 : outlet + 2) },
    identities: [`${aten}.1.3.2.2`, aten],
    source: 'ATEN-PE-CFG (outlet1Status is .2, outlet8Status .9, outlet9Status .11). Ironic took the outlet for that number',
  },
  baytech_mrp27: {
    title: 'BayTech RPC, MRP27',
    // 3 and 4: locked on, locked off.
    state: { ...baytechOutlet, on: [1, 3], off: [0, 4], changing: [2] },
    ...oneColumn(baytechOutlet, { on: 1, off: 0, cycle: 2 }),
    index: { before: [1] },
    identities: [baytech],
    source: 'Baytech-MIB-403-1',
  },
  cyberpower: {
    title: 'CyberPower switched ePDU',
    state: { ...cyberEpdu, on: [1], off: [2] },
    ...oneColumn(cyberEpdu, { on: 1, off: 2, cycle: 3 }),
    index: plain,
    identities: [`${cyberpower}.3`, '1.3.6.1.4.1.3808'],
    source: 'CPS-MIB; some devices tell only the vendor as their sysObjectID (NUT, drivers/cyberpower-mib.c)',
  },
  cyberpower_epdu2: {
    title: 'CyberPower switched ePDU, second generation',
    state: { ...cyberEpdu2, on: [1], off: [2] },
    ...oneColumn(cyberEpdu2, { on: 1, off: 2, cycle: 3 }),
    index: plain,
    identities: [`${cyberpower}.6`],
    source: 'CPS-MIB',
  },
  eatonpower: {
    title: 'Eaton ePDU G2, G3',
    state: { mib: 'EATON-EPDU-MIB::outletControlStatus', oid: `${eaton}.6.6.1.2`, on: [1, 2], off: [0, 3] },
    // Each command is an object of its own, and its value the seconds until it is carried out.
    on: { mib: 'EATON-EPDU-MIB::outletControlOnCmd', oid: `${eaton}.6.6.1.4`, value: 0 },
    off: { mib: 'EATON-EPDU-MIB::outletControlOffCmd', oid: `${eaton}.6.6.1.3`, value: 0 },
    cycle: { mib: 'EATON-EPDU-MIB::outletControlRebootCmd', oid: `${eaton}.6.6.1.5`, value: 0 },
    index: { before: [0] },
    identities: [eaton],
    source: 'EATON-EPDU-MIB. Ironic had the objects for on and off exchanged and left out the unit (0 = one that stands alone)',
  },
  raritan_pdu: {
    title: 'Raritan PX (Dominion PX, first generation)',
    state: { ...raritanOutlet, on: [1], off: [0], changing: [2] },
    ...oneColumn(raritanOutlet, { on: 1, off: 0, cycle: 2 }),
    index: plain,
    identities: [`${raritan}.4`, raritan],
    source: 'PDU-MIB',
  },
  raritan_pdu2: {
    title: 'Raritan PX2, PX3',
    state: { mib: 'PDU2-MIB::outletSwitchingState', oid: `${raritan}.6.4.1.2.1.3`, on: [7], off: [8] },
    ...oneColumn(raritanSwitch, { on: 1, off: 0, cycle: 2 }),
    index: { before: [1] },
    identities: [`${raritan}.6`],
    source: 'PDU2-MIB',
  },
  servertech_sentry3: {
    title: 'Server Technology Sentry3',
    // "Any on state", "any off state": the text of outletChangeEvent.
    state: {
      mib: 'Sentry3-MIB::outletStatus',
      oid: `${serverTech}.3.2.3.1.5`,
      on: [1, 3, 5, 9],
      off: [0, 2, 4, 8],
      changing: [7],
    },
    ...oneColumn(sentry3Action, { on: 1, off: 2, cycle: 3 }),
    index: { before: [1, 1] },
    identities: [`${serverTech}.3`],
    source: 'Sentry3-MIB',
  },
  servertech_sentry4: {
    title: 'Server Technology Sentry4 (PRO2)',
    state: { mib: 'Sentry4-MIB::st4OutletState', oid: `${serverTech}.4.1.8.3.1.1`, on: [1], off: [2] },
    ...oneColumn(sentry4Action, { on: 1, off: 2, cycle: 3 }),
    index: { before: [1, 1] },
    identities: [`${serverTech}.4`],
    source: 'Sentry4-MIB',
  },
  teltronix: {
    title: 'Teltronix',
    state: { oid: `${teltronix}.1.2.2.1.4`, on: [2], off: [1] },
    on: { oid: `${teltronix}.1.2.2.1.4`, value: 2 },
    off: { oid: `${teltronix}.1.2.2.1.4`, value: 1 },
    index: plain,
    identities: [teltronix],
    source: ironicSnmp,
  },
  vertivgeist_pdu: {
    title: 'Vertiv Geist (R series)',
    // 3 on, then off; 4 off, then on; 5 and 6: the two halves of a reboot.
    state: { mib: 'VERTIV-V5-MIB::pduOutletSwitchState', oid: `${vertiv}.2.3.5.1.4`, on: [1, 3, 5], off: [2, 4, 6] },
    ...oneColumn(vertivControl, { on: 2, off: 4, cycle: 6 }),
    index: plain,
    identities: [vertiv],
    source: 'VERTIV-V5-MIB',
  },
};

/** `sysObjectID.0`, RFC 3418: which product an agent is. */
export const identityOid = '1.3.6.1.2.1.1.2.0';

/** The row whose identity is the longest beginning of `identity`. */
export function findPdu(identity: string): Pdu | undefined {
  const beginning = (prefix: string) => identity === prefix || identity.startsWith(`${prefix}.`);
  const fitting = Object.values(pduTable).flatMap((pdu) =>
    pdu.identities.filter(beginning).map((prefix) => ({ pdu, length: prefix.length })),
  );
  return fitting.toSorted((left, right) => right.length - left.length)[0]?.pdu;
}

/** @param outlet its number, or as much of its index as is given. @returns undefined where the index is too long */
export function outletOid({ oid }: Column, { index }: Pdu, outlet: readonly number[]): string | undefined {
  const last = outlet.at(-1) ?? 0;
  if ('scalar' in index) return outlet.length === 1 ? `${oid}.${index.scalar(last)}.0` : undefined;
  const missing = index.before.length + 1 - outlet.length;
  return missing < 0 ? undefined : [oid, ...index.before.slice(0, missing), ...outlet].join('.');
}
