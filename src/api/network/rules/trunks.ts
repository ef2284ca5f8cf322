/** Rules of trunks. */
import { member, ofMember, ofReader, reader, tagRules } from './base.ts';

export const trunkRules = {
  create_trunk: member('Create a trunk.'),
  get_trunk: reader('List and show trunks.'),
  update_trunk: member('Change a trunk.'),
  delete_trunk: member('Delete a trunk.'),
  get_subports: reader('List the subports of a trunk.'),
  add_subports: member('Add subports to a trunk.'),
  remove_subports: member('Remove subports from a trunk.'),
  ...tagRules('trunk', ofReader, ofMember),
} as const;
