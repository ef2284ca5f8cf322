/**
 * The config drive: Nova's metadata tree as a small ISO 9660 image labelled `config-2`, from which unmodified
 * cloud-init reads hostname, SSH key, network, user data and files.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '#files/write-atomically.ts';
import type { Server } from '#store/tables/servers.ts';
import { buildIso, type IsoFiles } from './iso9660.ts';
import { type NetworkFacts, networkData } from './network-data.ts';

export const configDriveLabel = 'config-2';

/** Readers use the newest version they know, so all of Nova's are present; the contents are the same. */
const metadataVersions = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  'latest',
] as const;

/** @returns the path of the file, replaced atomically; its bytes depend only on the arguments */
export async function writeConfigDrive(server: Server, network: NetworkFacts, directory: string): Promise<string> {
  const image = buildIso(configDriveLabel, configDriveFiles(server, network), new Date(server.created_at));
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'config-drive.iso');
  // User data may contain secrets.
  await writeAtomically(path, image);
  return path;
}

export function configDriveFiles(server: Server, network: NetworkFacts): IsoFiles {
  const userData = server.user_data === null ? undefined : Buffer.from(server.user_data, 'base64');
  const documents: Record<string, Buffer> = {
    'meta_data.json': json(metaData(server)),
    'network_data.json': json(networkData(network)),
    'vendor_data.json': json({}),
    'vendor_data2.json': json({}),
    ...(userData && { user_data: userData }),
  };
  const files: Record<string, Buffer> = {};
  for (const version of metadataVersions) {
    for (const [name, content] of Object.entries(documents)) files[`openstack/${version}/${name}`] = content;
  }
  for (const [index, { contents }] of server.personality.entries()) {
    files[`openstack/${contentPath(index)}`] = Buffer.from(contents, 'base64');
  }
  files['ec2/latest/meta-data.json'] = json(ec2MetaData(server));
  if (userData) files['ec2/latest/user-data'] = userData;
  return files;
}

/**
 * Nova's meta_data.json without `random_seed`: the drive must have the same bytes whenever it is built, and a
 * reproducible seed would be useless. Physical machines have other entropy sources.
 */
function metaData(server: Server): object {
  const { key_name: key, public_key: data } = server;
  const hasKey = key !== null && data !== null;
  return {
    uuid: server.id,
    name: server.name,
    hostname: server.hostname,
    launch_index: server.launch_index,
    availability_zone: server.availability_zone ?? 'nova',
    project_id: server.project_id,
    meta: server.metadata,
    devices: [],
    ...(hasKey && { public_keys: { [key]: data.trim() }, keys: [{ name: key, type: 'ssh', data: data.trim() }] }),
    ...(server.personality.length > 0 && {
      files: server.personality.map(({ path }, index) => ({ path, content_path: `/${contentPath(index)}` })),
    }),
  };
}

function ec2MetaData(server: Server): object {
  return {
    'instance-id': `i-${server.id.replaceAll('-', '').slice(0, 17)}`,
    'ami-id': server.image_id ?? 'none',
    'ami-launch-index': server.launch_index,
    hostname: server.hostname,
    'local-hostname': server.hostname,
    placement: { 'availability-zone': server.availability_zone ?? 'nova' },
    ...(server.public_key && {
      'public-keys': { 0: { _name: `0=${server.key_name}`, 'openssh-key': server.public_key.trim() } },
    }),
  };
}

function contentPath(index: number): string {
  return `content/${String(index).padStart(4, '0')}`;
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value, null, 1));
}
