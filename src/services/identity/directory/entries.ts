/** What entries of a directory mean as users and groups, by the settings. Whatever is ambiguous is left out, never guessed. */
import { canonicalName } from '#wire/ldap/distinguished-name.ts';
import type { Entry } from '#wire/ldap/messages.ts';
import type { LdapSettings } from '../settings.ts';

export type DirectoryUser = {
  readonly dn: string;
  /** The value of the attribute of ids. */
  readonly local_id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly description: string;
  readonly email: string;
};

export type DirectoryGroup = {
  readonly local_id: string;
  readonly name: string;
  readonly description: string;
  /** Canonical names, or ids. */
  readonly members: ReadonlySet<string>;
};

/** As in requests that create users and groups. */
const longestName = { user: 255, group: 64 } as const;
const longestId = 255;
const longestText = 1000;

/** undefined if it has no single id, or no name. */
export function userOf(entry: Entry, settings: LdapSettings): DirectoryUser | undefined {
  const local_id = only(entry, settings['ldap.user_id_attribute']);
  const name = first(entry, settings['ldap.user_name_attribute']);
  if (entry.dn === '' || !isName(local_id, longestId) || !isName(name, longestName.user)) return undefined;
  return {
    ...{ dn: entry.dn, local_id, name, enabled: isEnabled(entry, settings) },
    description: freeText(entry, settings['ldap.user_description_attribute']),
    email: freeText(entry, settings['ldap.user_mail_attribute']),
  };
}

export function groupOf(entry: Entry, settings: LdapSettings): DirectoryGroup | undefined {
  const local_id = only(entry, settings['ldap.group_id_attribute']);
  const name = first(entry, settings['ldap.group_name_attribute']);
  if (!isName(local_id, longestId) || !isName(name, longestName.group)) return undefined;
  const values = textsOf(entry, settings['ldap.group_member_attribute']);
  const areIds = settings['ldap.group_members_are_ids'];
  const members = values.map((value) => (areIds ? value : canonicalName(value))).filter((value) => value !== undefined);
  return { local_id, name, description: freeText(entry, settings['ldap.group_desc_attribute']), members: new Set(members) };
}

/** By what groups name a user. */
export function memberKeyOf(user: DirectoryUser, settings: LdapSettings): string | undefined {
  return settings['ldap.group_members_are_ids'] ? user.local_id : canonicalName(user.dn);
}

/** As Keystone reads it; a value that it would not understand disables the user. */
function isEnabled(entry: Entry, settings: LdapSettings): boolean {
  const value = first(entry, settings['ldap.user_enabled_attribute']) ?? settings['ldap.user_enabled_default'];
  const mask = settings['ldap.user_enabled_mask'];
  if (mask !== 0) return /^-?\d{1,10}$/.test(value) && (Number(value) & mask) !== mask;
  const flag = value.toLowerCase();
  if (flag !== 'true' && flag !== 'false') return false;
  return (flag === 'true') !== settings['ldap.user_enabled_invert'];
}

/** Values that are no UTF-8 are none. */
function textsOf({ attributes }: Entry, name: string): string[] {
  return (attributes.get(name.toLowerCase()) ?? []).flatMap((bytes) => {
    try {
      return [new TextDecoder('utf-8', { fatal: true }).decode(bytes)];
    } catch {
      return [];
    }
  });
}

const first = (entry: Entry, name: string): string | undefined => textsOf(entry, name)[0];

function only(entry: Entry, name: string): string | undefined {
  const values = entry.attributes.get(name.toLowerCase()) ?? [];
  return values.length === 1 ? first(entry, name) : undefined;
}

function isName(text: string | undefined, longest: number): text is string {
  return text !== undefined && text.trim() !== '' && text.length <= longest && !/\p{Cc}/u.test(text);
}

function freeText(entry: Entry, name: string): string {
  return (first(entry, name) ?? '').replace(/\p{Cc}/gu, ' ').slice(0, longestText);
}
