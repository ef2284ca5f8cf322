/** Versioned schema migrations, run at startup and by `ingot db sync`. Listed by hand, because their order matters. */
import { type Migration, Migrator } from 'kysely';
import type { Database } from './collection.ts';
import { dialectOf } from './dialect/dialect.ts';
import { migration0001 } from './migrations/0001-first-light.ts';
import { migration0002 } from './migrations/0002-identity.ts';
import { migration0003 } from './migrations/0003-must-clean.ts';
import { migration0004 } from './migrations/0004-every-bmc.ts';
import { migration0005 } from './migrations/0005-large-fleets.ts';
import { migration0006 } from './migrations/0006-later-ironic.ts';
import { migration0007 } from './migrations/0007-boot-states.ts';
import { migration0008 } from './migrations/0008-sealed-secrets.ts';
import { migration0009 } from './migrations/0009-token-revisions.ts';
import { migration0010 } from './migrations/0010-deleted-images.ts';
import { migration0011 } from './migrations/0011-ip-allocations.ts';
import { migration0014 } from './migrations/0014-node-endpoints.ts';
import { migration0015 } from './migrations/0015-machine-identity.ts';
import { migration0016 } from './migrations/0016-server-records.ts';
import { migration0018 } from './migrations/0018-field-names.ts';
import { migration0019 } from './migrations/0019-scopes.ts';
import { migration0020 } from './migrations/0020-node-revision.ts';
import { migration0022 } from './migrations/0022-timed-waits.ts';
import { migration0023 } from './migrations/0023-chassis.ts';
import { migration0025 } from './migrations/0025-list-indexes.ts';
import { migration0030 } from './migrations/0030-port-groups.ts';
import { migration0031 } from './migrations/0031-node-port-names.ts';
import { migration0032 } from './migrations/0032-volumes.ts';
import { migration0034 } from './migrations/0034-allocations.ts';
import { migration0040 } from './migrations/0040-config-drives.ts';
import { migration0041 } from './migrations/0041-console-tickets.ts';
import { migration0042 } from './migrations/0042-node-reservations.ts';
import { migration0043 } from './migrations/0043-failed-logins.ts';
import { migration0044 } from './migrations/0044-event-subscriptions.ts';
import { migration0045 } from './migrations/0045-api-steps.ts';
import { migration0047 } from './migrations/0047-node-flags.ts';
import { migration0050 } from './migrations/0050-records-of-steps.ts';
import { migration0051 } from './migrations/0051-inspections.ts';
import { migration0052 } from './migrations/0052-node-health.ts';
import { migration0054 } from './migrations/0054-fetched-images.ts';
import { migration0058 } from './migrations/0058-node-locks.ts';
import { migration0059 } from './migrations/0059-lessees.ts';
import { migration0060 } from './migrations/0060-server-locks.ts';
import { migration0061 } from './migrations/0061-port-bindings.ts';
import { migration0062 } from './migrations/0062-raid.ts';
import { migration0063 } from './migrations/0063-automatic-lessees.ts';
import { migration0064 } from './migrations/0064-held-addresses.ts';
import { migration0065 } from './migrations/0065-inspection-by-bmc.ts';
import { migration0066 } from './migrations/0066-firmware-updates.ts';
import { migration0070 } from './migrations/0070-project-tree.ts';
import { migration0071 } from './migrations/0071-groups-and-roles.ts';
import { migration0072 } from './migrations/0072-catalogue.ts';
import { migration0073 } from './migrations/0073-credentials.ts';
import { migration0074 } from './migrations/0074-user-options.ts';
import { migration0080 } from './migrations/0080-image-members.ts';
import { migration0081 } from './migrations/0081-hidden-images.ts';
import { migration0082 } from './migrations/0082-image-tasks.ts';
import { migration0085 } from './migrations/0085-security-groups.ts';
import { migration0086 } from './migrations/0086-network-revisions.ts';
import { migration0087 } from './migrations/0087-rbac-policies.ts';
import { migration0090 } from './migrations/0090-access-rules.ts';
import { migration0091 } from './migrations/0091-limits.ts';
import { migration0092 } from './migrations/0092-endpoint-filter.ts';
import { migration0100 } from './migrations/0100-metadefs.ts';
import { migration0101 } from './migrations/0101-equal-images.ts';
import { migration0105 } from './migrations/0105-address-scopes.ts';
import { migration0110 } from './migrations/0110-port-attributes.ts';
import { migration0111 } from './migrations/0111-trunks.ts';
import { migration0115 } from './migrations/0115-routers.ts';
import { migration0120 } from './migrations/0120-fewer-event-indexes.ts';
import { migration0130 } from './migrations/0130-trusts.ts';
import { migration0131 } from './migrations/0131-unrestricted-credentials.ts';
import { migration0132 } from './migrations/0132-password-rules.ts';
import { migration0135 } from './migrations/0135-users-from-outside.ts';
import { migration0136 } from './migrations/0136-federation.ts';
import { migration0145 } from './migrations/0145-subnet-pools.ts';
import { migration0146 } from './migrations/0146-qos.ts';
import { migration0147 } from './migrations/0147-availability-zones.ts';
import { migration0148 } from './migrations/0148-ipv6-modes.ts';
import { migration0149 } from './migrations/0149-service-types.ts';
import { migration0160 } from './migrations/0160-default-security-group-rules.ts';
import { migration0161 } from './migrations/0161-dns-names.ts';
import { migration0175 } from './migrations/0175-network-agents.ts';
import { migration0176 } from './migrations/0176-network-segments.ts';
import { migration0177 } from './migrations/0177-port-bindings.ts';
import { migration0186 } from './migrations/0186-server-tags.ts';
import { migration0187 } from './migrations/0187-flavor-access.ts';

const migrations: Record<string, Migration> = {
  '0001-first-light': migration0001,
  '0002-identity': migration0002,
  '0003-must-clean': migration0003,
  '0004-every-bmc': migration0004,
  '0005-large-fleets': migration0005,
  '0006-later-ironic': migration0006,
  '0007-boot-states': migration0007,
  '0008-sealed-secrets': migration0008,
  '0009-token-revisions': migration0009,
  '0010-deleted-images': migration0010,
  '0011-ip-allocations': migration0011,
  '0014-node-endpoints': migration0014,
  '0015-machine-identity': migration0015,
  '0016-server-records': migration0016,
  '0018-field-names': migration0018,
  '0019-scopes': migration0019,
  '0020-node-revision': migration0020,
  '0022-timed-waits': migration0022,
  '0023-chassis': migration0023,
  '0025-list-indexes': migration0025,
  '0030-port-groups': migration0030,
  '0031-node-port-names': migration0031,
  '0032-volumes': migration0032,
  '0034-allocations': migration0034,
  '0040-config-drives': migration0040,
  '0041-console-tickets': migration0041,
  '0042-node-reservations': migration0042,
  '0043-failed-logins': migration0043,
  '0044-event-subscriptions': migration0044,
  '0045-api-steps': migration0045,
  '0047-node-flags': migration0047,
  '0050-records-of-steps': migration0050,
  '0051-inspections': migration0051,
  '0052-node-health': migration0052,
  '0054-fetched-images': migration0054,
  '0058-node-locks': migration0058,
  '0059-lessees': migration0059,
  '0060-server-locks': migration0060,
  '0061-port-bindings': migration0061,
  '0062-raid': migration0062,
  '0063-automatic-lessees': migration0063,
  '0064-held-addresses': migration0064,
  '0065-inspection-by-bmc': migration0065,
  '0066-firmware-updates': migration0066,
  '0070-project-tree': migration0070,
  '0071-groups-and-roles': migration0071,
  '0072-catalogue': migration0072,
  '0073-credentials': migration0073,
  '0074-user-options': migration0074,
  '0080-image-members': migration0080,
  '0081-hidden-images': migration0081,
  '0082-image-tasks': migration0082,
  '0085-security-groups': migration0085,
  '0086-network-revisions': migration0086,
  '0087-rbac-policies': migration0087,
  '0090-access-rules': migration0090,
  '0091-limits': migration0091,
  '0092-endpoint-filter': migration0092,
  '0100-metadefs': migration0100,
  '0101-equal-images': migration0101,
  '0105-address-scopes': migration0105,
  '0110-port-attributes': migration0110,
  '0111-trunks': migration0111,
  '0115-routers': migration0115,
  '0120-fewer-event-indexes': migration0120,
  '0130-trusts': migration0130,
  '0131-unrestricted-credentials': migration0131,
  '0132-password-rules': migration0132,
  '0135-users-from-outside': migration0135,
  '0136-federation': migration0136,
  '0145-subnet-pools': migration0145,
  '0146-qos': migration0146,
  '0147-availability-zones': migration0147,
  '0148-ipv6-modes': migration0148,
  '0149-service-types': migration0149,
  '0160-default-security-group-rules': migration0160,
  '0161-dns-names': migration0161,
  '0175-network-agents': migration0175,
  '0176-network-segments': migration0176,
  '0177-port-bindings': migration0177,
  '0186-server-tags': migration0186,
  '0187-flavor-access': migration0187,
};

/** The names of the migrations that have not run on this database. */
export async function pendingMigrations(db: Database): Promise<string[]> {
  const known = await migratorOf(db).getMigrations();
  return known.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name);
}

function migratorOf(db: Database): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => migrations } });
}

/** Brings the schema up to date; returns the names of the migrations that ran. */
export async function migrate(db: Database): Promise<string[]> {
  const { error, results } = await migratorOf(db).migrateToLatest();
  if (error) throw error;
  await dialectOf(db).finishSchema(db);
  return (results ?? []).map((result) => result.migrationName);
}
