/** Distinguished names (RFC 4514), to compare them: none is ever put together here. */

/** The same text for equal names; undefined if it is no name. Case and repeated spaces do not count, as most attributes have it. */
export function canonicalName(text: string): string | undefined {
  const parts = splitAtUnescaped(text, ',');
  const names = parts.map((part) => splitAtUnescaped(part, '+').map(canonicalPair));
  if (names.some((pairs) => pairs.includes(undefined))) return undefined;
  return JSON.stringify(names.map((pairs) => pairs.map((pair) => pair ?? '').sort()));
}

function splitAtUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function canonicalPair(text: string): string | undefined {
  const at = text.indexOf('=');
  const type = text.slice(0, Math.max(at, 0)).trim().toLowerCase();
  const value = text.slice(at + 1).replace(/^ +/, '');
  return /^[a-z0-9.-]+$/.test(type) ? JSON.stringify([type, foldName(unescaped(value))]) : undefined;
}

/** As `caseIgnoreMatch` compares (RFC 4518), as far as it matters for names of people and groups. */
export function foldName(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

function unescaped(text: string): string {
  const parts = text.split(/((?:\\[0-9A-Fa-f]{2})+|\\.)/s);
  return parts
    .map((part, index) => {
      if (index % 2 === 0) return part;
      return /^\\[0-9A-Fa-f]{2}/.test(part) ? Buffer.from(part.replaceAll('\\', ''), 'hex').toString() : part.slice(1);
    })
    .join('');
}
