/** Accounts: IPMI 2.0 rev 1.1 sections 22.26 to 22.30. */
import * as app from '#wire/ipmi/app-commands.ts';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import * as rows from '#wire/ipmi/user-commands.ts';
import type { BmcModelUser } from '../bmc-model.ts';
import { answer, Refusal } from './answer.ts';

const getUserAccess = answer(app.getUserAccess, ({ user: { id } }, { bmcModel: { users } }) => {
  const user = findUser(users, id);
  const enabled = user !== undefined;
  return {
    limit: { users: userSlots(users) },
    enabled: { users: users.length, state: enabled ? 1 : 2 },
    fixed: { users: 0 },
    access: {
      level: enabled ? privilegeLevels[user.privilege] : 0x0f,
      messaging: enabled,
      link: false,
      callbackOnly: false,
    },
  };
});

const getUserName = answer(app.getUserName, ({ user: { id } }, { bmcModel: { users } }) => {
  const name = Buffer.alloc(16);
  name.write(findUser(users, id)?.name ?? '');
  return { name };
});

function takeUser(users: readonly BmcModelUser[], id: number): BmcModelUser {
  const user = findUser(users, id);
  if (!user) throw new Refusal(completionCodes.invalidField);
  return user;
}

const setUserPassword = answer(rows.setUserPassword, ({ user: { id, long }, operation, password }, { bmcModel: { users } }) => {
  const user = takeUser(users, id);
  const { disable, enable, set, test } = rows.passwordOperations;
  if (operation.number === disable || operation.number === enable) return {};
  if (password.length !== (long ? rows.passwordSizes.long : rows.passwordSizes.short)) {
    throw new Refusal(completionCodes.wrongLength);
  }
  const text = password.toString('latin1').replace(/\0+$/, '');
  if (operation.number === set) user.password = text;
  if (operation.number === test && user.password !== text) throw new Refusal(0x80);
  return {};
});

/** Only the privilege is changed; channel and session restrictions are not. */
const setUserAccess = answer(rows.setUserAccess, ({ user: { id }, limit: { level } }, { bmcModel: { users } }) => {
  const user = takeUser(users, id);
  const privilege = (['user', 'operator', 'administrator'] as const).find((name) => privilegeLevels[name] === level);
  if (!privilege) throw new Refusal(completionCodes.invalidField);
  users[users.indexOf(user)] = { ...user, privilege };
  return {};
});

const setUserName = answer(rows.setUserName, ({ user: { id }, name }, { bmcModel: { users } }) => {
  const text = name.toString('latin1').replace(/\0+$/, '');
  const user = findUser(users, id);
  if (user?.name === text) return {};
  if (!user || id === 1 || text === '') throw new Refusal(completionCodes.invalidField);
  users[users.indexOf(user)] = { ...user, name: text };
  return {};
});

/** User ids start at 1, the user without a name, section 22.26. */
function findUser(users: readonly BmcModelUser[], id: number): BmcModelUser | undefined {
  if (id < 1 || id > userSlots(users)) throw new Refusal(completionCodes.outOfRange);
  if (id === 1) return users.find(({ name }) => name === '');
  return users.filter(({ name }) => name !== '')[id - 2];
}

function userSlots(users: readonly BmcModelUser[]): number {
  return users.filter(({ name }) => name !== '').length + 1;
}

export const userAnswers = [setUserPassword, setUserAccess, setUserName, getUserAccess, getUserName];
