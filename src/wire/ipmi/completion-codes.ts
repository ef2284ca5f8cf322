/** Generic completion codes, IPMI 2.0 rev 1.1 table 5-2. Codes 80h to BEh depend on the command: see its row. */
export const completionCodeTable: Readonly<Record<number, string>> = {
  0: 'completed normally',
  192: 'node busy',
  193: 'invalid command',
  194: 'command invalid for given LUN',
  195: 'timeout while processing the command',
  196: 'out of space',
  197: 'reservation cancelled or invalid',
  198: 'request data truncated',
  199: 'request data length invalid',
  200: 'request data field length limit exceeded',
  201: 'parameter out of range',
  202: 'cannot return the requested number of bytes',
  203: 'requested sensor, data or record not present',
  204: 'invalid data field in request',
  205: 'command illegal for this sensor or record type',
  206: 'command response could not be provided',
  207: 'cannot execute a duplicated request',
  208: 'the sensor repository is being updated',
  209: 'the device is in firmware update mode',
  210: 'the BMC is initializing',
  211: 'destination unavailable',
  212: 'insufficient privilege level',
  213: 'not supported in the present state',
  214: 'the sub-function is disabled or unavailable',
  255: 'unspecified error',
};

/**
 * What a BMC that is still starting answers to any command (D2h). Supermicro X9 and Dell iDRAC 6 use FFh or C3h for
 * the same, and never use any of these codes for an invalid request.
 */
export const notReadyCodes: readonly number[] = [0xc0, 0xc3, 0xd2, 0xff];

export const completionCodes = {
  ok: 0x00,
  parameterNotSupported: 0x80,
  nodeBusy: 0xc0,
  invalidCommand: 0xc1,
  invalidForUnit: 0xc2,
  reservationLost: 0xc5,
  wrongLength: 0xc7,
  lengthLimit: 0xc8,
  outOfRange: 0xc9,
  tooManyBytes: 0xca,
  notPresent: 0xcb,
  invalidField: 0xcc,
  illegalForSensor: 0xcd,
  insufficientPrivilege: 0xd4,
  notInThisState: 0xd5,
  unspecified: 0xff,
} as const;

export function describeCompletion(code: number, ofCommand: Readonly<Record<number, string>> = {}): string {
  const hex = `${code.toString(16).toUpperCase().padStart(2, '0')}h`;
  const text = ofCommand[code] ?? completionCodeTable[code];
  if (text) return `completion code ${hex} (${text})`;
  return `completion code ${hex} (${code >= 0x80 && code <= 0xbe ? 'specific to the command' : 'vendor specific or unknown'})`;
}
