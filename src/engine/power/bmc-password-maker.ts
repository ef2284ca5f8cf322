/** Generates random BMC passwords that meet the complexity rules of vendors. */
import { randomInt } from 'node:crypto';
import type { PasswordRules } from '#drivers/interfaces.ts';

/** iDRAC, iLO, XCC and Supermicro require one of each class; ambiguous letters and digits are left out. */
const classes = ['ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnpqrstuvwxyz', '23456789', '-_.+=!'] as const;
/** The maximum of IPMI 2.0 in bytes: the strongest password that every BMC can store. */
const usualLength = 20;

export function makePassword({ least = 0, most = usualLength }: PasswordRules = {}): string {
  const length = Math.max(classes.length, Math.min(Math.max(usualLength, least), most));
  const all = classes.join('');
  const kinds = shuffled(Array.from({ length }, (_, index) => classes[index] ?? all));
  return kinds.reduce((password, characters) => password + pickAfter(password, characters), '');
}

function pickAfter(password: string, characters: string): string {
  for (;;) {
    const character = characters.charAt(randomInt(characters.length));
    if (password === '' || !isNext(password.at(-1) as string, character)) return character;
  }
}

/** Equal or adjacent characters, as in `aa`, `Ba` and `12`: libpwquality (OpenBMC) and some vendors limit them. */
function isNext(one: string, other: string): boolean {
  const step = one.toLowerCase().charCodeAt(0) - other.toLowerCase().charCodeAt(0);
  return Math.abs(step) <= 1;
}

function shuffled(characters: readonly string[]): string[] {
  const mixed = [...characters];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!];
  }
  return mixed;
}
