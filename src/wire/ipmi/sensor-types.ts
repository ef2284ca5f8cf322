/** Names of sensor type codes, IPMI 2.0 rev 1.1 table 42-3. */
const sensorTypeTable = [
  'reserved',
  'temperature',
  'voltage',
  'current',
  'fan',
  'physical security',
  'platform security',
  'processor',
  'power supply',
  'power unit',
  'cooling device',
  'other units',
  'memory',
  'drive bay',
  'POST memory resize',
  'system firmware progress',
  'event logging disabled',
  'watchdog 1',
  'system event',
  'critical interrupt',
  'button',
  'module / board',
  'microcontroller',
  'add-in card',
  'chassis',
  'chip set',
  'other FRU',
  'cable / interconnect',
  'terminator',
  'system boot initiated',
  'boot error',
  'base OS boot',
  'OS stop / shutdown',
  'slot / connector',
  'system ACPI power state',
  'watchdog 2',
  'platform alert',
  'entity presence',
  'monitor ASIC',
  'LAN',
  'management subsystem health',
  'battery',
  'session audit',
  'version change',
  'FRU state',
] as const;

/** C0h to FFh are OEM types. */
export function describeSensorType(code: number): string {
  return sensorTypeTable[code] ?? (code >= 0xc0 ? `OEM type ${hex(code)}` : `type ${hex(code)}`);
}

function hex(code: number): string {
  return `${code.toString(16).toUpperCase().padStart(2, '0')}h`;
}
