/** Root device hints, as validated by `validate`. */
import type { JsonObject } from '#domain/json.ts';
import type { Row } from '../row.ts';

const hint = (name: string, root_device: unknown, more: Partial<Row> = {}): Row => ({
  name: `hint: ${name}`,
  given: {
    node: {
      driver: 'manual-management',
      properties: { root_device } as JsonObject,
      instance_info: { image_source: 'file:///image.raw', root_gb: 1 },
    },
  },
  ask: { method: 'GET', path: '/nodes/$NODE/validate' },
  sees: ['body.deploy.result'],
  ...more,
});

export const hintRows: readonly Row[] = [
  hint('none', {}),
  hint('null', null),
  hint('text', '/dev/sda'),
  hint('a list', ['/dev/sda']),
  hint('JSON as text', '{"size": 500}'),
  hint('a size', { size: 500 }),
  hint('a size as text', { size: '500' }),
  hint('a size with an operator', { size: '>= 500' }),
  hint('a size between', { size: '<range-in> [ 100 500 ]' }),
  hint('a size of alternatives', { size: '<or> 100 <or> 200' }),
  hint('a size of zero', { size: 0 }),
  hint('a negative size', { size: -5 }),
  hint('a fractional size', { size: 1.5 }),
  hint('a size with a unit', { size: '500 GB' }),
  hint('a size that is a list', { size: [500] }),
  hint('a size with the operator of text', { size: 's== 500' }),
  hint('a model', { model: 'Samsung SSD 870' }),
  hint('a model of alternatives', { model: '<or> a <or> b' }),
  hint('a model by part', { model: '<in> ssd' }),
  hint('a model by all parts', { model: '<all-in> a b' }),
  hint('a model that is a number', { model: 5 }),
  hint('an empty model', { model: '' }),
  hint('a serial', { serial: 's== 1234' }),
  hint('a name', { name: '/dev/sda' }),
  hint('a name with an operator', { name: 's!= /dev/sda' }),
  hint('a path', { by_path: '/dev/disk/by-path/pci-0000:00:01.0' }),
  hint('hctl', { hctl: '1:0:0:0' }),
  hint('wwn and its parts', { wwn: '0x500', wwn_with_extension: '0x5001', wwn_vendor_extension: '0x1' }),
  hint('a vendor', { vendor: '<in> dell' }),
  hint('rotational', { rotational: true }),
  hint('rotational as text', { rotational: 'False' }),
  hint('rotational as yes', { rotational: 'yes' }),
  hint('rotational as a number', { rotational: 0 }),
  hint('rotational as nonsense', { rotational: 'perhaps' }),
  hint('rotational that is null', { rotational: null }),
  hint('an unknown hint', { colour: 'red' }),
  hint('a hint in capitals', { SIZE: 500 }),
  hint('an operator that is unknown', { size: '<> 500' }),
  hint('an operator without a value', { size: '>=' }),
];
