/**
 * Session quirks: how BMCs deviate from IPMI 2.0 rev 1.1 section 13 when a session is opened, as rows. They do not
 * weaken security: in each case the BMC proves with a complete HMAC over both random numbers that it knows the
 * password, before we prove it.
 */

import * as rakp from '../rmcp/rakp.ts';
import type { SessionKeys } from '../rmcp/session-keys.ts';
import * as keys from '../rmcp/session-keys.ts';

/** Parameters of a session request. `level`: the requested privilege, table 22-15. */
export type SessionQuirk = {
  readonly name: string;
  /** Privilege in the Open Session request; 0 = the highest that the cipher suite allows. */
  openingPrivilege(level: number): number;
  /** Role byte of RAKP 1, an input of all codes. */
  role(level: number): number;
};

export const standardSession: SessionQuirk = {
  name: 'usual',
  openingPrivilege: () => 0,
  role: (level) => rakp.nameOnlyLookup | level,
};

/** Sends the privilege in both requests, so it does not matter which of the two the BMC uses. */
export const openSessionPrivilege: SessionQuirk = {
  ...standardSession,
  name: 'privilege first',
  openingPrivilege: (level) => level,
};

/** In addition looks users up by name and privilege: the bit that some BMCs omit from their codes is then not set. */
export const noNameOnlyLookup: SessionQuirk = {
  name: 'no look-up bit',
  openingPrivilege: (level) => level,
  role: (level) => level,
};

export type SessionQuirkRow = {
  readonly name: string;
  readonly symptom: string;
  /** Model names from FreeIPMI (its flags and its list of issues) and ipmitool (`-o`). */
  readonly models: string;
  /** The role byte that the BMC hashed instead of the one in RAKP 1. */
  hashedRole(sent: { role: number; openingPrivilege: number }): number;
  /** How to request a session from such a BMC. */
  readonly quirk: SessionQuirk;
};

export const sessionQuirkTable: readonly SessionQuirkRow[] = [
  {
    name: 'opensesspriv',
    symptom: "its codes are made with Open Session's privilege instead of RAKP 1's",
    models:
      'Sun Fire 4100/4150/4200/4500 (ILOM), Inventec 5441/Dell Xanadu II, Supermicro X8DTH/X8DTG/X8DTU, Intel S5500WBV and S2600JF, Quanta QSSC-S4R, Dell C5220',
    hashedRole: ({ openingPrivilege }) => rakp.nameOnlyLookup | openingPrivilege,
    quirk: openSessionPrivilege,
  },
  {
    name: 'opensesspriv without look-up bit',
    symptom: 'the same, with nothing but the privilege in the byte',
    models: 'seen together with the former',
    hashedRole: ({ openingPrivilege }) => openingPrivilege,
    quirk: noNameOnlyLookup,
  },
  {
    name: 'intelplus, i82571spt',
    symptom: 'its codes are made without the look-up bit of the role',
    models: 'Intel SE7520AF2 (Server Management Module, RAKP 3), Intel 82571 network chip (all codes)',
    hashedRole: ({ role }) => role & 0x0f,
    quirk: noNameOnlyLookup,
  },
];

/** Statuses by which a BMC rejects a role that it would have granted if Open Session had requested it. Table 13-15. */
export const roleStatuses: readonly number[] = [9, 10, 18];

type Proof = { readonly facts: keys.RakpFacts; readonly openingPrivilege: number; readonly code: Uint8Array };

/** Finds the quirk that yields this RAKP 2 code with the same password and another role. */
export function findQuirkByRakp2(proof: Proof, key: Uint8Array): SessionQuirkRow | undefined {
  return findQuirk(proof, (facts) => keys.rakp2Code(facts, key));
}

/** Finds the quirk that yields this RAKP 4 code with the same key and another role. */
export function findQuirkByRakp4(proof: Proof, key: Uint8Array): SessionQuirkRow | undefined {
  return findQuirk(proof, (facts) => {
    const { sik }: SessionKeys = keys.deriveKeys(facts, key);
    return keys.rakp4Code(facts, sik);
  });
}

function findQuirk(
  { facts, openingPrivilege, code }: Proof,
  compute: (facts: keys.RakpFacts) => Buffer,
): SessionQuirkRow | undefined {
  return sessionQuirkTable.find(({ hashedRole }) => {
    const role = hashedRole({ role: facts.role, openingPrivilege });
    return role !== facts.role && beginsWithCode(code, compute({ ...facts, role }));
  });
}

/**
 * `supermicro20`, `sun20`: an extra byte after the RAKP 2 code (Supermicro H8QME with SIMSO and Peppercon firmware,
 * Sun Fire 4100 with ILOM). The complete HMAC must still match.
 */
export function beginsWithCode(received: Uint8Array, expected: Uint8Array): boolean {
  const isPlausible = received.length === expected.length || received.length === expected.length + 1;
  return isPlausible && keys.sameCode(received.subarray(0, expected.length), expected);
}
