import * as app from '#wire/ipmi/app-commands.ts';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import type { BoardUser } from '../board.ts';
import { answer, Refusal } from './answer.ts';

const getUserAccess = answer(app.getUserAccess, ({ user: { id } }, { board: { users } }) => {
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

const getUserName = answer(app.getUserName, ({ user: { id } }, { board: { users } }) => {
  const name = Buffer.alloc(16);
  name.write(findUser(users, id)?.name ?? '');
  return { name };
});

/** User ids count from 1, and 1 is the one without a name, section 22.26. */
function findUser(users: readonly BoardUser[], id: number): BoardUser | undefined {
  if (id < 1 || id > userSlots(users)) throw new Refusal(completionCodes.outOfRange);
  if (id === 1) return users.find(({ name }) => name === '');
  return users.filter(({ name }) => name !== '')[id - 2];
}

function userSlots(users: readonly BoardUser[]): number {
  return users.filter(({ name }) => name !== '').length + 1;
}

export const userAnswers = [getUserAccess, getUserName];
