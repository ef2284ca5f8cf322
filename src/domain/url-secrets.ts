/** Masks secrets in URLs, which are easily overlooked: `https://user:password@host/?token=…`. */
export const mask = '******';

/** Without the scheme: sought from each letter on, a long word would take seconds. */
const userInfo = /(:\/\/[^\s/?#@:]*):[^\s/?#]+@/g;
/** A user without a password is a token to HTTP servers; in other URLs, such as `ssh://user@host`, it is a name. */
const lone = /(https?:\/\/)[^\s/?#@:]+@/gi;
const query = /([?&]([^=&?#\s]+)=)[^&#\s]+/g;
/** `code`: what a browser brings from an identity provider. */
const secretName = /pass|pwd|token|secret|key|signature|sig|auth|^code$/i;

/** The same text with asterisks in their place. */
export function maskUrlSecrets(text: string): string {
  return text
    .replace(userInfo, `$1:${mask}@`)
    .replace(lone, `$1${mask}@`)
    .replace(query, (whole, before: string, name: string) => (secretName.test(decoded(name)) ? before + mask : whole));
}

/** Decodes each escape separately: an invalid one hides no other. */
function decoded(name: string): string {
  return name.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
