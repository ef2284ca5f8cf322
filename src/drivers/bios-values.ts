/** Values of BIOS settings as clients write them: Ironic shows all of them as texts. */
import type { Json } from '#domain/json.ts';
import type { BiosSetting } from './machine-interfaces.ts';

/** The value in the setting's type: `"4"` is 4 and `"True"` is true; what cannot be converted stays as it is. */
export function typedValue(value: Json, type: BiosSetting['type']): Json {
  if (typeof value !== 'string') return value;
  if (type === 'Integer' && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (type === 'Boolean' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  return value;
}
