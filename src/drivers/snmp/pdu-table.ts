/**
 * The outlet objects of each PDU family. Object names and numbers are from the vendors' MIBs (`mib`: module and object;
 * a test compares them with the files); if no MIB was available, `source` names what the row is based on.
 */

import type { Column, Pdu } from './pdu.ts';

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
const eatonRevelation = '1.3.6.1.4.1.534.6.6.6';
const eatonNlogic = '1.3.6.1.4.1.534.7.1';
const avocent = '1.3.6.1.4.1.10418.17';
const dataprobe = '1.3.6.1.4.1.1418.6';
const dell = '1.3.6.1.4.1.674.10903.200';
const enlogic = '1.3.6.1.4.1.38446.1';
const gude = '1.3.6.1.4.1.28507';
const hpe = '1.3.6.1.4.1.232.165';
const liebert = '1.3.6.1.4.1.476.1.42';
const panduit = '1.3.6.1.4.1.19536.10.1';
const rnx = '1.3.6.1.4.1.55108.1';
const trippLite = '1.3.6.1.4.1.850.1.1';
const wti = '1.3.6.1.4.1.2634';
/** Default sysObjectID of net-snmp on Linux, which some devices keep. */
const netSnmpLinux = '1.3.6.1.4.1.8072.3.2.10';

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
// Scalars outlet1Status, outlet2Status…, at 2, 3… of this branch.
const atenOutlet = { oid: `${aten}.1.3.2.2.2.2` };

// Eaton's module is named PDU-MIB like Raritan's, so a test cannot compare both.
const revelationOutlet = { oid: `${eatonRevelation}.1.2.2.1.3` };
const nlogicControl = { oid: `${eatonNlogic}.5.2.1.10` };
const avocentControl = { mib: 'PM-MIB::pmPowerMgmtOutletsTablePowerControl', oid: `${avocent}.2.5.5.1.6` };
const dataprobeControl = { mib: 'IBOOTPDU-MIB::outletControl', oid: `${dataprobe}.5.1.5` };
const dellControl = { mib: 'DellrPDU-MIB::rPDUOutletSwitchedControlCmd', oid: `${dell}.2.200.130.1.4.1.4` };
const enlogicControl = { mib: 'ENLOGIC-PDU-MIB::pduOutletSwitchedControlCommand', oid: `${enlogic}.5.5.1.4` };
const gudePort = { oid: '.1.3.1.2.1.3' };
const liebertControl = { mib: 'LIEBERT-GP-PDU-MIB::lgpPduRcpEntryControl', oid: `${liebert}.3.8.50.20.1.100` };
const rnxRelay = { mib: 'RNX-UPDU-MIB::upduRelayAdminStatus', oid: `${rnx}.4.1.1.3` };
const trippLiteCommand = { mib: 'TRIPPLITE-PRODUCTS::tlpPduOutletCommand', oid: `${trippLite}.3.2.3.3.1.1.6` };
const panduitCommand = { mib: 'PANDUIT-MIB::pdug5OutletControlCommand', oid: `${panduit}.5.2.1.10` };
const wtiAction = { oid: `${wti}.3.100.200.1.4` };

/** HPE's two MIBs differ only in the branch. Each command is a separate object; its value is the delay in seconds. */
function hpePdu(name: 'pdu2' | 'pdu3', branch: string, unit: number): Pick<Pdu, 'state' | 'on' | 'off' | 'cycle' | 'index'> {
  const column = (object: string, last: number) => ({
    mib: `CPQPOWER-MIB::${name}OutletControl${object}`,
    oid: `${branch}.5.2.1.${last}`,
  });
  return {
    // A recorded P9S18A returns 0 for the outlets 25 to 48, which it does not have.
    state: { ...column('Status', 1), on: [2, 3], off: [1, 4], absent: [0] },
    on: { ...column('OnCmd', 3), value: 0 },
    off: { ...column('OffCmd', 2), value: 0 },
    cycle: { ...column('RebootCmd', 4), value: 0 },
    index: { before: [unit] },
  };
}

const apcMasterSwitch: Pdu = {
  title: 'APC MasterSwitch (AP7920, AP9606)',
  state: { ...masterSwitch, on: [1], off: [2] },
  ...oneColumn(masterSwitch, { on: 1, off: 2, cycle: 3 }),
  index: plain,
  identities: [`${apcSystem}.1`, `${apcSystem}.2`],
  source: 'PowerNet-MIB',
};

/** Keys are the values of `snmp_driver`: Ironic's, and additional ones. */
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
    title: 'APC Rack PDU 2G (AP8xxx, AP79xxB, APDU9xxx)',
    state: { ...rackPdu2, on: [1], off: [2] },
    ...oneColumn(rackPdu2, { on: 1, off: 2, cycle: 3 }),
    index: plain,
    identities: [`${apcSystem}.6`, `${apcSystem}.8`],
    source: 'PowerNet-MIB; .8 is what a recorded AP7900B says (LibreNMS, tests/snmpsim/apc_ap7900b.snmprec)',
  },
  aten: {
    title: 'Aten PE series',
    // 7: not supported. A PE with 16 outlets returns it for 17 to 42.
    state: { ...atenOutlet, on: [2], off: [1], changing: [3, 4], absent: [7] },
    ...oneColumn(atenOutlet, { on: 2, off: 1, cycle: 4 }),
    index: { scalar: (outlet) => (outlet <= 8 ? outlet + 1 : outlet + 2) },
    identities: [`${aten}.1.3.2.2`, aten],
    source: 'ATEN-PE-CFG (outlet1Status is .2, outlet8Status .9, outlet9Status .11). Ironic took the outlet for that number',
  },
  avocent_pm: {
    title: 'Emerson, Avocent PM PDUs, alone or behind an ACS',
    // 3, 4: locked; 5: off for a cycle; 6, 7, 8: on or off until a delay ends; 10: cannot be switched; 11: shut down.
    state: {
      mib: 'PM-MIB::pmPowerMgmtOutletsTableStatus',
      oid: `${avocent}.2.5.5.1.5`,
      on: [2, 4, 6, 8, 10],
      off: [1, 3, 5, 7, 11],
      absent: [0],
    },
    ...oneColumn(avocentControl, { on: 2, off: 3, cycle: 4 }),
    index: { before: [1, 1] },
    identities: [`${avocent}.1`],
    source: 'PM-MIB, and NUT, drivers/emerson-avocent-pdu-mib.c. The index is the port, the PDU at it, and the outlet',
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
    state: { mib: 'CPS-MIB::ePDUOutletStatusOutletState', oid: `${cyberpower}.3.3.5.1.1.4`, on: [1], off: [2] },
    ...oneColumn(cyberEpdu, { on: 1, off: 2, cycle: 3 }),
    index: plain,
    identities: [`${cyberpower}.3`, '1.3.6.1.4.1.3808'],
    source: 'CPS-MIB; some devices tell only the vendor as their sysObjectID (NUT, drivers/cyberpower-mib.c)',
  },
  cyberpower_epdu2: {
    title: 'CyberPower switched ePDU, second generation',
    // Of a recorded PDU81005 (LibreNMS, tests/snmpsim) only this object is known; it is 1 if a load draws current.
    state: { mib: 'CPS-MIB::ePDU2OutletSwitchedStatusState', oid: `${cyberpower}.6.6.1.4.1.5`, on: [1], off: [2] },
    ...oneColumn(cyberEpdu2, { on: 1, off: 2, cycle: 3 }),
    index: plain,
    identities: [`${cyberpower}.6`],
    source: 'CPS-MIB',
  },
  dataprobe_ibootpdu: {
    title: 'Dataprobe iBoot-PDU',
    // The commanded state of the outlet and the state of its relay are two objects; 2 and 3: off for a while.
    state: { mib: 'IBOOTPDU-MIB::outletActualStatus', oid: `${dataprobe}.5.1.7`, on: [1], off: [0] },
    ...oneColumn(dataprobeControl, { on: 1, off: 0, cycle: 2 }),
    index: { before: [], first: 0 },
    identities: [dataprobe, netSnmpLinux],
    source: 'IBOOTPDU-MIB; that outlet 1 is .0, and sysObjectID, as recorded of an iBoot-PDU8-2N15 (LibreNMS, tests/snmpsim)',
  },
  dell_rpdu: {
    title: 'Dell switched rack PDU',
    state: {
      mib: 'DellrPDU-MIB::rPDUOutletSwitchedStatusState',
      oid: `${dell}.2.200.130.1.2.1.4`,
      on: [1],
      off: [2],
    },
    ...oneColumn(dellControl, { on: 1, off: 2, cycle: 3 }),
    index: plain,
    identities: [dell],
    source: 'DellrPDU-MIB',
  },
  eaton_nlogic: {
    title: 'Eaton ePDU of Enlogic kind',
    state: { oid: `${eatonNlogic}.5.2.1.1`, on: [2, 3], off: [1, 4] },
    ...oneColumn(nlogicControl, { on: 2, off: 1, cycle: 5 }),
    index: { before: [1] },
    identities: [eatonNlogic],
    source: 'NUT, drivers/eaton-pdu-nlogic-mib.c; no MIB could be had',
  },
  eaton_revelation: {
    title: 'Eaton, Powerware ePDU (first generation, Aphel Revelation)',
    state: { ...revelationOutlet, on: [1], off: [0], changing: [2] },
    ...oneColumn(revelationOutlet, { on: 1, off: 0, cycle: 2 }),
    index: { before: [], first: 0 },
    identities: [eatonRevelation],
    source: 'PDU-MIB of Eaton (2008); that outlet 1 is .0 as recorded of a DBQ145412 (LibreNMS, tests/snmpsim), and NUT',
  },
  eatonpower: {
    title: 'Eaton ePDU G2, G3',
    state: { mib: 'EATON-EPDU-MIB::outletControlStatus', oid: `${eaton}.6.6.1.2`, on: [1, 2], off: [0, 3] },
    // Each command is a separate object; its value is the delay in seconds.
    on: { mib: 'EATON-EPDU-MIB::outletControlOnCmd', oid: `${eaton}.6.6.1.4`, value: 0 },
    off: { mib: 'EATON-EPDU-MIB::outletControlOffCmd', oid: `${eaton}.6.6.1.3`, value: 0 },
    cycle: { mib: 'EATON-EPDU-MIB::outletControlRebootCmd', oid: `${eaton}.6.6.1.5`, value: 0 },
    index: { before: [0] },
    identities: [eaton],
    source: 'EATON-EPDU-MIB. Ironic had the objects for on and off exchanged and left out the unit (0 = one that stands alone)',
  },
  enlogic: {
    title: 'Enlogic, nVent EN2000, EN6000',
    state: { mib: 'ENLOGIC-PDU-MIB::pduOutletSwitchedStatusState', oid: `${enlogic}.5.4.1.4`, on: [1], off: [0] },
    ...oneColumn(enlogicControl, { on: 2, off: 1, cycle: 5 }),
    index: { before: [1] },
    identities: [enlogic],
    source: 'ENLOGIC-PDU-MIB, ENLOGIC-PDU2-MIB',
  },
  gude_epc: {
    title: 'Gude Expert Power Control',
    state: { ...gudePort, on: [1], off: [0] },
    on: { ...gudePort, value: 1 },
    off: { ...gudePort, value: 0 },
    index: plain,
    identities: [gude],
    source: 'GUDEADS-EPC1202-MIB and its twenty siblings: epc…PortState is .1.3.1.2.1.3 below the branch of each product',
  },
  hpe_pdu2: {
    title: 'HPE Metered and Switched PDU (maPDU)',
    ...hpePdu('pdu2', `${hpe}.7`, 0),
    identities: [`${hpe}.7`],
    source: 'CPQPOWER-MIB, and NUT, drivers/hpe-pdu-mib.c; unit 0 as recorded (LibreNMS, tests/snmpsim/hpe-mapdu_pdu2.snmprec)',
  },
  hpe_pdu3: {
    title: 'HPE G2 Metered and Switched PDU',
    ...hpePdu('pdu3', `${hpe}.11`, 1),
    identities: [`${hpe}.11`],
    source: 'CPQPOWER-MIB, and NUT, drivers/hpe-pdu3-cis-mib.c',
  },
  liebert_mpx: {
    title: 'Vertiv Liebert MPH2, MPX',
    state: {
      mib: 'LIEBERT-GP-PDU-MIB::lgpPduRcpEntryPwrState',
      oid: `${liebert}.3.8.50.20.1.95`,
      on: [2],
      off: [1, 3],
    },
    // cycle-power has no effect on a receptacle that is off, so it is not used.
    on: { ...liebertControl, value: 1 },
    off: { ...liebertControl, value: 0 },
    index: { before: [1, 1] },
    identities: [liebert],
    source: 'LIEBERT-GP-PDU-MIB, and fence_emerson of ClusterLabs. The index is the PDU, the branch, and the receptacle',
  },
  panduit_g5: {
    title: 'Panduit SmartZone G5',
    state: { mib: 'PANDUIT-MIB::pdug5OutletControlStatus', oid: `${panduit}.5.2.1.1`, on: [2, 3], off: [1, 4] },
    ...oneColumn(panduitCommand, { on: 2, off: 1, cycle: 5 }),
    index: { before: [1] },
    identities: [panduit],
    source: 'PANDUIT-MIB',
  },
  raritan_pdu: {
    title: 'Raritan PX (Dominion PX, first generation)',
    state: { ...raritanOutlet, on: [1], off: [0], changing: [2] },
    ...oneColumn(raritanOutlet, { on: 1, off: 0, cycle: 2 }),
    index: plain,
    // Not all of Raritan's branch: KVM switches and sensors have others.
    identities: [`${raritan}.4`, `${raritan}.1`],
    source: 'PDU-MIB; the second identity from NUT, drivers/raritan-pdu-mib.c',
  },
  raritan_pdu2: {
    title: 'Raritan PX2, PX3',
    state: { mib: 'PDU2-MIB::outletSwitchingState', oid: `${raritan}.6.4.1.2.1.3`, on: [7], off: [8] },
    ...oneColumn(raritanSwitch, { on: 1, off: 0, cycle: 2 }),
    index: { before: [1] },
    identities: [`${raritan}.6`],
    source: 'PDU2-MIB',
  },
  rnx_updu: {
    title: 'Riedo UPDU',
    state: { mib: 'RNX-UPDU-MIB::upduRelayOperStatus', oid: `${rnx}.4.1.1.4`, on: [1], off: [0] },
    on: { ...rnxRelay, value: 1 },
    off: { ...rnxRelay, value: 0 },
    index: { before: [1] },
    identities: [rnx],
    source: 'RNX-UPDU-MIB. The index is the module and the relay',
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
  tripplite: {
    title: 'Tripp Lite, Eaton PDUs with WEBCARDLX',
    state: { mib: 'TRIPPLITE-PRODUCTS::tlpPduOutletState', oid: `${trippLite}.3.2.3.3.1.1.4`, on: [2], off: [1] },
    ...oneColumn(trippLiteCommand, { on: 2, off: 1, cycle: 3 }),
    index: { before: [1] },
    identities: [trippLite],
    source: 'TRIPPLITE-PRODUCTS, and fence_apc_snmp of ClusterLabs. The index is the device and the outlet',
  },
  vertivgeist_pdu: {
    title: 'Vertiv Geist (R series)',
    // 3 on, then off; 4 off, then on; 5 and 6: the two halves of a reboot.
    state: { mib: 'VERTIV-V5-MIB::pduOutletSwitchState', oid: `${vertiv}.2.3.5.1.4`, on: [1, 3, 5], off: [2, 4, 6] },
    ...oneColumn(vertivControl, { on: 2, off: 4, cycle: 6 }),
    index: plain,
    // 21239.42: products with an IMD, as recorded of an MG02E4W1 and an MN03EDR1 (LibreNMS, tests/snmpsim).
    identities: [vertiv, '1.3.6.1.4.1.21239.42'],
    source: 'VERTIV-V5-MIB',
  },
  wti_plug: {
    title: 'WTI, Black Box switched PDUs (NPS, MPC, RSM-8R)',
    state: { mib: 'WTI-POWER-MIB::plugStatus', oid: `${wti}.3.100.200.1.3`, on: [1], off: [0] },
    // 1 to 4 only mark a plug for a command to come.
    ...oneColumn(wtiAction, { on: 5, off: 6, cycle: 7 }),
    index: plain,
    identities: [wti],
    source: 'WTI-POWER-MIB; the values from the manual of the MPC series, section 13.4.1',
  },
};

/** `sysObjectID.0`, RFC 3418: which product an agent is. */
export const identityOid = '1.3.6.1.2.1.1.2.0';

/** Matching rows, best first: the longest prefix of `identity`, then the other rows of the same vendor. */
export function findPdus(identity: string): Pdu[] {
  const fitting = Object.values(pduTable).flatMap((pdu) => {
    const lengths = pdu.identities.filter((prefix) => isBelow(identity, prefix)).map(({ length }) => length);
    return lengths.length > 0 ? [{ pdu, length: Math.max(...lengths) }] : [];
  });
  const best = fitting.toSorted((left, right) => right.length - left.length).map(({ pdu }) => pdu);
  const others = Object.values(pduTable).filter((pdu) => pdu.identities.some((prefix) => isBelow(prefix, vendorOf(identity))));
  return [...new Set([...best, ...others])];
}

function isBelow(oid: string, stem: string): boolean {
  return oid === stem || oid.startsWith(`${stem}.`);
}

/** 1.3.6.1.4.1 and the enterprise number assigned by IANA. */
function vendorOf(identity: string): string {
  return identity.split('.').slice(0, 7).join('.');
}
