/** The host name of a server, derived from its name by Nova's rule. */

const longest = 63;

/**
 * Characters beyond Latin-1 are dropped before the name is cut, dots and blanks become dashes, and dashes at the ends
 * are removed. If nothing is left, the server's id is used.
 * @param index of the server within a request for several
 */
export function hostNameOf({ id, name }: { id: string; name: string }, index?: number): string {
  const label = [...name]
    .filter((letter) => letter <= '\u00ff')
    .join('')
    .slice(0, longest)
    .replace(/[ _.]/g, '-')
    // Nova also keeps the letters of Latin-1, which are invalid in host names.
    .replace(/[^a-zA-Z0-9-]/g, '')
    .toLowerCase()
    .replace(/^-+|-+$/g, '');
  if (label === '') return `Server-${id}`;
  if (index === undefined) return label;
  const suffix = `-${index + 1}`;
  return `${label.slice(0, longest - suffix.length).replace(/-+$/, '')}${suffix}`;
}
