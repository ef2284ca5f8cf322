/** What ends at a time, or never. */
export function hasExpired({ expires_at }: { readonly expires_at: string | null }): boolean {
  return expires_at !== null && Date.parse(expires_at) <= Date.now();
}
