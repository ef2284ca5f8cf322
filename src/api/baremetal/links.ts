/** The links of a resource. @param path relative to the service, without version */
export function linksTo(base: string, path: string) {
  return [
    { href: `${base}/baremetal/v1/${path}`, rel: 'self' },
    { href: `${base}/baremetal/${path}`, rel: 'bookmark' },
  ];
}
