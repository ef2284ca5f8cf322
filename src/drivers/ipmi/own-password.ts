import { Fault } from '#domain/faults.ts';
import { getUserAccess, getUserName } from '#wire/ipmi/app-commands.ts';
import { passwordOperations, passwordSizes, setUserPassword } from '#wire/ipmi/user-commands.ts';
import type { NodeFacts, PasswordRules } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import { type NodeAsker, optionally } from './ask-node.ts';
import { findLanChannel } from './lan.ts';
import { readIpmiSettings } from './properties.ts';

/** Maximum length that every protocol version in use with this node accepts. */
export function passwordRules(node: NodeFacts): PasswordRules {
  return { most: readIpmiSettings(node).version === '1.5' ? passwordSizes.short : passwordSizes.long };
}

/** Changes the password of the account that Ingot uses. */
export async function changePassword(asker: NodeAsker, password: string): Promise<void> {
  const bytes = Buffer.from(password);
  if (bytes.length === 0) throw new Fault('badRequest', { detail: 'The password is empty.' });
  if (bytes.length > passwordSizes.long || bytes.includes(0)) {
    throw new Fault('badRequest', { detail: `The password must have at most ${passwordSizes.long} bytes, none of them zero.` });
  }
  if (readIpmiSettings(asker.node).bridge)
    return unsupported(asker.node, 'a password of its own: others are reached through the same BMC');
  const id = await findOwnId(asker);
  // A password that fits the short field also works with IPMI 1.5 and with firmware that supports only that field.
  const long = bytes.length > passwordSizes.short;
  const padded = Buffer.alloc(long ? passwordSizes.long : passwordSizes.short);
  bytes.copy(padded);
  await asker.ask(setUserPassword, { user: { id, long }, operation: { number: passwordOperations.set }, password: padded });
}

/** Account 1 has no name: IPMI 2.0 rev 1.1 section 22.28. */
async function findOwnId(asker: NodeAsker): Promise<number> {
  const { user, address } = readIpmiSettings(asker.node);
  if (user === '') return 1;
  const channel = await findLanChannel(asker);
  const { limit } = await asker.ask(getUserAccess, { channel: { number: channel }, user: { id: 1 } });
  for (let id = 1; id <= limit.users; id += 1) {
    // Some BMCs refuse to return the name of an unused account.
    const answer = await optionally(asker.ask(getUserName, { user: { id } }));
    if (answer && answer.name.toString('utf8').replace(/\0+$/, '') === user) return id;
  }
  const detail = `none of its ${limit.users} accounts has our user name`;
  throw new Fault('bmcMalformedReply', { address, command: getUserName.name, detail });
}
