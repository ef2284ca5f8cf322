/** Secrets that stand in URLs, of which people have more than they know: `https://user:password@host/?token=…`. */
export const mask = '******';

const userInfo = /([a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*):[^\s/?#]+@/gi;
const query = /([?&]([^=&?#\s]+)=)[^&#\s]+/g;
const secretName = /pass|pwd|token|secret|key|signature|sig|auth/i;

/** The same text with stars in their place. */
export function maskUrlSecrets(text: string): string {
  return text
    .replace(userInfo, `$1:${mask}@`)
    .replace(query, (whole, before: string, name: string) => (secretName.test(decoded(name)) ? before + mask : whole));
}

/** Each escape by itself: one that is wrong hides no other. */
function decoded(name: string): string {
  return name.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
