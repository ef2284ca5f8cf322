/** What bindings of ports are described by. */
import { Type } from 'typebox';
import type { JsonObject } from '#domain/json.ts';

/** Neutron's column holds 4095 characters. */
const profileLength = 4095;
export const Profile = Type.Refine(
  Type.Unsafe<JsonObject>(Type.Object({})),
  (profile) => JSON.stringify(profile).length <= profileLength,
  () => `must not be longer than ${profileLength} characters`,
);
export const VnicType = Type.Union([Type.Literal('baremetal'), Type.Literal('normal')]);
