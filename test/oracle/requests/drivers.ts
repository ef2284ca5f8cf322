/** `/v1/drivers`. */
import { get, post, put, type Row } from '../row.ts';

const fake = '/drivers/fake-hardware';
const status = { sees: ['status'] };

export const driverRows: readonly Row[] = [
  get('drivers: all', '/drivers', status),
  get('drivers: in detail', '/drivers?detail=True', status),
  get('drivers: detail as nonsense', '/drivers?detail=perhaps'),
  get('drivers: dynamic ones', '/drivers?type=dynamic', status),
  get('drivers: classic ones', '/drivers?type=classic'),
  get('drivers: of an unknown type', '/drivers?type=odd'),
  get('drivers: fields', '/drivers?fields=name', status),
  get('drivers: fields at 1.76', '/drivers?fields=name', { version: '1.76' }),
  get('drivers: unknown fields', '/drivers?fields=color'),
  get('drivers: fields in detail', '/drivers?fields=name&detail=True'),
  get('drivers: an unknown query', '/drivers?color=red'),
  get('driver: one', fake, status),
  get('driver: one with fields', `${fake}?fields=name,hosts`),
  get('driver: one with unknown fields', `${fake}?fields=color`),
  get('driver: one at 1.13', fake, { version: '1.13' }),
  get('driver: an unknown one', '/drivers/no-such'),
  get('driver: its properties', `${fake}/properties`, status),
  get('driver: properties of an unknown one', '/drivers/no-such/properties'),
  get('driver: properties without one', '/drivers/properties', status),
  get('driver: its vendor methods', `${fake}/vendor_passthru/methods`, status),
  post('driver: an unknown vendor method', `${fake}/vendor_passthru/explode`, {}),
  post('driver: no vendor method', `${fake}/vendor_passthru`, {}),
  get('driver: its logical disks', `${fake}/raid/logical_disk_properties`),
  post('driver: made', '/drivers', {}),
  put('driver: changed', fake, {}),
  get('driver: something below', `${fake}/nothing`),
];
