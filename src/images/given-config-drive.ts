/**
 * Config drives as clients of Ironic's API give them: an image (ISO 9660 or vfat), compressed by gzip or not, as base64;
 * or the documents that it is made of (`ironic/conductor/configdrive_utils.py`, `openstack/baremetal/configdrive.py`).
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip as gunzipWithCallback } from 'node:zlib';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { writeAtomically } from '#files/write-atomically.ts';
import { configDriveLabel } from './config-drive.ts';
import { buildIso, type IsoFiles } from './iso9660.ts';

/** The partition for it is as large (Ironic's agent: `MAX_CONFIG_DRIVE_SIZE_MB`). */
export const driveBytes = 64 * 1024 ** 2;

const Mapping = Type.Record(Type.String(), Type.Unknown());
const GivenImage = Type.Object({ iso: Type.String({ minLength: 1 }) });
const GivenDocuments = Type.Object({
  meta_data: Type.Optional(Mapping),
  network_data: Type.Optional(Mapping),
  user_data: Type.Optional(Type.Union([Type.String(), Mapping, Type.Array(Type.Unknown())])),
  vendor_data: Type.Optional(Mapping),
});
/** As it is kept. */
export const GivenConfigDrive = Type.Union([GivenImage, GivenDocuments]);

/** @throws Fault `badRequest` if it is no base64, no valid gzip, or larger than its partition */
export async function readGivenConfigDrive(document: JsonObject): Promise<Buffer> {
  if (Value.Check(GivenImage, document)) return decodeImage(document.iso);
  if (Value.Check(GivenDocuments, document)) return buildIso(configDriveLabel, filesOf(document), new Date(0));
  throw new Fault('badRequest', {
    detail: 'The config drive must be a base64 text, or an object of meta_data, network_data, user_data and vendor_data.',
  });
}

/** @returns the path of the file, replaced atomically */
export async function writeGivenConfigDrive(document: JsonObject, directory: string): Promise<string> {
  const image = await readGivenConfigDrive(document);
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'config-drive.iso');
  // User data may contain secrets.
  await writeAtomically(path, image);
  return path;
}

const base64 = /^[A-Za-z0-9+/\s]*={0,2}\s{0,2}$/;
/** RFC 1952 section 2.3.1. */
const gzipMagic = Buffer.from([0x1f, 0x8b]);

async function decodeImage(text: string): Promise<Buffer> {
  if (!base64.test(text)) throw invalid('it is no base64');
  return unpacked(Buffer.from(text, 'base64'));
}

async function unpacked(bytes: Buffer): Promise<Buffer> {
  const image = bytes.subarray(0, 2).equals(gzipMagic) ? await decompress(bytes) : bytes;
  if (image.length === 0 || image.length > driveBytes) throw invalid(tooLarge);
  return image;
}

/** IBM's and Microsoft's file system, and ISO 9660 (ECMA-119 section 8.3): what a config drive may be. */
export function isDriveImage(bytes: Buffer): boolean {
  const isFat = bytes.length >= 512 && bytes.readUInt16LE(510) === 0xaa55;
  return (
    bytes.toString('latin1', 0x8001, 0x8006) === 'CD001' ||
    (isFat && [54, 82].some((at) => bytes.toString('latin1', at, at + 3) === 'FAT'))
  );
}

/**
 * As Ironic's agent takes it from a URL: an image, compressed or not, or base64 of that. Anything else is refused: it would
 * reach a user's machine from a server that the user may not reach.
 * @throws Fault `badRequest`
 */
export async function decodeDriveFile(bytes: Buffer): Promise<Buffer> {
  const isBinary = isDriveImage(bytes) || bytes.subarray(0, 2).equals(gzipMagic);
  const image = isBinary ? await unpacked(bytes) : await decodeImage(bytes.toString('latin1'));
  if (!isDriveImage(image)) throw invalid('it is neither an ISO 9660 nor a vfat image');
  return image;
}

const tooLarge = `it must have at least one byte and at most ${driveBytes / 1024 ** 2} MiB`;

/** 64 MiB take a tenth of a second, during which the event loop goes on. */
const gunzip = promisify(gunzipWithCallback);

async function decompress(bytes: Buffer): Promise<Buffer> {
  try {
    return await gunzip(bytes, { maxOutputLength: driveBytes });
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw invalid(isLarge ? tooLarge : 'its gzip data is damaged');
  }
}

function invalid(why: string): Fault {
  return new Fault('badRequest', { detail: `The config drive cannot be used: ${why}.` });
}

/** The versions that openstacksdk and Ironic write. */
const versions = ['2012-08-10', 'latest'] as const;

function filesOf({ meta_data = {}, network_data, user_data, vendor_data }: Static<typeof GivenDocuments>): IsoFiles {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const documents: Record<string, Buffer> = {
    'meta_data.json': json(meta_data),
    ...(network_data && { 'network_data.json': json(network_data) }),
    ...(user_data !== undefined && { user_data: typeof user_data === 'string' ? Buffer.from(user_data) : json(user_data) }),
    ...(vendor_data && { 'vendor_data2.json': json(vendor_data) }),
  };
  return Object.fromEntries(
    versions.flatMap((version) => Object.entries(documents).map(([name, content]) => [`openstack/${version}/${name}`, content])),
  );
}
