/**
 * BMCs that open sessions otherwise than IPMI 2.0 rev 1.1 section 13 says, as rows. Nothing is given away by minding them: in
 * each case the BMC proves with a whole HMAC over both random numbers that it knows the password, before we prove it.
 */

import * as rakp from '../rmcp/rakp.ts';
import type { SessionKeys } from '../rmcp/session-keys.ts';
import * as keys from '../rmcp/session-keys.ts';

/** How a session is asked for. `level`: the privilege wanted, table 22-15. */
export type SessionQuirk = {
  readonly name: string;
  /** Privilege of the Open Session request; 0 = the highest that the cipher suite allows. */
  openingPrivilege(level: number): number;
  /** Role byte of RAKP 1, which enters all codes. */
  role(level: number): number;
};

export const standardSession: SessionQuirk = {
  name: 'usual',
  openingPrivilege: () => 0,
  role: (level) => rakp.nameOnlyLookup | level,
};

/** The privilege is told at once, so that it does not matter which of the two the BMC uses. */
export const openSessionPrivilege: SessionQuirk = {
  ...standardSession,
  name: 'privilege first',
  openingPrivilege: (level) => level,
};

/** As well, and users are looked up by name and privilege: the bit that some BMCs leave out of their codes is not there. */
export const noNameOnlyLookup: SessionQuirk = {
  name: 'no look-up bit',
  openingPrivilege: (level) => level,
  role: (level) => level,
};

export type SessionQuirkRow = {
  readonly name: string;
  readonly symptom: string;
  /** As FreeIPMI (its flags and its list of issues) and ipmitool (`-o`) name them. */
  readonly models: string;
  /** The role byte that went into the BMC's codes instead of the one of RAKP 1. */
  hashedRole(sent: { role: number; openingPrivilege: number }): number;
  /** How such a BMC is asked for a session. */
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

/** Statuses by which a BMC turns down a role that it would have granted, had Open Session named it. Table 13-15. */
export const roleStatuses: readonly number[] = [9, 10, 18];

type Proof = { readonly facts: keys.RakpFacts; readonly openingPrivilege: number; readonly code: Uint8Array };

/** Who made this code of RAKP 2 with the same password, and with another role. */
export function findQuirkByRakp2(proof: Proof, key: Uint8Array): SessionQuirkRow | undefined {
  return findQuirk(proof, (facts) => keys.rakp2Code(facts, key));
}

/** Who made this code of RAKP 4 with the same key, and with another role. */
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
 * `supermicro20`, `sun20`: a byte too many behind the code of RAKP 2 (Supermicro H8QME with SIMSO and Peppercon firmware, Sun
 * Fire 4100 with ILOM). The whole HMAC must be there all the same.
 */
export function beginsWithCode(received: Uint8Array, expected: Uint8Array): boolean {
  const isPlausible = received.length === expected.length || received.length === expected.length + 1;
  return isPlausible && keys.sameCode(received.subarray(0, expected.length), expected);
}
