/**
 * The path patterns of access rules, as keystonemiddleware reads them: `*` and `{name}` stand for one or more characters of one
 * segment, `**` for any characters. Anything else stands for itself.
 */

/** Longer paths match nothing: the cost of a match is the product of both lengths. */
const longestPath = 1024;

/**
 * Compares a path with patterns. A pattern is followed at all places of the path at once, each of them a bit: with many
 * wildcards it costs no more, and a request can be compared with a hundred patterns.
 */
export function patternMatcher(path: string): (pattern: string) => boolean {
  if (path.length > longestPath) return () => false;
  const [end, all] = [1n << BigInt(path.length), (2n << BigInt(path.length)) - 1n];
  const inSegment = all ^ end ^ placesOf('/', path);
  const known = new Map<string, bigint>();
  const after = (places: bigint, part: string): bigint => {
    // From the first of them on.
    if (part.startsWith('**')) return (places | -places) & all;
    if (part !== '*' && !isName(part)) return (places & among(known, part, path)) << 1n;
    // The carry of the sum runs from each place to the end of its segment.
    const starts = places & inSegment;
    return ((((starts + inSegment) ^ inSegment) | starts) & inSegment) << 1n;
  };
  return (pattern) => {
    let places = 1n;
    for (const part of pattern.match(/\{[^}]*\}|(?:\*\*)+|./gs) ?? []) {
      places = after(places, part);
      if (places === 0n) return false;
    }
    return (places & end) !== 0n;
  };
}

const isName = (part: string) => part.length > 1 && part.startsWith('{');

function among(known: Map<string, bigint>, character: string, path: string): bigint {
  const places = known.get(character) ?? placesOf(character, path);
  known.set(character, places);
  return places;
}

/** The first character of the path is the lowest bit. */
function placesOf(character: string, path: string): bigint {
  let bits = '0b0';
  for (let at = path.length - 1; at >= 0; at--) bits += path[at] === character ? '1' : '0';
  return BigInt(bits);
}
