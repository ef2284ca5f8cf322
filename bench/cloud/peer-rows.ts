/** Many rows for Glance and Neutron: copies of one image, network and port that their APIs have made. */
import type { PeerName } from './peer-config.ts';

/** Ids that the statements give are above those of the services' own rows. */
const firstId = 1_000_000;

type Filling = readonly [database: PeerName, statement: string];

/** @param count of images, networks and ports each, with those that are there */
export function fillings(count: number): readonly Filling[] {
  const rows = `seq_1_to_${count - 1}`;
  const attributes = (base: number, type: string) => `INSERT INTO standardattributes
    SELECT ${base} + seq, '${type}', NOW(), NOW(), '', 1 FROM ${rows};`;
  const [network, segment, port] = [firstId, 2 * firstId, 3 * firstId];
  return [
    [
      'glance',
      `INSERT INTO images SELECT UUID(), CONCAT('image-', seq), 1048576, 'active', created_at - INTERVAL seq SECOND, updated_at,
        deleted_at, deleted, disk_format, container_format, MD5(seq), owner, min_disk, min_ram, protected, 1048576, visibility,
        os_hidden, 'sha512', CONCAT(SHA2(seq, 512)) FROM images, ${rows};`,
    ],
    [
      'neutron',
      [
        "SET foreign_key_checks = 0; SET @network = (SELECT id FROM networks WHERE name = 'bench');",
        ...[attributes(network, 'networks'), attributes(segment, 'networksegments'), attributes(port, 'ports')],
        `INSERT INTO networks SELECT project_id, ${uuidOf('a', 'seq')}, CONCAT('network-', seq), status, admin_state_up,
          vlan_transparent, ${network} + seq, availability_zone_hints, mtu FROM networks, ${rows} WHERE id = @network;`,
        `INSERT INTO networksecuritybindings SELECT ${uuidOf('a', 'seq')}, 1 FROM ${rows};`,
        `INSERT INTO networksegments SELECT UUID(), ${uuidOf('a', 'seq')}, network_type, physical_network, segmentation_id,
          is_dynamic, segment_index, ${segment} + seq, name FROM networksegments, ${rows} WHERE network_id = @network;`,
        `INSERT INTO ports SELECT project_id, ${uuidOf('b', 'seq')}, '', network_id, ${macOf('seq')}, admin_state_up, 'ACTIVE',
          ${uuidOf('c', 'seq')}, 'compute:nova', ${port} + seq, ip_allocation FROM (SELECT * FROM ports LIMIT 1) AS one, ${rows};`,
        `INSERT INTO ipallocations SELECT ${uuidOf('b', 'seq')}, CONCAT_WS('.', 10, 100, seq DIV 256, seq MOD 256), subnet_id,
          network_id FROM (SELECT * FROM ipallocations LIMIT 1) AS one, ${rows};`,
        `INSERT INTO ml2_port_bindings SELECT ${uuidOf('b', 'seq')}, host, vif_type, vnic_type, profile, vif_details, status
          FROM (SELECT * FROM ml2_port_bindings LIMIT 1) AS one, ${rows};`,
        `INSERT INTO portsecuritybindings SELECT ${uuidOf('b', 'seq')}, 1 FROM ${rows};`,
        `INSERT INTO securitygroupportbindings SELECT ${uuidOf('b', 'seq')}, security_group_id
          FROM (SELECT * FROM securitygroupportbindings LIMIT 1) AS one, ${rows};`,
      ].join('\n'),
    ],
  ];
}

/** The same for each table that refers to the row. */
function uuidOf(kind: string, row: string): string {
  return `CONCAT('${kind}0000000-0000-4000-8000-', LPAD(HEX(${row}), 12, '0'))`;
}

function macOf(row: string): string {
  return `CONCAT('52:54:00:', LPAD(HEX(${row} DIV 65536), 2, '0'), ':', LPAD(HEX(${row} DIV 256 MOD 256), 2, '0'), ':', LPAD(HEX(${row} MOD 256), 2, '0'))`;
}
