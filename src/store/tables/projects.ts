/** Projects, as in Keystone. */

export type Project = { id: string; name: string; description: string };
