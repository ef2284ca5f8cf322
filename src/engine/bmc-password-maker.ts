/** New passwords for BMCs: random, and such that the complexity rules of vendors are met. */
import { randomInt } from 'node:crypto';
import type { PasswordRules } from '#drivers/interfaces.ts';

/** What iDRAC, iLO, XCC and Supermicro want one of each of; letters and digits that are taken for each other are left out. */
const classes = ['ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnpqrstuvwxyz', '23456789', '-_.+=!'] as const;
/** IPMI 2.0 has room for so many bytes: the strongest that every BMC can keep. */
const usualLength = 20;

export function makePassword({ least = 0, most = usualLength }: PasswordRules = {}): string {
  const length = Math.max(classes.length, Math.min(Math.max(usualLength, least), most));
  const all = classes.join('');
  const characters = Array.from({ length }, (_, index) => pickFrom(classes[index] ?? all));
  return shuffled(characters).join('');
}

function pickFrom(characters: string): string {
  return characters.charAt(randomInt(characters.length));
}

function shuffled(characters: readonly string[]): string[] {
  const mixed = [...characters];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!];
  }
  return mixed;
}
