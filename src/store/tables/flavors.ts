/** Flavors, as in Nova. */

export type Flavor = {
  id: string;
  name: string;
  vcpus: number;
  ram: number;
  disk: number;
  ephemeral: number;
  /** MiB. */
  swap: number;
  is_public: boolean;
  description: string | null;
  extra_specs: Record<string, string>;
  created_at: string;
};
