/** What an operator of the site has to see to, and defects. */
import type { FaultRow } from './fault-row.ts';

export const siteFaults = {
  toolFailed: {
    status: 500,
    by: 'site',
    message: '{tool} failed: {detail}',
    hint: 'Check that the program is installed and up to date; on Debian 12 `npm run demo` installs all dependencies.',
  },
  notConfined: {
    status: 501,
    by: 'site',
    message: '{tool} was not run because it could not be sandboxed: {detail}.',
    hint: 'Install bubblewrap (Debian package bubblewrap) on a host that allows user namespaces, or set tools.confinement=none to run such programs without a sandbox.',
  },
  noSpace: {
    status: 507,
    by: 'site',
    message: 'No space left in the image store: {mib} MiB of its disk are reserved (images.reserve_mib).',
    hint: 'Delete unused images or enlarge the disk.',
  },
  diskReserve: {
    status: 507,
    by: 'site',
    message: 'No space left for changes: {mib} MiB of the disk of the state folder are reserved (images.reserve_mib).',
    hint: 'Delete unused resources (deletion still works) or enlarge the disk.',
  },
  cannotListen: {
    status: 500,
    by: 'site',
    message: 'Cannot listen on {address}:{port} for {purpose}: {detail}.',
    hint: '{remedy}',
  },
  secretsKey: {
    status: 500,
    by: 'site',
    message: 'The secrets in the database cannot be decrypted with key file {file}: {detail}.',
    hint: 'Restore the key file from a backup, or set secrets.key_file. Nothing was changed.',
  },
  eventCertificate: {
    status: 500,
    by: 'site',
    message: 'The certificate {file} of the HTTPS event listener cannot be used: {detail}.',
    hint: 'Correct redfish.events_certificate and redfish.events_key (PEM files), or unset both to use a self-signed certificate.',
  },
  policyFile: {
    status: 500,
    by: 'site',
    message: 'Policy file {file}, line {line}: {detail}.',
    hint: 'Correct the file, or unset policy.file to use the default rules (docs/policies.md).',
  },
  protectionsFile: {
    status: 500,
    by: 'site',
    message: 'Property protections {file}, line {line}: {detail}.',
    hint: 'Correct the file, or unset images.property_protections to protect no properties.',
  },
  stateFolder: {
    status: 500,
    by: 'site',
    message: 'The state folder {path} cannot be used: {detail}.',
    hint: 'Choose another with --state (setting state_dir), or correct this one.',
  },
  // Nothing was sent: clients may retry a 503 at once.
  limitReached: {
    status: 503,
    by: 'site',
    message: '{what} was not started: {detail}.',
    hint: 'Retry later, or raise the setting {setting}.',
  },
  databaseCopy: {
    status: 500,
    by: 'site',
    message: 'The database {from} was not copied to {to}: {detail}.',
    hint: 'Nothing was copied.',
  },
  /** As keystonemiddleware says it; the log has the detail. */
  keystoneUnavailable: { status: 503, by: 'site', message: 'The Keystone service is temporarily unavailable.' },
  identityProviderUnavailable: { status: 503, by: 'site', message: 'The identity provider cannot be asked now.' },
  directoryUnavailable: { status: 503, by: 'site', message: 'The directory of this domain cannot be asked now.' },
  databaseUnavailable: {
    status: 503,
    by: 'site',
    message: 'The database {database} cannot be used: {detail}.',
    hint: 'Check database.url and the PostgreSQL server. Ingot reconnects by itself.',
  },
  internal: {
    status: 500,
    by: 'ingot',
    message: 'Unexpected error: {detail}',
    hint: 'This is a defect in Ingot; see the log for details.',
  },
} as const satisfies Record<string, FaultRow>;
