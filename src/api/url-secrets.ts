/** Secrets that stand in URLs, of which people have more than they know: `https://user:password@host/?token=…`. */
export const mask = '******';

const userInfo = /([a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*):[^\s/?#]+@/gi;
const query = /([?&][\w.-]*(?:pass|pwd|token|secret|key|signature|sig|auth)[\w.-]*=)[^&#\s]+/gi;

/** The same text with stars in their place. */
export function maskUrlSecrets(text: string): string {
  return text.replace(userInfo, `$1:${mask}@`).replace(query, `$1${mask}`);
}
