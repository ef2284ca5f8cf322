/** What a server's operating system is called, made of the server's name by Nova's rule. */

const longest = 63;

/**
 * Letters beyond Latin-1 are left out before the name is cut, dots and blanks become dashes, and dashes at the ends go.
 * A name of other scripts leaves nothing: then it is the server's id.
 * @param index of a server that was asked for together with others
 */
export function hostNameOf({ id, name }: { id: string; name: string }, index?: number): string {
  const label = [...name]
    .filter((letter) => letter <= '\u00ff')
    .join('')
    .slice(0, longest)
    .replace(/[ _.]/g, '-')
    // Nova keeps the letters of Latin-1 too, which no host name may have.
    .replace(/[^a-zA-Z0-9-]/g, '')
    .toLowerCase()
    .replace(/^-+|-+$/g, '');
  if (label === '') return `Server-${id}`;
  if (index === undefined) return label;
  const suffix = `-${index + 1}`;
  return `${label.slice(0, longest - suffix.length).replace(/-+$/, '')}${suffix}`;
}
