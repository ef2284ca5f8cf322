/** The boot contents found on an image, stored beside the prepared file. */
import { Type } from 'typebox';

/** Increase it when the readers change: records of an older version are then ignored. */
export const bootReaderVersion = 2;

export const BootContentsRecord = Type.Object({
  layout: Type.Union([
    Type.Literal('gpt'),
    Type.Literal('mbr'),
    Type.Literal('iso9660'),
    Type.Literal('file system'),
    Type.Literal('unknown'),
  ]),
  file_system: Type.Optional(Type.String()),
  boot_code: Type.Boolean(),
  efi_loaders: Type.Array(
    Type.Object({
      path: Type.String(),
      architecture: Type.Union([Type.String(), Type.Null()]),
      is_default: Type.Boolean(),
    }),
  ),
  unread: Type.Array(Type.String()),
  damage: Type.Array(Type.String()),
  cut_off: Type.Optional(Type.String()),
});
