/** What requests may not change: the users, groups and members that the directory has. */
import { Fault } from '#domain/faults.ts';
import type { IdentityContext } from '../context.ts';

/** For what only reads and writes records, also those of the directory. */
export type DirectoryContext = Pick<IdentityContext, 'store' | 'directory'>;

/** Texts as in Keystone. @throws Fault `forbidden` */
export function refuseWrite({ directory }: Pick<IdentityContext, 'directory'>, entity: { readonly domain_id: string }): void {
  if (directory?.owns(entity)) throw new Fault('forbidden', { detail: 'LDAP does not support write operations' });
}

type Ends = {
  readonly group: { readonly id: string; readonly domain_id: string };
  readonly user: { readonly id: string; readonly domain_id: string };
};

/** A group of the directory has members by the directory alone, and its users are in no other groups. */
export function refuseMembership({ directory }: Pick<IdentityContext, 'directory'>, { group, user }: Ends): void {
  refuseMixed(directory, { group, user });
  refuseWrite({ directory }, group);
}

function refuseMixed(directory: IdentityContext['directory'], { group, user }: Ends): void {
  if (!directory || directory.owns(group) === directory.owns(user)) return;
  const what = `Group in question is ${group.id}, user is ${user.id}.`;
  throw new Fault('forbidden', { detail: `Group membership across backend boundaries is not allowed. ${what}` });
}
